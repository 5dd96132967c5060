"""Transport on the line, exactly, by sorting: any convex cost of |x - y|, any masses."""

import time
from functools import partial
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.costs import Cost
from remblai.distances.coupling import Sparse
from remblai.distances.cumulative import cdf, quantile
from remblai.distances.geometry import CostLike, Points
from remblai.distances.line_bounds import bounds
from remblai.distances.monotone import CONVEX, convex, costs_of, flat, host, levels, staircase
from remblai.distances.plan import ArrayPlan, Plan, TensorPlan
from remblai.distances.problem import Problem
from remblai.distances.solution import solved
from remblai.distances.validation import ArrayLike, NumPyLike, finite

__all__ = ["cdf", "plan", "quantile", "transport_cost"]


@overload
def transport_cost(
    x: NumPyLike,
    y: NumPyLike,
    cost: CostLike | float = ...,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    *,
    normalise: bool = ...,
) -> float: ...
@overload
def transport_cost(
    x: Tensor,
    y: Tensor,
    cost: CostLike | float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Tensor: ...
@overload
def transport_cost(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike | float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Any: ...
@checked_options
def transport_cost(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike | float = 1.0,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    normalise: bool = False,
) -> float | Tensor:
    """The least mean of h(|x - y|) over all couplings, never rooted: W_p^p for the cost p. Takes O(n log n).

    Without masses and with n = m it is the mean of h(|x_(i) - y_(i)|) over the sorted points. Differentiable, once, in
    the points, and in the masses up to a constant.

    Args:
        x: points (n,) or (n, 1).
        y: points (m,) or (m, 1).
        cost: p >= 1 for |x - y|^p, or one of the costs square, euclidean, manhattan, huber, power.
        a: masses (n,) of the points x, which sum to 1; None is 1 / n each.
        b: masses (m,) of the points y.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem on the line.

    Source: Santambrogio, Optimal Transport for Applied Mathematicians (2015), section 2.2.

    Example:
        >>> from remblai.distances import line
        >>> line.transport_cost([0.0, 1.0], [3.0, 2.0], 2)
        4.0
    """
    law = convex(cost)
    first, second = flat("x", x), flat("y", y)
    tensors = [one for one in (x, y, a, b) if isinstance(one, Tensor)]
    if torch.is_grad_enabled() and any(one.requires_grad for one in tensors):
        value: Tensor = solve(Problem.of_points(x, y, law, a, b, normalise)).value
        return value
    if a is None and b is None and len(first) == len(second):
        cost_value = _paired(first, second, law)
    else:
        cost_value = _weighted(Problem.of_points(x, y, law, a, b, normalise), law)
    return torch.tensor(cost_value, dtype=torch.float64, device=first.device) if tensors else cost_value


@overload
def plan(
    x: NumPyLike,
    y: NumPyLike,
    cost: CostLike | float = ...,
    a: NumPyLike | None = ...,
    b: NumPyLike | None = ...,
    *,
    normalise: bool = ...,
) -> ArrayPlan: ...
@overload
def plan(
    x: Tensor,
    y: Tensor,
    cost: CostLike | float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> TensorPlan: ...
@overload
def plan(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike | float = ...,
    a: ArrayLike | None = ...,
    b: ArrayLike | None = ...,
    *,
    normalise: bool = ...,
) -> Plan: ...
@checked_options
def plan(
    x: ArrayLike,
    y: ArrayLike,
    cost: CostLike | float = 2.0,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    normalise: bool = False,
) -> Plan:
    """The monotone coupling of two laws on the line, which is optimal for every convex cost of |x - y|.

    It has at most n + m - 1 entries. Its potentials are exact: f_i + g_j <= c_ij, with equality along the coupling.

    Args:
        x: points (n,) or (n, 1).
        y: points (m,) or (m, 1).
        cost: p >= 1 for |x - y|^p, or one of the costs square, euclidean, manhattan, huber, power.
        a: masses (n,) of the points x, which sum to 1; None is 1 / n each.
        b: masses (m,) of the points y.
        normalise: whether masses of another total, such as counts, are divided by it.

    Raises:
        ValueError: anything that is no transport problem on the line.

    Source: Hoffman, On simple linear programming problems (1963): the north-west corner rule for Monge costs.

    Example:
        >>> from remblai.distances import line
        >>> line.plan([0.0, 1.0], [3.0, 2.0], 1).coupling.tolist()
        [[0.0, 0.5], [0.5, 0.0]]
    """
    law = convex(cost)
    flat("x", x), flat("y", y)
    return solve(Problem.of_points(x, y, law, a, b, normalise))


def solve(problem: Problem) -> Plan:
    """The plan of a problem whose places are points on the line and whose cost is one of `CONVEX`."""
    started = time.perf_counter()
    geometry = problem.geometry
    assert isinstance(geometry, Points) and geometry.x.shape[1] == 1 and isinstance(geometry.cost, CONVEX)
    x, y = (host(one[:, 0]) for one in (geometry.x, geometry.y))
    x_order, y_order = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    path = staircase(levels(problem.a, x_order), levels(problem.b, y_order))
    rows, columns = x_order[path.rows], y_order[path.columns]
    costs = costs_of(geometry.cost, x[rows], y[columns])
    # Along the path f_i + g_j = c_ij: a step to the next row changes f alone, a step to the next column g alone. That
    # this dual is feasible off the path too is the Monge property of convex costs.
    steps, down = np.diff(costs), np.diff(path.rows) > 0
    f, g = np.empty_like(x), np.empty_like(y)
    f[x_order] = np.concatenate([[0.0], np.cumsum(steps[down])])
    g[y_order] = costs[0] + np.concatenate([[0.0], np.cumsum(steps[~down])])
    kept = path.masses > 0
    i, j, carried, f_tensor, g_tensor = (
        torch.from_numpy(one).to(geometry.device) for one in (rows[kept], columns[kept], path.masses[kept], f, g)
    )
    return solved(
        problem,
        float(path.masses @ costs),
        Sparse(i, j, carried, problem.shape),
        (f_tensor, g_tensor),
        method="line: monotone coupling of the sorted points",
        seconds=time.perf_counter() - started,
        bounds=partial(bounds, problem, x_order, y_order),
    )


def _paired(first: Tensor, second: Tensor, cost: Cost) -> float:
    """The mean cost of the sorted pairs."""
    ordered = []
    for name, one in (("x", first), ("y", second)):
        values = np.sort(one.detach().cpu().numpy())
        if not np.isfinite(values[[0, -1]]).all():  # sorting takes NaN and infinity to the ends
            finite(name, one)
        ordered.append(values)
    costs = costs_of(cost, *ordered)
    return float(costs.sum() / len(costs))


def _weighted(problem: Problem, cost: Cost) -> float:
    assert isinstance(problem.geometry, Points)
    sides = []
    for points, masses in ((problem.geometry.x, problem.a), (problem.geometry.y, problem.b)):
        values = host(points[:, 0])
        order = np.argsort(values)
        sides.append((values[order], levels(masses, order)))
    (x, first), (y, second) = sides
    path = staircase(first, second)
    return float(path.masses @ costs_of(cost, x[path.rows], y[path.columns]))
