"""From a solver's entries and potentials to a proven plan: places without mass, forbidden pairs and the gap."""

import math
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.distances.certificate import REPAIRED, carried_exactly, transformed
from remblai.distances.coupling import Sparse
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem
from remblai.distances.rounding import ROUNDOFF
from remblai.distances.solution import solved

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

MARGINALS = 1e-9
"""The largest marginal error, as a share of the mass."""

PAIRS = 2**21
"""Pairs up to which integers are held, some hundred bytes each."""


class Task(NamedTuple):
    """The places that have mass, and the costs between them, on the host, where the solvers are.

    Attributes:
        rows: places of a above 0 (k,); columns: of b (l,).
        a: their masses (k,); b: (l,).
        costs: (k, l); infinity forbids a pair.
        forbidden: whether any pair is.
        gap: the largest gap that counts as optimal, as a share of the plan's cost.
    """

    rows: Tensor
    columns: Tensor
    a: Array
    b: Array
    costs: Array
    forbidden: bool
    gap: float

    @property
    def extent(self) -> float:
        """The largest finite cost less the least; 0 where all are infinite."""
        high = self.costs.max(where=np.isfinite(self.costs) if self.forbidden else True, initial=-math.inf)
        return max(float(high) - float(self.costs.min()), 0.0)


class Vertex(NamedTuple):
    """A solver's answer to a task.

    Attributes:
        i: rows of the entries (e,); j: their columns; masses: theirs.
        g: potentials of the columns (l,).
        iterations: the solver's steps.
    """

    i: Indices
    j: Indices
    masses: Array
    g: Array
    iterations: int = 0


class Checked(NamedTuple):
    """A vertex, measured on the costs of its task.

    Attributes:
        vertex: the answer, without entries on forbidden pairs.
        f: the transform of its g (k,).
        size: the sum of P_ij |c_ij|.
        gap: its cost less the dual value of its potentials.
        rounding: what rounding of the potentials alone may leave of the gap.
        stuck: the masses that it carries between forbidden pairs: rows, columns and masses.
        allowed: the largest gap that counts as optimal.
    """

    vertex: Vertex
    f: Array
    size: float
    gap: float
    rounding: float
    stuck: tuple[Indices, Indices, Array]
    allowed: float

    @property
    def optimal(self) -> bool:
        """Whether the gap is small against the plan's own cost."""
        return not len(self.stuck[2]) and abs(self.gap) <= self.allowed

    @property
    def acceptable(self) -> bool:
        """Whether it is, but for the rounding of the potentials."""
        return not len(self.stuck[2]) and abs(self.gap) <= self.allowed + self.rounding


def task(problem: Problem) -> Task:
    """What is left of a problem once the places without mass are dropped."""
    rows, columns = problem.a.nonzero()[:, 0], problem.b.nonzero()[:, 0]
    a, b = (one[kept].cpu().numpy() for one, kept in ((problem.a, rows), (problem.b, columns)))
    all_columns = len(columns) == len(problem.b)
    costs = np.empty((len(rows), len(columns)))
    done = 0
    for part, block in problem.geometry.blocks():
        kept = rows[(rows >= part.start) & (rows < part.stop)] - part.start
        chosen = block if len(kept) == len(block) else block[kept]
        costs[done : done + len(kept)] = (chosen if all_columns else chosen[:, columns]).cpu().numpy()
        done += len(kept)
    return Task(rows, columns, a, b, costs, not np.isfinite(costs.max()), problem.gap)


def checked(given: Task, vertex: Vertex) -> Checked:
    """Measures a vertex on the costs of its task, whatever costs the solver was given."""
    i, j, masses, g, _ = vertex
    stuck = i[:0], j[:0], masses[:0]
    if given.forbidden:  # a mass of 1e-12 there is rounding
        free = np.isfinite(given.costs[i, j])
        bad = ~free & (masses > 1e-12)
        stuck = i[bad], j[bad], masses[bad]
        vertex = vertex._replace(i=i[free], j=j[free], masses=masses[free])
    f = np.empty(len(given.a))
    for start in range(0, len(f), 256):  # a block of rows at a time: no second matrix
        rows = slice(start, start + 256)
        f[rows] = (given.costs[rows] - g).min(1)
    paid = vertex.masses * given.costs[vertex.i, vertex.j]
    terms = np.concatenate([paid, -given.a * f, -given.b * g])
    dual = float(np.abs(terms[len(paid) :]).sum())
    size = float(np.abs(paid).sum())
    gap = math.fsum(terms.tolist()) if math.isfinite(dual) else math.inf
    if size == 0.0 and given.costs.min() >= 0.0:  # whatever the rounding of the potentials
        gap = 0.0
    return Checked(vertex, f, size, gap, 64.0 * ROUNDOFF * dual, stuck, given.gap * size)


