"""Games between a critic and a model, on the critic's scores a (n,) of points of P and b (m,) of points of Q.

Each game is a pair of losses and the estimate of the distance that the critic's best answer gives; with any other
critic the estimate is a lower bound, in expectation over fresh points.
"""

import math
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu, softplus


class Game:
    """The interface. `critic` and `model` are minimised by their players; `estimate` is the distance.

    Attributes:
        reads_target: whether the model's loss depends on a; where it does not, a is None in the model's turn and the
            target's points are not scored in vain.
    """

    reads_target: ClassVar[bool] = True

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """The critic's loss, a scalar."""
        raise NotImplementedError

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """The model's loss, a scalar."""
        raise NotImplementedError

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """The estimate of the distance between P and Q, a scalar."""
        raise NotImplementedError


class Logistic(Game):
    """The GAN's game: the critic's scores are the logits of D(x), the probability that x came from P.

    Critic: -E log D(x) - E log(1 - D(y)). Model: -E log D(y), or E log(1 - D(y)) when saturating.
    Estimate: the Jensen-Shannon divergence with halves and natural logarithms, at most log 2:
    log 2 + (E log D(x) + E log(1 - D(y))) / 2.

    Args:
        saturating: the model minimises E log(1 - D(y)), the game's own value, whose gradient vanishes where D is sure.

    Source: Goodfellow et al. (2014), arXiv 1406.2661, equation 1 and section 3.
    """

    reads_target: ClassVar[bool] = False

    def __init__(self, saturating: bool = False) -> None:
        self.saturating = saturating

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """-E log D(x) - E log(1 - D(y)), from logits without overflow."""
        return softplus(-a).mean() + softplus(b).mean()

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """-E log D(y), or E log(1 - D(y)) when saturating."""
        return -softplus(b).mean() if self.saturating else softplus(-b).mean()

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """Jensen-Shannon divergence, at most log 2."""
        return math.log(2.0) - self.critic(a, b) / 2.0


class Kantorovich(Game):
    """The Wasserstein game: critic E f(y) - E f(x), model -E f(y), estimate E f(x) - E f(y).

    The estimate is W1 where the critic is held to slopes of at most 1, and K * W1 for slopes of at most K.

    Source: Arjovsky et al., "Wasserstein GAN", equation 2, arXiv 1701.07875.
    """

    reads_target: ClassVar[bool] = False

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """E f(y) - E f(x)."""
        return b.mean() - a.mean()

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """-E f(y): the value alone means nothing, for f is known up to a constant."""
        return -b.mean()

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """E f(x) - E f(y)."""
        return a.mean() - b.mean()


class Hinge(Game):
    """The hinge game: critic E max(0, 1 - f(x)) + E max(0, 1 + f(y)), model -E f(y).

    Estimate: 1 - critic / 2, which is the total variation distance sup |P(A) - Q(A)| at the best critic.

    Source: Lim and Ye, "Geometric GAN", section 3.2, arXiv 1705.02894.
    """

    reads_target: ClassVar[bool] = False

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """E max(0, 1 - f(x)) + E max(0, 1 + f(y))."""
        return relu(1.0 - a).mean() + relu(1.0 + b).mean()

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """-E f(y)."""
        return -b.mean()

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """Total variation distance, at most 1."""
        return 1.0 - self.critic(a, b) / 2.0


class LeastSquares(Game):
    """The least squares game: critic E (f(x) - 1)^2 / 2 + E f(y)^2 / 2, model E (f(y) - 1)^2 / 2.

    Estimate: 1 - 4 critic, which is half of the integral of (p - q)^2 / (p + q) at the best critic: at most 1.

    Source: Mao et al., "Least squares GAN", equation 9, arXiv 1611.04076.
    """

    reads_target: ClassVar[bool] = False

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """E (f(x) - 1)^2 / 2 + E f(y)^2 / 2."""
        return ((a - 1.0).square().mean() + b.square().mean()) / 2.0

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """E (f(y) - 1)^2 / 2."""
        return (b - 1.0).square().mean() / 2.0

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """Half of the integral of (p - q)^2 / (p + q), at most 1."""
        return 1.0 - 4.0 * self.critic(a, b)
