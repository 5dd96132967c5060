"""From what a solver found to a proven plan: places without mass, forbidden pairs, potentials and the gap."""

from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.distances.certificate import transformed
from remblai.distances.coupling import Sparse
from remblai.distances.plan import Plan, carried_cost, solved
from remblai.distances.problem import Problem

Array = NDArray[np.float64]

GAP = 1e-9
"""What the values of plan and potentials may differ by, relative to the mean cost."""


class Task(NamedTuple):
    """The places that hold mass, and the costs between them, on the host, where the solvers are.

    Attributes:
        rows: places of a above 0 (k,); columns: of b (l,).
        a: their masses (k,); b: (l,).
        costs: (k, l), finite: a forbidden pair costs more than any plan of allowed ones.
        forbidden: which pairs are (k, l), or None.
        unit: the mean of the costs' sizes, 1 where all are 0.
    """

    rows: Tensor
    columns: Tensor
    a: Array
    b: Array
    costs: Array
    forbidden: NDArray[np.bool_] | None
    unit: float


def task(problem: Problem) -> Task:
    """What is left of a problem once the empty places are dropped and the forbidden pairs are priced."""
    rows, columns = problem.a.nonzero()[:, 0], problem.b.nonzero()[:, 0]
    a, b = (one[kept].cpu().numpy() for one, kept in ((problem.a, rows), (problem.b, columns)))
    all_columns = len(columns) == len(problem.b)
    costs = np.empty((len(rows), len(columns)))
    done = 0
    for part, block in problem.geometry.blocks():
        kept = rows[(rows >= part.start) & (rows < part.stop)] - part.start
        found = block if len(kept) == len(block) else block[kept]
        costs[done : done + len(kept)] = (found if all_columns else found[:, columns]).cpu().numpy()
        done += len(kept)
    forbidden = _priced(costs)
    sizes = costs if forbidden is None else np.where(forbidden, 0.0, costs)
    unit = float(a @ (sizes if sizes.min() >= 0.0 else np.abs(sizes)) @ b)
    return Task(rows, columns, a, b, costs, forbidden, unit or 1.0)


def _priced(costs: Array) -> NDArray[np.bool_] | None:
    """Gives every infinite cost a finite one that no optimal plan pays if it can be avoided; tells which they were.

    An optimal plan is changed along cycles of at most min(n, m) pairs to leave and as many to enter, so a price above
    that many times the range of the costs suffices.
    """
    if np.isfinite(costs.max()):
        return None
    forbidden = np.isinf(costs)
    allowed = costs[~forbidden]
    low, high = (float(allowed.min()), float(allowed.max())) if allowed.size else (0.0, 0.0)
    costs[forbidden] = low + 1.01 * (high - low) * min(costs.shape) + (high - low or abs(low) or 1.0)
    return forbidden


def proven_plan(
    problem: Problem,
    given: Task,
    entries: tuple[NDArray[np.int64], NDArray[np.int64], Array],
    potential: Array,
    *,
    method: str,
    started: float,
    iterations: int = 0,
) -> Plan:
    """The plan of a whole problem, from the entries (rows, columns, masses) and potentials g (l,) of its task.

    Raises:
        ValueError: the optimum carries mass between forbidden places, so no plan of finite cost exists.
        RuntimeError: the marginals or the potentials disprove the solver.
    """
    i, j, masses = entries
    _check_allowed(given, i, j, masses)
    if given.forbidden is not None:  # what is left there is rounding
        kept = ~given.forbidden[i, j]
        i, j, masses = i[kept], j[kept], masses[kept]
    there = given.rows.device
    rows, columns = given.rows[torch.from_numpy(i).to(there)], given.columns[torch.from_numpy(j).to(there)]
    g = torch.zeros_like(problem.b)
    g[given.columns] = torch.from_numpy(np.ascontiguousarray(potential)).to(there)
    return proven(
        problem,
        (rows, columns, torch.from_numpy(masses)),
        g,
        method=method,
        started=started,
        unit=given.unit,
        iterations=iterations,
    )


def _check_allowed(given: Task, i: NDArray[np.int64], j: NDArray[np.int64], masses: Array) -> None:
    bad = np.zeros(0, dtype=np.int64) if given.forbidden is None else np.flatnonzero(given.forbidden[i, j])
    bad = bad[masses[bad] > 1e-12]
    if len(bad):
        worst = bad[masses[bad].argmax()]
        row, column = int(given.rows[i[worst]]), int(given.columns[j[worst]])
        raise ValueError(
            f"costs: expected a plan of finite cost, but none exists: place {row} of a cannot be served. "
            f"{masses[bad].sum():g} of the mass has only pairs of infinite cost left (place {row} to place {column}, "
            "say): make more pairs finite, or move the masses."
        )


def proven(
    problem: Problem,
    entries: tuple[Tensor, Tensor, Tensor],
    g: Tensor,
    *,
    method: str,
    started: float,
    unit: float,
    f: Tensor | None = None,
    iterations: int = 0,
) -> Plan:
    """The plan, once its marginals are right and potentials prove it optimal.

    Args:
        problem: what was solved.
        entries: rows, columns and masses of the plan, each (k,), between places that hold mass.
        g: potentials (m,); those of empty places are found here.
        method: who found them.
        started: when, by `perf_counter`.
        unit: the mean cost, which the gap is measured against.
        f: the transform of g, where the solver knows it already.
        iterations: the solver's steps.

    Raises:
        RuntimeError: the marginals or the potentials disprove the solver.
    """
    rows, columns, masses = (one.to(problem.a.device) for one in entries)
    coupling = Sparse(rows, columns, masses, problem.shape)
    f, g = feasible(problem, g.to(problem.a.device), f)
    value = carried_cost(problem.geometry, coupling)
    gap = value - float(problem.a @ f + problem.b @ g)
    sums = coupling.marginals()
    error = float((sums[0] - problem.a).abs().sum() + (sums[1] - problem.b).abs().sum())
    if not (abs(gap) <= GAP * unit and error <= GAP):
        raise RuntimeError(
            f"{method}: it stopped before the optimum: duality gap {gap:.3g} at value {value:.6g}, marginal error "
            f"{error:.3g}. Scale the costs so that their range is not dominated by a few huge ones, or try another "
            "method: 'linear-program', 'network-simplex' or 'column-generation'."
        )
    shift = 0.5 * float(problem.a @ f - problem.b @ g)
    return solved(
        problem,
        value,
        coupling,
        (f - shift, g + shift),
        method=method,
        marginal_error=error,
        iterations=iterations,
        seconds=perf_counter() - started,
    )


def feasible(problem: Problem, g: Tensor, f: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Potentials with f_i + g_j <= c_ij for every pair, those of empty places included, from those g of held places.

    f is the c-transform of g; then the g of an empty place is the transform of f; without any allowed pair it is 0.
    """
    if f is None:
        f = transformed(problem, g)
    f = f.where(f.isfinite(), 0.0)
    empty = problem.b == 0
    if not bool(empty.any()):
        return f, g
    lowest = torch.full_like(g[empty], float("inf"))
    for part, costs in problem.geometry.blocks():
        lowest = torch.minimum(lowest, (costs[:, empty] - f[part, None]).amin(0))
    g = g.clone()
    g[empty] = lowest.where(lowest.isfinite(), 0.0)
    return f, g
