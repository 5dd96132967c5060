"""The least costs between two parts of the same points, for many choices of the parts: one matrix of costs for all."""

import math

import torch
from torch import Tensor

from remblai.distances.exact.kantorovich import solve
from remblai.distances.exact.merged import WORTH
from remblai.distances.exact.simplex import FLAT, least_matching
from remblai.distances.geometry import CostLike, Matrix, Points
from remblai.distances.problem import Problem

MOST = 8192
"""Points up to which the matrix of their costs is held: 512 MB."""

SMALLEST = 1e-280
"""The largest cost, at least: below it costs vanish."""


def least_costs_of_parts(points: Tensor, cost: CostLike, first: Tensor, second: Tensor) -> Tensor | None:
    """The least mean cost of a plan between two parts of uniform masses, for r choices of the parts -> (r,).

    As in a permutation test. The costs between all points are computed once; parts of equal size are matched, others
    go to the network simplex.

    Args:
        points: (N, d).
        cost: symmetric, of a point and itself finite.
        first: masks (r, N), true where a point is in the first part.
        second: masks (r, N) of the second part.

    Returns:
        float64; None where another way is faster or right: points on the line, many equal points, too many for a
        matrix, or costs that leave the range of float64.
    """
    geometry = Points(points, points, cost)
    n, d = geometry.x.shape
    if d == 1 or n > MOST or len(torch.unique(geometry.x, dim=0)) <= WORTH * n:
        return None
    costs = geometry.matrix().cpu()
    if not SMALLEST < float(costs.max()) < math.inf:
        return None
    values = [_least(costs[one][:, other], d) for one, other in zip(first.cpu(), second.cpu(), strict=True)]
    return torch.tensor(values, dtype=torch.float64)


def _least(costs: Tensor, d: int) -> float:
    n, m = costs.shape
    if n == m:
        return least_matching(costs.numpy(), d)
    # the simplex in few dimensions, where `solve` would choose it for the points
    method = "network-simplex" if d <= FLAT else "auto"
    masses = (torch.full((size,), 1.0 / size, dtype=torch.float64) for size in (n, m))
    a, b = masses
    return float(solve(Problem(a, b, Matrix(costs), (a, b), arrays=True), method).value)
