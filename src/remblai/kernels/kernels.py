"""Kernels k(x, y): positive definite, or conditionally so; their scale often comes from a law."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from remblai.costs import distances, squared_distances, wide
from remblai.kernels import line
from remblai.kernels.embeddings import Mixing, quadrature
from remblai.kernels.kernel import Kernel
from remblai.kernels.line import PartSums

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Multiples of the base scale that the Wasserstein auto-encoders' code sums over (github tolstikhin/wae)."""


class Scaled(Kernel):
    """The base of kernels that are a sum, over scales, of a function of the distance that is 1 at distance 0.

    Args:
        scale: the base scale.
        scales: multiples of it that are summed.

    Raises:
        ValueError: a scale that is not positive.
    """

    takes_clouds: ClassVar[bool] = True

    def __init__(self, scale: float, scales: Sequence[float]) -> None:
        super().__init__()
        self.scale, self.scales = scale, scales
        self.sizes = tuple(scale * multiple for multiple in scales)
        if not self.sizes or not 0.0 < scale < math.inf or not all(0.0 < size < math.inf for size in self.sizes):
            raise ValueError(
                f"kernel {type(self).__name__}: expected a positive, finite scale and at least one positive multiple "
                f"of it in scales, got scale {scale} and scales {tuple(scales)}: a kernel chosen by name "
                "without a scale takes the prior's mean squared distance."
            )

    def diagonal(self, x: Tensor) -> Tensor:
        """k(x_i, x_i) = the number of scales."""
        return _constant(x, len(self.sizes))


class Gaussian(Scaled):
    """k(x, y) = sum over s in scales of exp(-|x - y|^2 / (2 s scale)).

    Args:
        scale: the variance of the Gaussian.
        scales: multiples of the scale that are summed.
    """

    def __init__(self, scale: float, scales: Sequence[float] = (1.0,)) -> None:
        super().__init__(scale, scales)
        nodes = torch.tensor([0.5 / size for size in self.sizes], dtype=torch.float64)
        self.mixing = Mixing(nodes, torch.ones_like(nodes))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        squares = squared_distances(x, y)
        total = torch.zeros_like(squares)
        for size in self.sizes:
            total = total + torch.exp(squares * (-0.5 / size))
        return total

    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        squares = squared_distances(x, y)
        parts = ((torch.exp(squares * (-0.5 / size)), -0.5 / size) for size in self.sizes)
        return _summed((part, part * factor) for part, factor in parts)


