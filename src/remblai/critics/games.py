"""Games between a critic and a model, on the critic's scores a (n,) of points of P and b (m,) of points of Q.

Each game is a pair of losses and the estimate of the distance that the critic's best answer gives; with any other
critic the estimate is a lower bound, in expectation over fresh points.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from remblai.config.registry import unknown
from remblai.distances import DIVERGENCES

LARGEST = 10.0
"""Bound of a score under an exponential."""


class Game:
    """The interface: the losses of critic and model, each minimised by its player, and the estimate of the distance.

    Attributes:
        reads_target: whether the model's loss depends on a; where it does not, a is None in the model's step and the
            target's points are not scored.
        features: whether the critic's output is features (n, k) instead of scores (n,).
        compiles: whether its losses are one graph of operations: nothing in them is decided by a result.

    >>> import torch
    >>> from remblai.critics import Game
    >>> class Difference(Game):
    ...     def critic(self, a, b):
    ...         return b.mean() - a.mean()
    ...     def model(self, a, b):
    ...         return a.mean() - b.mean()
    ...     def estimate(self, a, b):
    ...         return a.mean() - b.mean()
    >>> Difference().estimate(torch.ones(3), torch.zeros(2))
    tensor(1.)
    """

    reads_target: ClassVar[bool] = True
    features: ClassVar[bool] = False
    compiles: ClassVar[bool] = True

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
        saturating: the model minimises E log(1 - D(y)), the game's own value, whose gradient vanishes where D(y) is
            near 0.

    Source: Goodfellow et al. (2014), arXiv 1406.2661, equation 1 and section 3.

    >>> import torch
    >>> from remblai.critics import Logistic
    >>> Logistic().estimate(torch.zeros(3), torch.zeros(2))  # a critic that cannot separate P and Q
    tensor(0.)
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

    The estimate is at most W1 where the critic is 1-Lipschitz, and at most K * W1 where it is K-Lipschitz; the best
    such critic reaches it.

    Source: Arjovsky et al., "Wasserstein GAN", equation 2, arXiv 1701.07875.

    >>> import torch
    >>> from remblai.critics import Kantorovich
    >>> Kantorovich().estimate(torch.tensor([1.0, 3.0]), torch.tensor([0.5]))
    tensor(1.5000)
    """

    reads_target: ClassVar[bool] = False

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """E f(y) - E f(x)."""
        return b.mean() - a.mean()

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """-E f(y): the value alone means nothing, because f is known up to a constant."""
        return -b.mean()

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """E f(x) - E f(y)."""
        return a.mean() - b.mean()


class Hinge(Game):
    """The hinge game: critic E max(0, 1 - f(x)) + E max(0, 1 + f(y)), model -E f(y).

    Estimate: 1 - critic / 2, which is the total variation distance sup |P(A) - Q(A)| at the best critic.

    Source: Lim and Ye, "Geometric GAN", section 3.2, arXiv 1705.02894.

    >>> import torch
    >>> from remblai.critics import Hinge
    >>> Hinge().estimate(torch.ones(3), -torch.ones(2))  # laws that a critic separates
    tensor(1.)
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

    >>> import torch
    >>> from remblai.critics import LeastSquares
    >>> LeastSquares().estimate(torch.ones(3), torch.zeros(2))  # laws that a critic separates
    tensor(1.)
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


class LogRatio(Game):
    """The log-ratio game: the critic has the GAN's loss, and the model descends the log-ratio of its logits, -E f(y).

    At the best critic f = log p / q, so that the model's loss is KL(Q || P), which is the estimate too; with another
    critic it is no bound.

    Source: Mescheder et al., "Adversarial variational Bayes", equations 3.3 and 3.7 with T = -f, arXiv 1701.04722.

    >>> import torch
    >>> from remblai.critics import LogRatio
    >>> LogRatio().estimate(torch.zeros(3), torch.tensor([-2.0, -1.0]))  # log p / q at points of Q
    tensor(1.5000)
    """

    reads_target: ClassVar[bool] = False

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """-E log D(x) - E log(1 - D(y)), from logits."""
        return softplus(-a).mean() + softplus(b).mean()

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """-E f(y)."""
        return -b.mean()

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """KL(Q || P) at the best critic."""
        return -b.mean()


class FDivergence(Game):
    """The game of an f-divergence: critic E f*(T(y)) - E T(x), where T = activation(f) keeps to the domain of f*.

    The model descends the game's own value, -E f*(T(y)) (the saddle), or with the trick -E T(y), whose gradient does
    not vanish where the critic separates the laws. Estimate: E T(x) - E f*(T(y)), which is D_f(P, Q) at the best
    critic, less elsewhere. Where T or f* is an exponential of the score f, f is replaced by 10 tanh(f / 10): without it
    the score of a free critic grows until the exponential overflows.

    Args:
        divergence: the f-divergence.
        trick: the model descends -E T(y).

    Raises:
        ValueError: an unknown divergence.

    Source: Nowozin, Cseke, Tomioka, "f-GAN", equations 4 to 8 and section 3.2, arXiv 1606.00709.

    >>> import torch
    >>> from remblai.critics import FDivergence
    >>> FDivergence("pearson").estimate(torch.ones(3), torch.zeros(2))  # E T(x) - E f*(T(y)), f*(v) = v^2 / 4 + v
    tensor(1.)
    """

    reads_target: ClassVar[bool] = False

    def __init__(self, divergence: str = "kullback-leibler", trick: bool = False) -> None:
        if divergence not in DIVERGENCES:
            raise unknown("divergence", divergence, DIVERGENCES)
        self.divergence, self.trick = divergence, trick
        self.known = DIVERGENCES[divergence]

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """E f*(T(y)) - E T(x)."""
        a, b = self._limited(a), self._limited(b)
        return self.known.f_star_of_activation(b).mean() - self.known.activation(a).mean()

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """-E f*(T(y)), or -E T(y) with the trick."""
        b = self._limited(b)
        return -(self.known.activation(b) if self.trick else self.known.f_star_of_activation(b)).mean()

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """E T(x) - E f*(T(y)), at most D_f(P, Q)."""
        return -self.critic(a, b)

    def _limited(self, f: Tensor) -> Tensor:
        return LARGEST * torch.tanh(f / LARGEST) if self.known.exponential else f
