"""Transport on the line, exactly, by sorting: any convex cost of |x - y|, any masses."""

import time
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.costs import Cost, Euclidean, Huber, Manhattan, Power, Square
from remblai.distances.coupling import Sparse
from remblai.distances.geometry import CostLike, Points, resolved
from remblai.distances.plan import Plan, solved
from remblai.distances.problem import Problem, uniform
from remblai.distances.validation import exponent, finite, masses, tensor

CONVEX = (Square, Euclidean, Manhattan, Huber, Power)
"""Costs that are a convex function of |x - y| on the line, where sorting solves the problem."""

SLACK = 1e-14
"""By how much a cumulated mass may miss a level for rounding and still reach it."""

Array = NDArray[Any]


class Staircase(NamedTuple):
    """The monotone coupling of two cumulated laws: n + m - 1 pairs of sorted places, each a step from the one before.

    Attributes:
        rows: places of the first law (n + m - 1,), growing by 0 or 1.
        columns: places of the second law, growing where the rows do not.
        masses: what each pair carries, 0 included.
    """

    rows: Array
    columns: Array
    masses: Array


def transport_cost(x: Any, y: Any, cost: CostLike | float = 1.0, a: Any = None, b: Any = None) -> Any:
    """The least mean of h(|x - y|) over all couplings, never rooted: W_p^p for the cost p. Takes O(n log n).

    Without masses and with n = m it is the mean of h(|x_(i) - y_(i)|) over the sorted points. Differentiable, once, in
    the points, and in the masses up to a constant.

    Args:
        x: points (n,) or (n, 1).
        y: points (m,) or (m, 1).
        cost: p >= 1 for |x - y|^p, or one of the costs square, euclidean, manhattan, huber, power.
        a: masses (n,) of the points x; None is 1 / n each.
        b: masses (m,) of the points y, of the same total.

    Raises:
        ValueError: anything that is no transport problem on the line.

    Source: Santambrogio, Optimal Transport for Applied Mathematicians (2015), section 2.2.
    """
    law = convex(cost)
    first, second = flat("x", x), flat("y", y)
    given = [one for one in (x, y, a, b) if isinstance(one, Tensor)]
    if torch.is_grad_enabled() and any(one.requires_grad for one in given):
        return plan(x, y, law, a, b).value
    if a is None and b is None and len(first) == len(second):
        value = _paired(first, second, law)
    else:
        problem = Problem.of_points(x, y, law, a, b)
        value = problem.mass * _weighted(problem, law)
    return torch.tensor(value, dtype=torch.float64, device=first.device) if given else value


def plan(x: Any, y: Any, cost: CostLike | float = 2.0, a: Any = None, b: Any = None) -> Plan:
    """The monotone coupling of two laws on the line, which is optimal for every convex cost of |x - y|.

    It has at most n + m - 1 entries. Its potentials are exact: f_i + g_j <= c_ij, with equality along the coupling.

    Args:
        x: points (n,) or (n, 1).
        y: points (m,) or (m, 1).
        cost: p >= 1 for |x - y|^p, or one of the costs square, euclidean, manhattan, huber, power.
        a: masses (n,) of the points x; None is 1 / n each.
        b: masses (m,) of the points y, of the same total.

    Raises:
        ValueError: anything that is no transport problem on the line.

    Source: Hoffman, On simple linear programming problems (1963): the north-west corner rule for Monge costs.
    """
    law = convex(cost)
    flat("x", x), flat("y", y)
    return solve(Problem.of_points(x, y, law, a, b))


def solve(problem: Problem) -> Plan:
    """The plan of a problem whose places are points on the line and whose cost is one of `CONVEX`."""
    began = time.perf_counter()
    geometry = problem.geometry
    assert isinstance(geometry, Points) and geometry.x.shape[1] == 1 and isinstance(geometry.cost, CONVEX)
    x, y = (_host(one[:, 0]) for one in (geometry.x, geometry.y))
    here, there = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    path = staircase(levels(problem.a, here), levels(problem.b, there))
    rows, columns = here[path.rows], there[path.columns]
    costs = _costs(geometry.cost, x[rows] - y[columns])
    # Along the path f_i + g_j = c_ij: a step to the next row changes f alone, a step to the next column g alone. That
    # this dual is feasible off the path too is the Monge property of convex costs.
    steps, down = np.diff(costs), np.diff(path.rows) > 0
    f, g = np.empty_like(x), np.empty_like(y)
    f[here] = np.concatenate([[0.0], np.cumsum(steps[down])])
    g[there] = costs[0] + np.concatenate([[0.0], np.cumsum(steps[~down])])
    kept = path.masses > 0
    told = [torch.from_numpy(one).to(geometry.device) for one in (rows[kept], columns[kept], path.masses[kept], f, g)]
    return solved(
        problem,
        float(path.masses @ costs),
        Sparse(told[0], told[1], told[2], problem.shape),
        (told[3], told[4]),
        method="line: monotone coupling of the sorted points",
        seconds=time.perf_counter() - began,
    )


def quantile(x: Any, q: Any, a: Any = None) -> Any:
    """The quantile function: the least point t with P(X <= t) >= q, over the places that hold mass.

    W_p^p is the integral of |quantile of x - quantile of y|^p over q in (0, 1).

    Args:
        x: points (n,) or (n, 1).
        q: levels in [0, 1], of any shape.
        a: masses (n,); None is 1 / n each.

    Raises:
        ValueError: no points on the line, or levels outside [0, 1].
    """
    values, cumulated, device = _law(x, a)
    asked = tensor("q", q)
    finite("q", asked)
    if bool(((asked < 0) | (asked > 1)).any()):
        raise ValueError(f"q: expected levels in [0, 1], got {float(asked.min()):g} to {float(asked.max()):g}.")
    found = values[np.searchsorted(cumulated, _host(asked) - SLACK).clip(max=len(values) - 1)]
    return _answered(found, device, (x, q, a))


