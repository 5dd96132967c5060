"""Distances on the line in a large power, and in the limit: no power of a distance overflows, no rounding travels."""

import numpy as np
import torch
from torch import Tensor

from remblai.distances.envelope import with_gradients
from remblai.distances.geometry import Points
from remblai.distances.monotone import Array, Staircase, host, levels, staircase
from remblai.distances.problem import Problem, uniform
from remblai.distances.rounding import ROUNDOFF

NEGLIGIBLE = 1e-12
"""Mass that may stay uncarried, or travel any distance, at most: the rounding of masses such as .1 + .2 against .3."""

STEEPEST = 1e150
"""Costs of rounded-off masses end here in the potentials, so that their differences are numbers."""


def farthest_pair(problem: Problem) -> tuple[int, int]:
    """The pair of the monotone coupling that is farthest apart."""
    path, gaps = _coupled(problem)
    k = int(np.where(path.masses > _rounding(problem), np.abs(gaps), -1.0).argmax())
    return int(path.rows[k]), int(path.columns[k])


def steep_distance(problem: Problem, p: float) -> Tensor:
    """W_p of points on the line for a large p, in powers of distances relative to the bottleneck; differentiable.

    Masses that the rounding of cumulated masses may have made do not count, so that W_p grows with p up to W_inf.
    """
    path, gaps = _coupled(problem)
    carried = np.where(path.masses > _rounding(problem), path.masses, 0.0)
    farthest = float(np.abs(gaps[carried > 0.0]).max())
    ratios = np.abs(gaps) / farthest if farthest > 0.0 else 0.0 * gaps
    with np.errstate(over="ignore"):
        costs, slopes = np.minimum(ratios**p, STEEPEST), np.minimum(ratios ** (p - 1.0), STEEPEST)
    total = float(carried @ costs)
    value = torch.tensor(farthest * total ** (1.0 / p), dtype=torch.float64, device=problem.a.device)
    outer = total ** (1.0 / p - 1.0) if total > 0.0 else 0.0
    in_points = _in_points(problem, path, outer * carried * slopes * np.sign(gaps))
    in_masses = [farthest * outer / p * one for one in _potentials(problem, path, costs)]
    assert isinstance(problem.geometry, Points)
    given = [*problem.geometry.given, *problem.given]
    derivatives = zip(given, [*in_points, *in_masses], strict=True)
    known = [(one, torch.from_numpy(d).to(one.device).reshape(one.shape)) for one, d in derivatives]
    return with_gradients(value, [(one, derivative) for one, derivative in known if one.requires_grad])


def _coupled(problem: Problem) -> tuple[Staircase, Array]:
    """The monotone coupling as pairs of places in the given order, and the displacements x - y along it."""
    assert isinstance(problem.geometry, Points)
    x, y = (host(points[:, 0]) for points in (problem.geometry.x, problem.geometry.y))
    x_order, y_order = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    path = staircase(levels(problem.a, x_order), levels(problem.b, y_order))
    rows, columns = x_order[path.rows], y_order[path.columns]
    # halved, because the difference of two numbers may overflow
    return Staircase(rows, columns, path.masses), 2.0 * (0.5 * x[rows] - 0.5 * y[columns])


def _rounding(problem: Problem) -> float:
    """The mass of a pair of the monotone coupling up to which rounding alone may have made it."""
    steps = 4.0 if uniform(problem.a) and uniform(problem.b) else 2.0 * sum(problem.shape)
    return min(NEGLIGIBLE, steps * ROUNDOFF) + 2.0 * problem.roundoff


def _in_points(problem: Problem, path: Staircase, pulls: Array) -> tuple[Array, Array]:
    n, m = problem.shape
    return np.bincount(path.rows, pulls, n), -np.bincount(path.columns, pulls, m)


def _potentials(problem: Problem, path: Staircase, costs: Array) -> tuple[Array, Array]:
    """f (n,) and g (m,) with f_i + g_j = c_ij along the path, where each step changes one of them."""
    n, m = problem.shape
    f, g = np.zeros(n), np.zeros(m)
    steps, down = np.diff(costs), np.diff(path.rows) != 0
    f[path.rows[1:][down]] = np.cumsum(steps[down])
    g[path.columns[0]] = costs[0]
    g[path.columns[1:][~down]] = costs[0] + np.cumsum(steps[~down])
    return f, g
