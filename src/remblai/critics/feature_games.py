"""Games on features: the critic gives each point a vector, a (n, k) for the points of P and b (m, k) for those of Q."""

from types import SimpleNamespace
from typing import Annotated, ClassVar

from torch import Tensor
from torch.nn.functional import normalize, relu

from remblai.config.registry import Choice, make
from remblai.costs import Square
from remblai.critics.games import Game
from remblai.discrepancies.entropic import Entropic
from remblai.discrepancies.mmd import MMD
from remblai.kernels import KERNELS, Kernel

SMALLEST = 4
"""Points of each sample that two halves of two points need."""
UNIT = SimpleNamespace(square_distance=1.0)
"""The source of the kernels' scales: features have no known law to take one from."""


class FeatureGame(Game):
    """The interface of games on features.

    Attributes:
        pairs: whether the game compares points with each other: it is then not a mean over points, and every device
            needs the points of all.
        has_witness: whether the game is the mean of a function of one point, whose gradient can then be penalised.
    """

    features: ClassVar[bool] = True
    pairs: bool = True
    has_witness: ClassVar[bool] = True

    def witness(self, t: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The function of one point whose gradient a constraint penalises: features t (l, k) -> scores (l,)."""
        raise NotImplementedError


class Margin(FeatureGame):
    """The energy-based game: the first feature is a point's energy D, the others its code.

    Critic: E D(x) + E max(0, margin - D(y)). Model: E D(y) + pulling_away * the mean squared cosine between the codes
    of different points of Q, which keeps them different. Estimate: 1 - critic / margin, the total variation distance at
    the best critic.

    Args:
        margin: the energy up to which the critic raises points of Q, above 0.
        pulling_away: the weight of the cosines, at least 0; it needs a critic whose output has codes.

    Raises:
        ValueError: a margin not above 0, a negative weight, or a weight for a critic without codes.

    Source: Zhao, Mathieu, LeCun, "Energy-based generative adversarial networks", equations 1, 2 and 4, arXiv
    1609.03126.

    >>> import torch
    >>> from remblai.critics import Margin
    >>> energies = torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [2.0]])
    >>> Margin(margin=1.0, pulling_away=0.0).estimate(*energies)  # energy 0 at points of P, the margin at those of Q
    tensor(1.)
    """

    reads_target: ClassVar[bool] = False

    def __init__(self, margin: float = 1.0, pulling_away: float = 0.1) -> None:
        if not 0.0 < margin < float("inf"):
            raise ValueError(f"margin: expected a positive, finite margin, got {margin}.")
        if not 0.0 <= pulling_away < float("inf"):
            raise ValueError(f"margin: expected a finite pulling_away of at least 0, got {pulling_away}.")
        self.margin, self.pulling_away, self.pairs = margin, pulling_away, pulling_away > 0

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """E D(x) + E max(0, margin - D(y))."""
        return a[:, 0].mean() + relu(self.margin - b[:, 0]).mean()

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """E D(y) and the weighted cosines."""
        energy = b[:, 0].mean()
        if not self.pulling_away:
            return energy
        codes, n = normalize(b[:, 1:], dim=1), len(b)
        if codes.shape[1] == 0 or n == 1:
            raise ValueError(
                f"margin: pulling away compares codes of at least 2 points, got {codes.shape[1]} coordinates of {n} "
                "points: use a critic that gives energies and codes, or pulling_away=0."
            )
        squares = (codes @ codes.T).square()
        # the diagonal is not n: a code of 0 has the cosine 0 with itself
        return energy + self.pulling_away * (squares.sum() - squares.diagonal().sum()) / (n * (n - 1))

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """Total variation distance, at most 1."""
        return 1.0 - self.critic(a, b) / self.margin

    def witness(self, t: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The energy."""
        return t[:, 0]