class InverseMultiquadric(Scaled):
    """k(x, y) = sum over s in scales of C / (C + |x - y|^2), C = s scale.

    Its tails are heavy, so that far points keep a gradient.

    Args:
        scale: C of the multiple 1.
        scales: multiples of the scale that are summed.

    Source: Tolstikhin et al., "Wasserstein auto-encoders", section 4, arXiv 1711.01558.
    """

    def __init__(self, scale: float, scales: Sequence[float] = (1.0,)) -> None:
        super().__init__(scale, scales)
        # C / (C + r^2) = integral of C e^(-C u) e^(-u r^2) du: one set of nodes serves all scales.
        self.mixing = quadrature(
            lambda u: sum((size * torch.exp(-size * u) for size in self.sizes), torch.zeros_like(u)),
            low=1e-10 / max(self.sizes),
            high=40.0 / min(self.sizes),
            tails=(1.0, math.inf),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        squares = squared_distances(x, y)
        total = torch.zeros_like(squares)
        for size in self.sizes:
            total = torch.add(total, torch.reciprocal(squares + size), alpha=size)
        return total

    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        squares = squared_distances(x, y)
        parts = ((size / (squares + size), -1.0 / size) for size in self.sizes)
        return _summed((part, part.square() * factor) for part, factor in parts)


class Laplacian(Scaled):
    """k(x, y) = sum over s in scales of exp(-|x - y| / (s scale)); its gradient where x = y is 0.

    Args:
        scale: the distance over which it falls by e.
        scales: multiples of the scale that are summed.
    """

    def __init__(self, scale: float, scales: Sequence[float] = (1.0,)) -> None:
        super().__init__(scale, scales)
        # e^(-a r) = integral of a / (2 sqrt(pi)) u^(-3/2) e^(-a^2 / (4 u)) e^(-u r^2) du (Levy's law), a = 1 / scale.
        self.mixing = quadrature(
            lambda u: sum((_levy(u, 1.0 / size) for size in self.sizes), torch.zeros_like(u)),
            low=1.0 / (160.0 * max(self.sizes) ** 2),
            high=1e14 / min(self.sizes) ** 2,
            tails=(math.inf, 0.5),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        lengths = distances(x, y)
        total = torch.zeros_like(lengths)
        for size in self.sizes:
            total = total + torch.exp(lengths * (-1.0 / size))
        return total

    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        lengths = distances(x, y)
        parts = ((torch.exp(lengths * (-1.0 / size)), -0.5 / size) for size in self.sizes)
        value, slope = _summed((part, part * factor) for part, factor in parts)
        return value, _over(slope, lengths)


class Energy(Kernel):
    """k(x, y) = -|x - y|, conditionally positive definite: its MMD^2 is the energy distance. It has no scale.

    Between numbers (d = 1) sums over pairs are taken by sorting, in n log n steps. Its mean over a normal law is right
    for distances from 1e-7 to 1e8, beyond which points must be scaled.

    Source: Sejdinovic et al., "Equivalence of distance-based and RKHS-based statistics" (2013), arXiv 1207.6076.
    """

    positive: ClassVar[bool] = False
    takes_clouds: ClassVar[bool] = True
    homogeneity: ClassVar[float | None] = 1.0

    def __init__(self) -> None:
        super().__init__()
        # -r = integral of (e^(-u r^2) - 1) u^(-3/2) / (2 sqrt(pi)) du
        mixing = quadrature(lambda u: 0.5 / math.sqrt(math.pi) * u**-1.5, low=1e-20, high=1e18, tails=(0.5, 0.5))
        self.mixing = Mixing(mixing.nodes, mixing.weights, shifted=True)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return distances(x, y).neg()

    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        lengths = distances(x, y)
        return lengths.neg(), _over(torch.full_like(lengths, -0.5), lengths)

    def row_sums(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor] | None:
        """By sorting, where d = 1: the sum over j of |x_i - y_j| is linear between neighbours of the sorted y."""
        if x.shape[1] != 1:
            return None
        lengths, slopes = line.row_sums(x[:, 0], y[:, 0])
        return -lengths, -slopes.to(x.dtype)[:, None]

    def part_sums(self, points: Tensor, first: Tensor, second: Tensor) -> PartSums | None:
        """By one sort, where d = 1."""
        if points.shape[1] != 1:
            return None
        return PartSums(*(-sums for sums in line.part_sums(points[:, 0], first, second)))

    def diagonal(self, x: Tensor) -> Tensor:
        """k(x_i, x_i) = 0."""
        return _constant(x, 0)


class Polynomial(Kernel):
    """k(x, y) = (x . y / d + 1)^degree; with degree 3 on features it is the kernel of KID.

    It compares the first `degree` moments and nothing more: its MMD is 0 between some laws that differ.

    Args:
        degree: the power, a whole number of at least 1.

    Raises:
        ValueError: another degree.

    Source: Binkowski et al., "Demystifying MMD GANs", section 4, arXiv 1801.01401.
    """

    radial: ClassVar[bool] = False
    takes_clouds: ClassVar[bool] = True
    characteristic: ClassVar[bool] = False

    def __init__(self, degree: int = 3) -> None:
        super().__init__()
        if degree < 1 or degree != int(degree):
            raise ValueError(f"kernel polynomial: expected a degree of 1, 2, ..., a whole number, got {degree}.")
        self.degree = degree

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return (wide(x) @ wide(y).mT / x.shape[-1] + 1.0).pow(self.degree)

    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(x.device.type, enabled=False):
            base = wide(x) @ wide(y).T / x.shape[1] + 1.0
            return base.pow(self.degree), base.pow(self.degree - 1) * (self.degree / x.shape[1])

    def diagonal(self, x: Tensor) -> Tensor:
        """k(x_i, x_i) = (|x_i|^2 / d + 1)^degree."""
        return (wide(x).square().mean(-1) + 1.0).pow(self.degree)


class Spread(Protocol):
    """What a kernel's scale is read from: a prior."""

    square_distance: float


def gaussian(prior: Spread, scale: float | None = None, scales: tuple[float, ...] = SCALES) -> Gaussian:
    """Sum over scales s of exp(-|x - y|^2 / (2 s scale)).

    Args:
        prior: where the scale is read from.
        scale: the Gaussian's variance; None takes half of the prior's E|Z - Z'|^2.
        scales: multiples of the scale that are summed.
    """
    return Gaussian(prior.square_distance / 2.0 if scale is None else scale, scales)


def inverse_multiquadric(
    prior: Spread, scale: float | None = None, scales: tuple[float, ...] = SCALES
) -> InverseMultiquadric:
    """Sum over scales s of C / (C + |x - y|^2), C = s scale: the Wasserstein auto-encoders' kernel.

    Args:
        prior: where the scale is read from.
        scale: C of the multiple 1; None takes the prior's E|Z - Z'|^2 (2 d for the standard normal law).
        scales: multiples of the scale that are summed.
    """
    return InverseMultiquadric(prior.square_distance if scale is None else scale, scales)


def laplacian(prior: Spread, scale: float | None = None, scales: tuple[float, ...] = SCALES) -> Laplacian:
    """Sum over scales s of exp(-|x - y| / (s scale)).

    Args:
        prior: where the scale is read from.
        scale: the distance over which it falls by e; None takes the root of the prior's E|Z - Z'|^2.
        scales: multiples of the scale that are summed.
    """
    return Laplacian(math.sqrt(prior.square_distance) if scale is None else scale, scales)


KERNELS: dict[str, Callable[..., Kernel]] = {
    "imq": inverse_multiquadric,
    "gaussian": gaussian,
    "laplacian": laplacian,
    "energy": Energy,
    "polynomial": Polynomial,
}


def _levy(u: Tensor, a: float) -> Tensor:
    return 0.5 * a / math.sqrt(math.pi) * u**-1.5 * torch.exp(-(a**2) / (4.0 * u))


def _summed(parts: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    return reduce(lambda total, part: (total[0].add_(part[0]), total[1].add_(part[1])), parts)


def _over(slope: Tensor, lengths: Tensor) -> Tensor:
    """slope / lengths, and 0 where the points are equal: the derivative by r^2 is that by r over 2 r."""
    return (slope / lengths).masked_fill_(lengths == 0, 0.0)


def _constant(x: Tensor, value: float) -> Tensor:
    return torch.full_like(wide(x[..., 0]), float(value), requires_grad=False)