def proven_plan(problem: Problem, given: Task, found: Checked, *, method: str, started: float) -> Plan:
    """The plan of a whole problem from a checked vertex of its task.

    Raises:
        RuntimeError: the marginals or the potentials disprove the solver.
    """
    device = given.rows.device
    i, j, masses, potential, iterations = found.vertex
    rows, columns = given.rows[torch.from_numpy(i).to(device)], given.columns[torch.from_numpy(j).to(device)]
    g = torch.zeros_like(problem.b)
    g[given.columns] = torch.from_numpy(np.ascontiguousarray(potential)).to(device)
    return proven(
        problem,
        (rows, columns, torch.from_numpy(masses)),
        g,
        method=method,
        started=started,
        slack=found.rounding,
        f=torch.from_numpy(found.f).to(device) if len(found.f) == len(problem.a) else None,
        extent=given.extent,
        iterations=iterations,
    )


def proven(
    problem: Problem,
    entries: tuple[Tensor, Tensor, Tensor],
    g: Tensor,
    *,
    method: str,
    started: float,
    slack: float = 0.0,
    f: Tensor | None = None,
    extent: float | None = None,
    iterations: int = 0,
) -> Plan:
    """The plan, once its marginals are right and potentials prove it optimal.

    Args:
        problem: what was solved.
        entries: rows, columns and masses of the plan, each (k,), between places that have mass.
        g: potentials (m,); those of places without mass are computed here.
        method: the solver that answered.
        started: when, by `perf_counter`.
        slack: by how much the gap may exceed `problem.gap` of the plan's cost; a plan whose gap does has not converged.
        f: the transform of g, where the solver knows it already.
        extent: the largest finite cost less the least between places that have mass, where it is known already.
        iterations: the solver's steps.

    Raises:
        RuntimeError: the marginals or the potentials disprove the solver.
    """
    rows, columns, masses = (one.to(problem.a.device) for one in entries)
    coupling = Sparse(rows, columns, masses, problem.shape)
    f, g = feasible(problem, g.to(problem.a.device), f)
    costs = problem.geometry.pairs(coupling.rows, coupling.columns)
    value, size = float(coupling.masses @ costs), float(coupling.masses @ costs.abs())
    gap = value - float(problem.a @ f + problem.b @ g)
    sums = coupling.marginals()
    error = float((sums[0] - problem.a).abs().sum() + (sums[1] - problem.b).abs().sum())
    if size == 0.0 and all(float(costs.min()) >= 0.0 for _, costs in problem.geometry.blocks()):
        slack = abs(gap)  # a plan that pays nothing is optimal, whatever the rounding of the potentials
    if not (abs(gap) <= problem.gap * size + slack + _rounding(problem, value) and error <= MARGINALS):
        raise stopped(method, gap, value, error)
    optimal = size == 0.0 or abs(gap) <= problem.gap * size + _rounding(problem, value)
    shift = 0.5 * float(problem.a @ f - problem.b @ g)
    return solved(
        problem,
        value,
        coupling,
        (f - shift, g + shift),
        method=method,
        marginal_error=error,
        converged=optimal and _carries_all(problem, coupling, value, error, size, extent),
        iterations=iterations,
        seconds=perf_counter() - started,
    )


def _carries_all(
    problem: Problem, coupling: Sparse, value: float, error: float, size: float, extent: float | None
) -> bool:
    """Whether the masses that the plan does not carry, or carries twice, cost nothing that counts beside the value.

    Solvers take small masses for rounding beside large ones: 1e-20 beside 1 counts where a cost is 1e12, or where all
    that is large stays in place. Beyond `PAIRS` pairs, where no solver can do better, what the rounding of the masses
    themselves may cost does not count.
    """
    extent = _extent(problem) if extent is None else extent
    allowed, rounding = problem.gap * size + _rounding(problem, value), 4.0 * ROUNDOFF * extent
    if math.prod(problem.shape) > PAIRS:
        allowed += 2.0 * rounding
    if error * extent + rounding <= allowed:  # dividing masses by their total rounds, too
        return True
    if len(coupling.masses) > REPAIRED:
        return False
    rows, columns, masses = carried_exactly(problem, coupling)
    return abs(float(masses @ problem.geometry.pairs(rows, columns)) - value) <= allowed


def _extent(problem: Problem) -> float:
    """The largest finite cost less the least, places without mass included; 0 where all are infinite."""
    low, high = math.inf, -math.inf
    for _, costs in problem.geometry.blocks():
        low = min(low, float(costs.min()))
        high = max(high, float(costs.where(costs.isfinite(), -math.inf).max()))
    return max(high - low, 0.0)


def _rounding(problem: Problem, value: float) -> float:
    """What summing a value in float64 may add to a gap."""
    return sum(problem.shape) * ROUNDOFF * abs(value)


def stopped(method: str, gap: float, value: float, error: float) -> RuntimeError:
    """The error of a solver whose answer is not optimal."""
    return RuntimeError(
        f"{method}: expected a plan and potentials of one value, got duality gap {gap:.3g} at value {value:.6g} and "
        f"marginal error {error:.3g}: it stopped before the optimum. Use emd or transport with another method=, "
        "'network-simplex', 'assignment' or 'linear-program', or drop places and pairs whose costs are of another size."
    )


def feasible(problem: Problem, g: Tensor, f: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Potentials with f_i + g_j <= c_ij for every pair, places without mass included, from g of those with mass.

    f is the c-transform of g; then g of a place without mass is the transform of f; without any allowed pair it is 0.
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