class KernelGame(FeatureGame):
    """MMD^2 between the features of two samples: the critic raises it, the model lowers it. The estimate is MMD^2.

    With the energy kernel the model lowers the energy distance of features, as the Cramer GAN does. A gradient
    penalty takes the gradient of the witness function, E k(t, a) - E k(t, b).

    Args:
        kernel: how features are compared.

    Source: Li et al., "MMD GAN", arXiv 1705.08584; Binkowski et al., "Demystifying MMD GANs", section 3.1 and appendix
    C, arXiv 1801.01401; Bellemare et al., "The Cramer distance", arXiv 1705.10743.

    >>> import torch
    >>> from remblai.critics import KernelGame
    >>> from remblai.kernels import Energy
    >>> KernelGame(Energy()).estimate(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]]))
    tensor(2.)
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.distance = kernel, MMD(kernel)

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """-MMD^2."""
        return -self.estimate(a, b)

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """MMD^2."""
        assert a is not None
        return self.estimate(a, b)

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """Unbiased MMD^2: negative half of the time where P = Q."""
        value: Tensor = self.distance(a, b)
        return value

    def witness(self, t: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """E k(t, a) - E k(t, b)."""
        across: Tensor = self.kernel(t, a).mean(1) - self.kernel(t, b).mean(1)
        return across


class MinibatchEnergy(FeatureGame):
    """The minibatch energy distance: entropic transport of cosine cost between halves of two samples of features.

    W(X, Y) + W(X, Y') + W(X', Y) + W(X', Y') - 2 W(X, X') - 2 W(Y, Y'), with halves X, X' of P and Y, Y' of Q. The
    critic raises it, the model lowers it, and no gradient passes through the plans, at which the value is stationary.
    Each W is the least cost + epsilon KL(P | a x b); the paper's has the cost alone of the same plan, which is less and
    has the same gradient.

    Args:
        epsilon: the regularisation, in units of the cost, which lies in [0, 2].

    Raises:
        ValueError: epsilon not above 0; fewer than 4 points of either sample.

    Source: Salimans et al., "Improving GANs using optimal transport", equation 7, arXiv 1803.05573.

    >>> import torch
    >>> from remblai.critics import MinibatchEnergy
    >>> features = torch.eye(4)
    >>> bool(MinibatchEnergy().estimate(features[[0, 0, 0, 0]], features[[1, 1, 1, 1]]) > 3.9)  # 4 costs of 1
    True
    """

    compiles = False  # the plans' solver stops by its error
    has_witness = False  # the distance is not the mean of a function of one point

    def __init__(self, epsilon: float = 0.05) -> None:
        # |u - v|^2 = 1 - cos for vectors of length 1 / sqrt(2)
        self.transport = Entropic(Square(), epsilon, relative=False, debiased=False)

    def critic(self, a: Tensor, b: Tensor) -> Tensor:
        """Minus the distance."""
        return -self.estimate(a, b)

    def model(self, a: Tensor | None, b: Tensor) -> Tensor:
        """The distance."""
        assert a is not None
        return self.estimate(a, b)

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """The distance, 0 on average where P = Q."""
        if min(len(a), len(b)) < SMALLEST:
            raise ValueError(
                f"minibatch energy: expected at least {SMALLEST} points of each sample, to halve them, got {len(a)} "
                f"and {len(b)}: take a larger batch."
            )
        x, other_x = _halves(a)
        y, other_y = _halves(b)
        w = self.transport
        across = w(x, y) + w(x, other_y) + w(other_x, y) + w(other_x, other_y)
        value: Tensor = across - 2.0 * w(x, other_x) - 2.0 * w(y, other_y)
        return value


def mmd(kernel: Annotated[Choice, KERNELS] = "imq") -> KernelGame:
    """MMD^2 between learned features.

    Args:
        kernel: how features are compared; its scale is in units of the features.
    """
    return KernelGame(make(KERNELS, kernel, "kernel", interface=Kernel, prior=UNIT))


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    half = len(x) // 2
    return normalize(x[:half], dim=1) / 2.0**0.5, normalize(x[half : 2 * half], dim=1) / 2.0**0.5
