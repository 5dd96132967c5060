"""Proven bounds of transport on the line: the cost of the monotone coupling of exactly the masses given."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from remblai.distances.certificate import Interval, underflow, widened
from remblai.distances.geometry import Points
from remblai.distances.monotone import Array
from remblai.distances.problem import Problem
from remblai.distances.rational import Entry, common_integers
from remblai.distances.rounding import ROUNDOFF


def bounds(problem: Problem, x_order: Array, y_order: Array) -> Interval:
    """Bounds of the least cost, for a cost that is a convex function of |x - y|, in O(n + m).

    The monotone coupling is the best for every such cost. Its masses are found in exact arithmetic, so that both ends
    are its cost, with the rounding of each pair's cost and of the sum taken off below and added above.

    Args:
        problem: of points on the line.
        x_order: the order (n,) of the points x.
        y_order: the order (m,) of the points y.

    Source: Hoffman, On simple linear programming problems (1963), for the optimum; Higham (2002), section 3.1, for the
    rounding.
    """
    masses = (one.double().cpu()[order] for one, order in zip(problem.raw, (x_order, y_order), strict=True))
    supply, demand = common_integers(*(one.tolist() for one in masses))
    total = sum(supply)
    rows, columns, flows = zip(*monotone(supply, demand), strict=True)
    device = problem.geometry.device
    i, j = (torch.from_numpy(order[list(at)]).to(device) for order, at in ((x_order, rows), (y_order, columns)))
    shares = torch.tensor([flow / total for flow in flows], dtype=torch.float64, device=device)
    costs = problem.geometry.pairs(i, j)
    error = problem.geometry.rounding(costs)
    moved = 2.0 * problem.roundoff * _farthest(problem) if problem.roundoff else 0.0
    lower, upper = (_sum(shares, costs + sign * error, sign) + sign * moved for sign in (-1.0, 1.0))
    return widened(problem, Interval(max(lower, 0.0), upper))


def monotone(supply: Sequence[int], demand: Sequence[int]) -> list[Entry]:
    """The monotone coupling of integer masses (n,) and (m,) of one total, in order: at most n + m - 1 entries.

    >>> monotone([1, 2], [2, 0, 1])
    [(0, 0, 1), (1, 0, 1), (1, 2, 1)]
    """
    entries, i, j = [], 0, 0
    here, there = supply[0], demand[0]
    while True:
        flow = min(here, there)
        if flow:
            entries.append((i, j, flow))
        here, there = here - flow, there - flow
        if not here:
            i += 1
            if i == len(supply):
                return entries
            here = supply[i]
        if not there:
            j += 1
            if j == len(demand):
                return entries
            there = demand[j]


def _sum(shares: Tensor, costs: Tensor, sign: float) -> float:
    """The sum of the products, rounded down for the sign -1 and up for 1."""
    terms = shares * costs
    size = float(terms.abs().sum())
    return math.fsum(terms.tolist()) + sign * (16.0 * ROUNDOFF * size + underflow(shares, costs))


def _farthest(problem: Problem) -> float:
    """The cost of the longest way, which a mass that is not known exactly goes at most."""
    geometry = problem.geometry
    assert isinstance(geometry, Points)
    x, y = geometry.x[:, 0], geometry.y[:, 0]
    ends = torch.stack([x.argmin(), x.argmax()]), torch.stack([y.argmax(), y.argmin()])
    return float(geometry.pairs(*ends).max())
