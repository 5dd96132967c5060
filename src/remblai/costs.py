"""Costs c(x, y) of carrying a point x to a point y: one number a pair, summed over its entries."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution

ENTRIES_AT_ONCE = 2**24
"""How many of the n * m * d differences a matrix without a closed form builds at a time."""


class Cost(ABC):
    """The interface: `cost(x, y)` for pairs and `cost.matrix(x, y)` for all against all.

    Attributes:
        reads_law: whether y is a law (the decoder's) instead of points.
    """

    reads_law: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, x: Tensor, y: Any) -> Tensor:
        """The cost of each pair: x (n, ...), y (n, ...) -> (n,)."""

    @abstractmethod
    def matrix(self, x: Tensor, y: Any) -> Tensor:
        """The cost of each x against each y: x (n, ...), y (m, ...) -> (n, m)."""


class Square(Cost):
    """c(x, y) = |x - y|^2, the sum of squared differences."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        x, y = _paired(x, y)
        return (x - y).square().sum(1)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, by one matrix product: x (n, ...), y (m, ...) -> (n, m)."""
        return squared_distances(*_sets(x, y))


class Euclidean(Cost):
    """c(x, y) = |x - y|; its gradient where x = y is 0."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        x, y = _paired(x, y)
        lengths: Tensor = torch.linalg.vector_norm(x - y, dim=1)
        return lengths

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return distances(*_sets(x, y))


class Manhattan(Cost):
    """c(x, y) = sum of |x_j - y_j|."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        x, y = _paired(x, y)
        return (x - y).abs().sum(1)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return torch.cdist(*_sets(x, y), p=1.0)


class Huber(Cost):
    """c(x, y) = sum of r^2 / 2 where |r| <= delta, of delta (|r| - delta / 2) beyond, r = x_j - y_j.

    Args:
        delta: difference at which the square turns into a straight line.

    Raises:
        ValueError: delta not positive.
    """

    def __init__(self, delta: float = 1.0) -> None:
        if not 0.0 < delta < float("inf"):
            raise ValueError(f"huber: expected a positive, finite delta, got {delta}.")
        self.delta = delta

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        return self._summed(*_paired(x, y))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, a block of rows at a time: x (n, ...), y (m, ...) -> (n, m)."""
        x, y = _sets(x, y)
        rows = max(1, ENTRIES_AT_ONCE // y.numel())
        return torch.cat([self._summed(part[:, None], y[None]) for part in torch.split(x, rows)])

    def _summed(self, x: Tensor, y: Tensor) -> Tensor:
        gap = (x - y).abs()
        return torch.where(gap <= self.delta, 0.5 * gap.square(), self.delta * (gap - 0.5 * self.delta)).sum(-1)


class Hamming(Cost):
    """c(x, y) = number of entries that differ: for binary or integer values. It has no gradient."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        _check(x, y, pairs=True)
        return (x != y).flatten(1).sum(1).to(torch.result_type(wide(x), wide(y)))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, by matrix products where the values are 0 and 1: x (n, ...), y (m, ...) -> (n, m)."""
        x, y = (points if points.is_floating_point() else points.double() for points in (x, y))
        x, y = _sets(x.detach(), y.detach())
        if not (_binary(x) and _binary(y)):
            return torch.cdist(x, y, p=0.0)
        with torch.autocast(x.device.type, enabled=False):
            return x @ (1 - y).T + (1 - x) @ y.T


class Power(Cost):
    """c(x, y) = |x - y|^p, the p-th power of the Euclidean distance: W_p is the p-th root of its transport.

    Args:
        p: the power, at least 1; its gradient where x = y is 0.

    Raises:
        ValueError: p below 1, or not finite.
    """

    def __init__(self, p: float = 2.0) -> None:
        if not 1.0 <= p < float("inf"):
            raise ValueError(f"cost power: expected 1 <= p < infinity, got {p}.")
        self.p = p

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        return Euclidean()(x, y).pow(self.p)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return distances(*_sets(x, y)).pow(self.p)


def power(p: float = 2.0) -> Cost:
    """c(x, y) = |x - y|^p: W_p is the p-th root of its transport; the quickest form of it for p = 1 and 2.

    Args:
        p: the power, at least 1.
    """
    return Square() if p == 2.0 else Euclidean() if p == 1.0 else Power(p)


class Custom(Cost):
    """A cost of one's own, from a function of pairs.

    Args:
        function: c(x (k, d), y (k, d)) -> (k,), in torch; a matrix is made by calling it on all pairs, in blocks.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function = function

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,).

        Raises:
            ValueError: the function does not give one finite number a pair.
        """
        x, y = _paired(x, y)
        found = self.function(x, y)
        if not isinstance(found, Tensor) or found.shape != x.shape[:1]:
            came = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"cost: expected a function of pairs c(x (k, d), y (k, d)) -> ({len(x)},), got {came}: "
                "sum over the last axis, as in lambda x, y: (x - y).abs().sum(-1)."
            )
        if bool(found.isnan().any()):
            raise ValueError("cost: expected numbers from the function of pairs, got NaN.")
        return found

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, a block of rows at a time: x (n, ...), y (m, ...) -> (n, m)."""
        x, y = _sets(x, y)
        rows = max(1, ENTRIES_AT_ONCE // y.numel())
        parts = torch.split(x, rows)
        return torch.cat([self(p.repeat_interleave(len(y), 0), y.repeat(len(p), 1)).view(len(p), -1) for p in parts])


class NegativeLogLikelihood(Cost):
    """c(x, G) = -log p(x | z): reads the decoder's law instead of a point, and so has no matrix."""

    reads_law: ClassVar[bool] = True

    def __call__(self, x: Tensor, y: Distribution) -> Tensor:
        """-log p(x_i) under the law's i-th member: x (n, ...) -> (n,)."""
        found: Tensor = -y.log_prob(x)
        if found.shape != x.shape[:1]:
            raise ValueError(
                f"negative log-likelihood: expected one number for each of the {len(x)} points, got shape "
                f"{tuple(found.shape)}: the law must have batch shape ({len(x)},) and event shape {tuple(x.shape[1:])}."
            )
        return found

    def matrix(self, x: Tensor, y: Distribution) -> Tensor:
        """Refused: a law is no set of points."""
        raise ValueError("negative log-likelihood: it reads a law and has no matrix of costs; choose another cost.")


COSTS: dict[str, Callable[..., Cost]] = {
    "square": Square,
    "euclidean": Euclidean,
    "manhattan": Manhattan,
    "huber": Huber,
    "hamming": Hamming,
    "power": power,
    "negative-log-likelihood": NegativeLogLikelihood,
}


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|^2 of points x (n, d), y (m, d) -> (n, m), by one matrix product: no n * m * d differences.

    The points are centred first: distances stay and their rounding, which grows with |x|^2, shrinks. Clamped at 0.
    """
    with torch.autocast(x.device.type, enabled=False):
        x, y = wide(x), wide(y)
        centre = y.detach().mean(0)
        x, y = x - centre, y - centre
        squares = x.square().sum(1, keepdim=True) + y.square().sum(1)
        return torch.addmm(squares, x, y.T, alpha=-2.0).clamp(min=0.0)


def distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j| of points x (n, d), y (m, d) -> (n, m); exactly 0, with gradient 0, where the points are equal."""
    return torch.cdist(wide(x), wide(y), compute_mode="donot_use_mm_for_euclid_dist")


def wide(x: Tensor) -> Tensor:
    """The same values in float32 or better."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _paired(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    _check(x, y, pairs=True)
    return wide(x).flatten(1), wide(y).flatten(1)


def _sets(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    _check(x, y, pairs=False)
    x, y = wide(x).flatten(1), wide(y).flatten(1)
    dtype = torch.result_type(x, y)
    return x.to(dtype), y.to(dtype)


def _check(x: Tensor, y: Tensor, pairs: bool) -> None:
    if x.dim() < 2 or y.dim() < 2 or x.shape[1:] != y.shape[1:] or (pairs and len(x) != len(y)):
        raise ValueError(
            f"cost: expected x (n, ...) and y ({'n' if pairs else 'm'}, ...) of one shape but for the first dimension, "
            f"got {tuple(x.shape)} and {tuple(y.shape)}."
        )


def _binary(x: Tensor) -> bool:
    return bool(((x == 0) | (x == 1)).all())
