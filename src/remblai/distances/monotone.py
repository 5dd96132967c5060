"""The monotone coupling of two laws on the line, which solves transport for every convex cost of |x - y|."""

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.costs import Cost, Euclidean, Huber, Manhattan, Power, Square
from remblai.distances.geometry import CostLike, resolved
from remblai.distances.problem import uniform
from remblai.distances.validation import ArrayLike, exponent, tensor

CONVEX = (Square, Euclidean, Manhattan, Huber, Power)
"""Costs that are a convex function of |x - y| on the line, where sorting solves the problem."""

Array = NDArray[Any]


class Staircase(NamedTuple):
    """The monotone coupling of two cumulated laws: n + m - 1 pairs of sorted places, each a step from the one before.

    Attributes:
        rows: places of the first law (n + m - 1,), which grow by 0 or 1.
        columns: places of the second law, which grow where the rows do not.
        masses: what each pair carries, 0 included.
    """

    rows: Array
    columns: Array
    masses: Array


def staircase(first: Array, second: Array) -> Staircase:
    """The monotone coupling of two laws with cumulated masses (n,) and (m,), each ending in 1."""
    n, m = len(first), len(second)
    breaks = np.concatenate([first[:-1], second[:-1]])
    order = np.argsort(breaks, kind="stable")  # merges two sorted runs in linear time
    rows = np.cumsum(np.concatenate([[0], (order < n - 1).astype(np.int64)]))
    carried = np.diff(breaks[order], prepend=0.0, append=1.0)
    return Staircase(rows, np.arange(n + m - 1) - rows, carried)


def levels(masses: Tensor, order: Array) -> Array:
    """Cumulated masses in an order (n,), the last exactly 1. Uniform ones are i / n, rounded once."""
    if uniform(masses):
        return np.arange(1, len(order) + 1) / len(order)
    total = np.cumsum(host(masses)[order])
    total /= total[-1]
    return total


def convex(cost: CostLike | float) -> Cost:
    """The cost that a number p or a name means, where sorting solves its problem.

    Raises:
        ValueError: p below 1, an unknown name, or a cost that is no convex function of |x - y|.
    """
    if isinstance(cost, int | float | Real | Tensor):
        p = exponent(cost)
        return Square() if p == 2.0 else Euclidean() if p == 1.0 else Power(p)
    chosen = resolved(cost)
    if not isinstance(chosen, CONVEX):
        raise ValueError(
            f"cost {type(chosen).__name__}: on the line expected a convex function of |x - y| (a number p >= 1, "
            "square, euclidean, manhattan, huber or power): for another cost use transport."
        )
    return chosen


def flat(name: str, value: ArrayLike) -> Tensor:
    """Points on the line as a tensor (n,); the caller checks after sorting whether they are finite.

    Raises:
        ValueError: none, or points of more than one dimension.
    """
    points = tensor(name, value)
    if points.dim() not in (1, 2) or points.numel() == 0 or points.shape[1:].numel() != 1:
        raise ValueError(
            f"{name}: expected points on the line, (n,) or (n, 1) with n >= 1, got shape {tuple(points.shape)}: pass a "
            f"row of numbers as {name}.reshape(-1); for points of more dimensions use transport."
        )
    return points.reshape(-1)


def costs_of(cost: Cost, x: Array, y: Array) -> Array:
    """h(|x - y|) of pairs of points (k,) in float64.

    Raises:
        ValueError: a cost beyond float64.
    """
    with np.errstate(over="ignore"):
        gap: Array = np.subtract(x, y, dtype=np.float64)
        largest = float(max(gap.max(), -gap.min()))
        if isinstance(cost, Square):
            costs = np.multiply(gap, gap, out=gap)
        elif isinstance(cost, Euclidean | Manhattan):
            costs = np.abs(gap, out=gap)
        else:
            given = torch.from_numpy(gap)[:, None]
            costs = cost(given, torch.zeros_like(given)).numpy()
    if not float(costs.max()) <= np.finfo(np.float64).max / len(costs):  # their sum is finite too
        raise ValueError(
            f"points: expected costs within float64, got a distance |x - y| of {largest:.3g}, whose cost is not: "
            "divide the points by a large number; wasserstein does so by itself."
        )
    return costs


def host(value: Tensor) -> Array:
    """The values as a NumPy array in float64, without gradient."""
    array: Array = value.detach().double().cpu().numpy()
    return array
