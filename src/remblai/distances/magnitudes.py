"""Points so large or so small that the square of a distance is no float64 number, although the distance is one."""

import math
from typing import Any

import torch
from torch import Tensor

from remblai.costs import Cost, Euclidean, Hamming, Huber, Manhattan, Power, Square

SAFE = {torch.float32: 15.0, torch.float64: 100.0}
"""Digits before or after the point within which squares of distances, and of a part of them, are numbers."""

MOST = 300.0
"""Digits of a cost up to which it is a number."""

OF_DIFFERENCES = (Square, Euclidean, Manhattan, Huber, Hamming, Power)
"""Costs that are infinite only where float64 ends."""


def in_range(cost: Cost, x: Tensor, y: Tensor) -> Cost:
    """The cost, of points x (n, d) and y (m, d): a Euclidean one in units near their range where squares need it."""
    if not isinstance(cost, Euclidean | Power):
        return cost
    ends = [torch.stack((x, y)) for x, y in zip(x.aminmax(dim=0), y.aminmax(dim=0), strict=True)]
    half = float((0.5 * ends[1].amax(0).double() - 0.5 * ends[0].amin(0).double()).max())
    if not 0.0 < half < math.inf or abs(math.log10(half)) <= SAFE[torch.promote_types(x.dtype, y.dtype)]:
        return cost
    return InUnits(cost, math.ldexp(1.0, math.frexp(half)[1] - 1))


class InUnits(Cost):
    """|x - y| or its power, from the distance of points divided by a unit.

    Args:
        cost: `Euclidean` or a `Power`.
        unit: a power of 2, so that dividing by it rounds nothing.
    """

    def __init__(self, cost: Euclidean | Power, unit: float) -> None:
        self.cost, self.unit = cost, unit

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        return self._of(Euclidean()(x.double() / self.unit, y.double() / self.unit))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return self._of(Euclidean().matrix(x.double() / self.unit, y.double() / self.unit))

    def _of(self, lengths: Tensor) -> Tensor:
        lengths = self.unit * lengths
        return lengths.pow(self.cost.p) if isinstance(self.cost, Power) else lengths


def refuse_overflow(geometry: Any) -> None:
    """Refuses points that have costs beyond float64, which would count as forbidden pairs.

    Raises:
        ValueError: there are such pairs.
    """
    if not isinstance(geometry.cost, OF_DIFFERENCES):
        return
    largest = max(float(one.abs().max()) for one in (geometry.x, geometry.y))
    digits = math.log10(2.0 * geometry.x.shape[1]) + math.log10(max(largest, 1.0))
    if digits * (geometry.cost.p if isinstance(geometry.cost, Power) else 2.0) < MOST:
        return
    for part, costs in geometry.blocks():
        far = (~costs.isfinite()).nonzero()
        if len(far):
            i, j = part.start + int(far[0, 0]), int(far[0, 1])
            gap = 2.0 * float((0.5 * geometry.x[i].double() - 0.5 * geometry.y[j].double()).abs().max())
            raise ValueError(
                f"points: expected costs within float64, got a distance |x - y| of {gap:.3g} or more from place {i} to "
                f"place {j}, whose {type(geometry.cost).__name__.lower()} cost is not: divide the points by a large "
                "number; wasserstein does so by itself."
            )
