"""Costs between points, of any shape: functions of the differences of their entries."""

from collections.abc import Callable

import torch
from torch import Tensor

from remblai.costs.centre import central
from remblai.costs.cost import Cost, check, paired, sets
from remblai.costs.lengths import Lengths
from remblai.runtime.precision import wide

ENTRIES_AT_ONCE = 2**24
"""Differences (of n * m * d) that are in memory at a time, for a matrix without a closed form."""


class Square(Cost):
    """c(x, y) = |x - y|^2, the sum of squared differences."""

    homogeneity = 2.0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        x, y = paired(x, y)
        return (x - y).square().sum(1)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, by one matrix product: x (n, ...), y (m, ...) -> (n, m)."""
        return squared_distances(*sets(x, y))


class Euclidean(Cost):
    """c(x, y) = |x - y|; its gradient where x = y is 0."""

    metric = True
    homogeneity = 1.0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        x, y = paired(x, y)
        lengths: Tensor = torch.linalg.vector_norm(x - y, dim=1)
        return lengths

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return distances(*sets(x, y))


class Cosine(Cost):
    """c(x, y) = |x / |x| - y / |y||^2 / 2 = 1 - x . y / (|x| |y|): 0 for one direction, 2 for opposite ones.

    A point at 0 has no direction and stays there: its cost is 1/2 against every other, with gradient 0 in it.
    """

    translation_invariant = False
    homogeneity = 0.0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        x, y = paired(x, y)
        return 0.5 * (_directions(x) - _directions(y)).square().sum(1)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, by one matrix product: x (n, ...), y (m, ...) -> (n, m)."""
        x, y = sets(x, y)
        return 0.5 * squared_distances(_directions(x), _directions(y))


def _directions(x: Tensor) -> Tensor:
    """x / |x| (n, d), and 0 where x = 0; scaled first, so that squares neither overflow nor vanish."""
    largest = x.detach().abs().amax(1, keepdim=True)
    empty = largest == 0.0
    scaled = (x / largest.where(~empty, 1.0)).where(~empty, 1.0)
    directions: Tensor = scaled / torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
    return directions.where(~empty, 0.0)


class Manhattan(Cost):
    """c(x, y) = sum of |x_j - y_j|."""

    metric = True
    homogeneity = 1.0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        x, y = paired(x, y)
        return (x - y).abs().sum(1)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return torch.cdist(*sets(x, y), p=1.0)


class Huber(Cost):
    """c(x, y) = sum of r^2 / 2 where |r| <= delta, of delta (|r| - delta / 2) beyond, r = x_j - y_j.

    Args:
        delta: difference at which the square becomes a straight line.

    Raises:
        ValueError: delta not positive.
    """

    def __init__(self, delta: float = 1.0) -> None:
        if not 0.0 < delta < float("inf"):
            raise ValueError(f"huber: expected a positive, finite delta, got {delta}.")
        self.delta = delta

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        return self._summed(*paired(x, y))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, a block of rows at a time: x (n, ...), y (m, ...) -> (n, m)."""
        x, y = sets(x, y)
        rows = max(1, ENTRIES_AT_ONCE // max(1, y.numel()))
        return torch.cat([self._summed(part[:, None], y[None]) for part in torch.split(x, rows)])

    def _summed(self, x: Tensor, y: Tensor) -> Tensor:
        gap = (x - y).abs()
        return torch.where(gap <= self.delta, 0.5 * gap.square(), self.delta * (gap - 0.5 * self.delta)).sum(-1)


class Hamming(Cost):
    """c(x, y) = number of entries that differ: for binary or integer values. It has no gradient."""

    differentiable = False
    metric = True
    homogeneity = 0.0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        check(x, y, pairs=True)
        return (x != y).flatten(1).sum(1).to(torch.result_type(wide(x), wide(y)))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, by matrix products where the values are 0 and 1: x (n, ...), y (m, ...) -> (n, m)."""
        x, y = (points if points.is_floating_point() else points.double() for points in (x, y))
        x, y = sets(x.detach(), y.detach())
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
        self.p = self.homogeneity = p

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        return Euclidean()(x, y).pow(self.p)

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return distances(*sets(x, y)).pow(self.p)