def cdf(x: Any, t: Any, a: Any = None) -> Any:
    """The distribution function P(X <= t), with masses taken as shares of their total.

    Args:
        x: points (n,) or (n, 1).
        t: where to read it, of any shape.
        a: masses (n,); None is 1 / n each.

    Raises:
        ValueError: no points on the line, or t that are not finite.
    """
    values, cumulated, device = _law(x, a)
    asked = tensor("t", t)
    finite("t", asked)
    found = np.concatenate([[0.0], cumulated])[np.searchsorted(values, _host(asked), side="right")]
    return _answered(found, device, (x, t, a))


def convex(cost: CostLike | float) -> Cost:
    """The cost that a number p or a name means, where sorting solves its problem.

    Raises:
        ValueError: p below 1, an unknown name, or a cost that is no convex function of |x - y|.
    """
    if isinstance(cost, int | float):
        p = exponent(cost)
        return Square() if p == 2.0 else Euclidean() if p == 1.0 else Power(p)
    found = resolved(cost)
    if not isinstance(found, CONVEX):
        raise ValueError(
            f"cost {type(found).__name__}: on the line expected a convex function of |x - y| (a number p >= 1, square, "
            "euclidean, manhattan, huber or power): for another cost use transport."
        )
    return found


def flat(name: str, value: Any) -> Tensor:
    """Points on the line as a tensor (n,); whether they are finite is left to whoever sorts them.

    Raises:
        ValueError: none, or points of more than one dimension.
    """
    found = tensor(name, value)
    if found.dim() not in (1, 2) or found.numel() == 0 or found.shape[1:].numel() != 1:
        raise ValueError(
            f"{name}: expected points on the line, (n,) or (n, 1) with n >= 1, got shape {tuple(found.shape)}: give a "
            f"row of numbers as {name}.reshape(-1); for points of more dimensions use transport."
        )
    return found.reshape(-1)


def levels(masses: Tensor, order: Array) -> Array:
    """Cumulated masses in the given order (n,), the last exactly 1. Uniform ones are i / n, rounded once."""
    if uniform(masses):
        return np.arange(1, len(order) + 1) / len(order)
    total = np.cumsum(_host(masses)[order])
    total /= total[-1]
    return total


def staircase(first: Array, second: Array) -> Staircase:
    """The monotone coupling of two laws given by their cumulated masses (n,) and (m,), each ending in 1."""
    n, m = len(first), len(second)
    breaks = np.concatenate([first[:-1], second[:-1]])
    order = np.argsort(breaks, kind="stable")  # merges two sorted runs in linear time
    rows = np.cumsum(np.concatenate([[0], (order < n - 1).astype(np.int64)]))
    carried = np.diff(breaks[order], prepend=0.0, append=1.0)
    return Staircase(rows, np.arange(n + m - 1) - rows, carried)


def _paired(first: Tensor, second: Tensor, cost: Cost) -> float:
    """The mean cost of the sorted pairs."""
    ordered = []
    for name, one in (("x", first), ("y", second)):
        found = np.sort(one.detach().cpu().numpy())
        if not np.isfinite(found[[0, -1]]).all():  # sorting takes NaN and infinity to the ends
            finite(name, one)
        ordered.append(found)
    gap = ordered[0] if ordered[0].dtype == np.float64 else ordered[0].astype(np.float64)
    gap -= ordered[1]
    return float(_costs(cost, gap).sum() / len(gap))


def _weighted(problem: Problem, cost: Cost) -> float:
    assert isinstance(problem.geometry, Points)
    sides = []
    for points, held in ((problem.geometry.x, problem.a), (problem.geometry.y, problem.b)):
        values = _host(points[:, 0])
        order = np.argsort(values)
        sides.append((values[order], levels(held, order)))
    (x, first), (y, second) = sides
    path = staircase(first, second)
    return float(path.masses @ _costs(cost, x[path.rows] - y[path.columns]))


def _costs(cost: Cost, gap: Array) -> Array:
    """h(|gap|) (k,); overwrites the gap."""
    if isinstance(cost, Square):
        return np.multiply(gap, gap, out=gap)
    if isinstance(cost, Euclidean | Manhattan):
        return np.abs(gap, out=gap)
    given = torch.from_numpy(gap)[:, None]
    found: Array = cost(given, torch.zeros_like(given)).numpy()
    return found


def _law(x: Any, a: Any) -> tuple[Array, Array, torch.device]:
    """Sorted places that hold mass and their cumulated shares (k,)."""
    points = flat("x", x)
    finite("x", points)
    held = masses("a", a, len(points), points.device).detach().double()
    values, kept = _host(points), _host(held) > 0
    order = np.argsort(values[kept], kind="stable")
    shares = held[torch.from_numpy(kept).to(held.device)]
    return values[kept][order], levels(shares, order), points.device


def _host(value: Tensor) -> Array:
    found: Array = value.detach().double().cpu().numpy()
    return found


def _answered(found: Any, device: torch.device, given: tuple[Any, ...]) -> Any:
    if any(isinstance(one, Tensor) for one in given):
        return torch.as_tensor(found, device=device)
    return float(found) if np.ndim(found) == 0 else found
