"""Two walkers on a grid who must change places without meeting, and two ways to learn from them what they want."""

from remblai.gallery.walkers.adversarial import Discriminator, adversarial
from remblai.gallery.walkers.kantorovich import Learner, apart, kantorovich, together
from remblai.gallery.walkers.world import Answer, World

__all__ = ["Answer", "Discriminator", "Learner", "World", "adversarial", "apart", "kantorovich", "together"]
