"""Laws fitted to codes after training: one protocol, and the classes of the table `laws.FITTED`."""

from remblai.laws.fitted.base import FittedLaw, LatentLaw
from remblai.laws.fitted.gaussian import Gaussian
from remblai.laws.fitted.mixture import Mixture

__all__ = ["FittedLaw", "Gaussian", "LatentLaw", "Mixture"]
