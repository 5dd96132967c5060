"""Transport on the circle, exactly, by the best shift of two quantile functions."""

from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.distances.envelope import with_gradients
from remblai.distances.monotone import flat, levels, staircase
from remblai.distances.validation import ArrayLike, NumPyLike, exponent, finite, probabilities

__all__ = ["transport_cost"]

GRID = 2.0**50
"""Cumulated masses are multiples of 1 / GRID, so that two of them stay distinct when a shift is added to both."""

STEEPEST = 500.0
"""The largest exponent: displacements are up to 2 turns, and 2^500 is a number."""

Array = NDArray[Any]


@overload
def transport_cost(
    x: NumPyLike,
    y: NumPyLike,
    p: float = ...,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    *,
    normalise: bool = ...,
) -> float: ...
@overload
def transport_cost(
    x: Tensor,
    y: Tensor,
    p: float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Tensor: ...
@overload
def transport_cost(
    x: ArrayLike,
    y: ArrayLike,
    p: float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Any: ...
@checked_options
def transport_cost(
    x: ArrayLike,
    y: ArrayLike,
    p: float = 1.0,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    normalise: bool = False,
) -> float | Tensor:
    """W_p^p between laws on the circle, never rooted; distances are min(|x - y|, 1 - |x - y|), in turns.

    It is the least over s of the integral of |F^-1(u) - G^-1(u - s)|^p, with the quantile function G^-1 continued by
    G^-1(u + 1) = G^-1(u) + 1. For point masses this is convex and piecewise linear in s, and bisection on the sign of
    its slope finds the kink where it is least. Differentiable, once, in the points. Takes O((n + m) log(n + m)) a
    shift, of 51. Cumulated masses are rounded to 2^-50, and so much mass may travel farther, which counts in a large
    power only.

    Args:
        x: angles in turns (n,) or (n, 1), taken modulo 1.
        y: angles in turns (m,) or (m, 1).
        p: the exponent, at least 1.
        a: masses (n,) of the angles x, which sum to 1; None is 1 / n each. The value has no gradient in them.
        b: masses (m,) of the angles y.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem on the circle.

    Source: Delon, Salomon, Sobolevski (2010), Fast transport optimization for Monge costs on the circle,
    arXiv 0902.3527.

    Example:
        >>> from remblai.distances import circle
        >>> round(circle.transport_cost([0.95], [0.05]), 12)
        0.1
    """
    if (p := exponent(p)) > STEEPEST:
        raise ValueError(f"p: expected at most {STEEPEST:g} on the circle, got {p:g}: the p-th powers leave float64.")
    points = flat("x", x), flat("y", y)
    for name, one in zip("xy", points, strict=True):
        finite(name, one)
    masses = [
        probabilities(name, one, len(at), at.device, normalise)
        for name, one, at in zip("ab", (a, b), points, strict=True)
    ]
    if any(one.requires_grad for one in masses):
        raise ValueError("circle: its value is differentiable in the angles, not in the masses: detach a and b.")
    angles, orders, cumulated = [], [], []
    for at, mass in zip(points, masses, strict=True):
        turn = np.mod(at.detach().double().cpu().numpy(), 1.0)
        order = np.argsort(turn, kind="stable")
        kept, shares = _populated(levels(mass.double(), order))
        orders.append(order[kept])
        angles.append(turn[orders[-1]])
        cumulated.append(shares)
    shifts = _Shifts(angles[0], cumulated[0], angles[1], cumulated[1], p)
    best = shifts.search()
    if not any(isinstance(one, Tensor) for one in (x, y, a, b)):
        return shifts.value(best)
    value = torch.tensor(shifts.value(best), dtype=torch.float64, device=points[0].device)
    derivatives = []
    for at, order, slope in zip(points, orders, shifts.slopes(best), strict=True):
        if at.requires_grad:
            gradient = np.zeros(len(at))
            gradient[order] = slope
            derivatives.append((at, torch.from_numpy(gradient).to(at.device)))
    return with_gradients(value, derivatives)


def _populated(cumulated: Array) -> tuple[Array, Array]:
    """The places (k,) that hold mass on the grid, and their cumulated masses (k,).

    A place of no or negligible mass has no distinct level, so that it could take the mass of another one.
    """
    rounded = np.round(cumulated * GRID) / GRID
    kept = np.flatnonzero(np.diff(rounded, prepend=0.0) > 0.0)
    return kept, rounded[kept]


class _Shifts:
    """The integral of |F^-1(u) - G^-1(u - s)|^p as a function of s, for sorted angles and cumulated masses."""

    def __init__(self, x: Array, first: Array, y: Array, second: Array, p: float) -> None:
        self.x, self.first, self.y, self.second, self.p = x, first, y, second, p

    def search(self) -> float:
        """The best shift. At -1 no displacement is negative and at 1 none is positive, so it lies between.

        It is the first multiple of 1 / GRID after which the integral does not fall: all kinks are at such multiples.
        The slope's sign decides, not values, which in a large power differ by more digits than a number has.
        """
        low, high = -int(GRID) - 1, int(GRID)
        while high - low > 1:
            middle = (low + high) // 2
            if self.slope(middle / GRID) < 0.0:
                low = middle
            else:
                high = middle
        return high / GRID

    def value(self, shift: float) -> float:
        """The integral at a shift."""
        gap, carried, _, _ = self._pairs(shift)
        return float(carried @ np.abs(gap) ** self.p)

    def slope(self, shift: float) -> float:
        """The derivative to the right: the change of cost when mass just above each level goes to the angle before."""
        raised = self.second + shift
        turns = np.floor(raised)
        x = self.x[np.searchsorted(self.first, raised - turns, side="right")] + turns
        after = np.append(self.y[1:], self.y[0] + 1.0)
        return float((np.abs(x - self.y) ** self.p - np.abs(x - after) ** self.p).sum())

    def slopes(self, shift: float) -> tuple[Array, Array]:
        """Derivatives in the sorted angles x (n,) and y (m,)."""
        gap, carried, rows, columns = self._pairs(shift)
        slope = carried * self.p * np.sign(gap) * np.abs(gap) ** (self.p - 1.0)
        return np.bincount(rows, slope, len(self.x)), -np.bincount(columns, slope, len(self.y))

    def _pairs(self, shift: float) -> tuple[Array, Array, Array, Array]:
        """Displacements, masses and sorted places of the coupling at a shift."""
        raised = self.second + shift
        turns = np.ceil(raised) - 1.0
        order = np.argsort(raised - turns, kind="stable")
        # one turn of the shifted law, from level 0 to level 1, closed by the angle that it began with
        columns = np.append(order, order[0])
        angles = self.y[columns] - np.append(turns[order], turns[order[0]] - 1.0)
        path = staircase(self.first, np.append((raised - turns)[order], 1.0))
        return self.x[path.rows] - angles[path.columns], path.masses, path.rows, columns[path.columns]