def power(p: float = 2.0) -> Cost:
    """c(x, y) = |x - y|^p: W_p is the p-th root of its transport; the quickest form of it for p = 1 and 2.

    Args:
        p: the power, at least 1.
    """
    return Square() if p == 2.0 else Euclidean() if p == 1.0 else Power(p)


def of_pairs(cost: object) -> Cost:
    """The cost itself, or that of a function of pairs.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(cost, Cost):
        return cost
    if not callable(cost):
        raise ValueError(f"cost: expected a name, a Cost or a function of pairs, got {type(cost).__name__}.")
    return Custom(cost)


class Custom(Cost):
    """A user's cost, from a function of pairs.

    Args:
        function: c(x (k, d), y (k, d)) -> (k,), in torch; a matrix is built by calling it on all pairs, in blocks.
    """

    translation_invariant = False  # not known

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function = function

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,).

        Raises:
            ValueError: the function fails, or does not return one number for each pair.
        """
        x, y = paired(x, y)
        try:
            values = self.function(x, y)
        except Exception as problem:
            raise ValueError(
                f"cost: expected a function of pairs c(x (k, d), y (k, d)) -> (k,) of tensors, got one that fails on "
                f"{len(x)} pairs: {type(problem).__name__}: {problem}"
            ) from problem
        if not isinstance(values, Tensor) or values.shape != x.shape[:1]:
            came = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ValueError(
                f"cost: expected a function of pairs c(x (k, d), y (k, d)) -> ({len(x)},), got {came}: "
                "sum over the last axis, as in lambda x, y: (x - y).abs().sum(-1)."
            )
        if values.is_complex():
            raise ValueError(
                f"cost: expected real numbers from the function of pairs, got {values.dtype}: take the absolute "
                "value, or the real part, in it."
            )
        if bool(values.isnan().any()):
            raise ValueError("cost: expected numbers from the function of pairs, got NaN.")
        return values

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all, a block of rows at a time: x (n, ...), y (m, ...) -> (n, m)."""
        x, y = sets(x, y)
        rows = max(1, ENTRIES_AT_ONCE // max(1, y.numel()))
        parts = torch.split(x, rows)
        return torch.cat([self(p.repeat_interleave(len(y), 0), y.repeat(len(p), 1)).view(len(p), -1) for p in parts])


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|^2 of points x (n, d), y (m, d) -> (n, m), by one matrix product: no n * m * d differences.

    The points are centred first, where most of y are (`central`): distances stay, and their rounding shrinks, which is
    some roundings of the squared distances of both points from that centre. Clamped at 0. Clouds (B, n, d), (B, m, d)
    give (B, n, m).
    """
    with torch.autocast(x.device.type, enabled=False):
        x, y = wide(x), wide(y)
        centre = central(y)
        x, y = x - centre, y - centre
        squares = x.square().sum(-1, keepdim=True) + y.square().sum(-1).unsqueeze(-2)
        product = torch.addmm if x.dim() == 2 else torch.baddbmm
        return product(squares, x, y.mT, alpha=-2.0).clamp(min=0.0)


def distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j| of points x (n, d), y (m, d) -> (n, m); exactly 0, with gradient 0, where the points are equal.

    Clouds (B, n, d), (B, m, d) give (B, n, m).
    """
    # a view, because the compiler refuses one tensor as both arguments
    lengths: Tensor = Lengths.apply(wide(x), wide(y).view(y.shape))  # type: ignore[no-untyped-call]  # untyped in torch
    return lengths


def _binary(x: Tensor) -> bool:
    return bool(((x == 0) | (x == 1)).all())
