"""Solvers at every scale of costs: an answer that is not optimal is sought again with the large costs capped."""

import math
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np

from remblai.distances.exact.shortest_paths import Start, shortest_paths
from remblai.distances.exact.vertex import PAIRS, Array, Checked, Task, Vertex, checked, proven_plan, stopped, task
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem

FIRST_CAP = 16.0
"""The first cap, as a multiple of the cost of the best plan so far."""

STEP = 4096.0
"""How much larger each cap is than the one before, at least."""

CAPS = 8
"""Caps between the first and the largest cost, at most."""

TRIES = 4 * CAPS
"""Caps in all, at most: where small masses pay more than any cap, the first cap is lowered again and again."""

LOWEST = 2.0**-100
"""Mean of the costs that a solver is given, as a share of the largest, at least: otherwise they would overflow."""


LARGEST = 1e290
"""The largest cost of which integers give potentials in the range of float64."""


class Solver(NamedTuple):
    """A method that solves a transport problem of finite costs >= 0 whose mean is about 1.

    Attributes:
        name: the method.
        solve: masses a (k,), b (l,) and costs (k, l) to a vertex; RuntimeError where it fails. It may not change them.
    """

    name: str
    solve: Callable[[Array, Array, Array], Vertex]


def solved_by(problem: Problem, solvers: Sequence[Solver], integers: bool = False) -> Plan:
    """The optimal plan by the first of the solvers whose answer its potentials prove; the plan says which it was.

    The gap is measured against the plan's own cost. A solver whose reduced costs are rounded relative to the largest
    costs misses it where a few costs are huge. Then it is asked again with costs, less the minima of rows and columns,
    capped at K: a plan that is optimal under the cap and uses no capped pair is optimal, and the potentials, of the
    size of K, are feasible for the true costs too. K grows from the size of the best plan's cost to the largest cost.

    Args:
        problem: what to solve.
        solvers: in the order in which they are tried.
        integers: whether, up to `PAIRS` pairs, the first solver's best answer is brought to the optimum by
            `shortest_paths` where it is not optimal, or where masses that count are lost beside larger ones, as 1e-20
            is in a sum with 1. Otherwise the next solver is tried.

    Raises:
        ValueError: no plan has a finite cost.
        RuntimeError: no solver came to an answer that its potentials prove.
    """
    started = perf_counter()
    given = task(problem)
    best: tuple[Checked, str] | None = None
    for solver in solvers:
        for found in _answers(given, solver):
            if best is None or _rank(found) < _rank(best[0]):
                best = found, solver.name
            if found.optimal:
                plan = proven_plan(problem, given, found, method=solver.name, started=started)
                if plan.converged:
                    return plan
                break
        exact = in_integers(problem, best and _start(problem, given, best[0]), started) if integers else None
        if exact is not None:
            return exact
    if best is None:
        raise RuntimeError(
            f"{solvers[0].name}: expected an optimum, but the solver stopped before it: divide the costs by their mean "
            "and drop places whose mass is nearly 0, or use another method."
        )
    found, name = best
    if not found.acceptable:
        raise stopped(name, found.gap, found.size, float(found.stuck[2].sum()))
    return proven_plan(problem, given, found, method=name, started=started)


def in_integers(problem: Problem, start: Start | None = None, started: float | None = None) -> Plan | None:
    """The optimum in exact arithmetic, from an answer that is nearly right; None of too many pairs or huge costs."""
    if math.prod(problem.shape) > PAIRS:
        return None
    costs = problem.geometry.matrix()
    if float(costs.where(costs.isfinite(), 0.0).abs().max()) > LARGEST:
        return None
    return shortest_paths(problem, start, started=started)


def _start(problem: Problem, given: Task, found: Checked) -> Start:
    """An answer as `shortest_paths` takes it."""
    i, j, masses, potential, _ = found.vertex
    g = np.zeros(problem.shape[1])
    g[given.columns.cpu().numpy()] = potential
    rows, columns = given.rows.cpu()[i].tolist(), given.columns.cpu()[j].tolist()
    return list(zip(rows, columns, masses.tolist(), strict=True)), g.tolist()


def _rank(found: Checked) -> tuple[bool, float]:
    return bool(len(found.stuck[2])), abs(found.gap)


def _answers(given: Task, solver: Solver) -> Iterator[Checked]:
    """Answers of one solver, under no cap first; ends when there is no larger cap to try."""
    priced = _priced(given.costs) if given.forbidden else given.costs
    found = _answer(given, solver, priced, None)
    if found is not None:
        yield found
    if given.forbidden and (found is None or len(found.stuck[2])):
        _check_possible(given, solver)
    u = given.costs.min(1)
    reduced = given.costs - u[:, None]
    v = reduced.min(0)
    reduced -= v
    if found is None or len(found.stuck[2]):
        finite = reduced[np.isfinite(reduced)]
        size = float(np.median(finite))
    else:
        size = float(found.vertex.masses @ reduced[found.vertex.i, found.vertex.j])
    largest = float(reduced.max(where=np.isfinite(reduced), initial=0.0))
    cap = FIRST_CAP * size or largest / STEP**4
    least = cap
    for _ in range(TRIES):
        if not 0.0 < cap < largest * STEP:
            return
        step = max(STEP, (largest / cap) ** (1.0 / CAPS))
        found = _answer(given, solver, np.minimum(reduced, cap), v)
        if found is None:
            cap *= step
            continue
        yield found
        paid = reduced[found.vertex.i, found.vertex.j]
        if paid.max(initial=0.0) < cap and not len(found.stuck[2]):
            return  # optimal but for rounding, which a larger cap makes no smaller
        lower = FIRST_CAP * float(found.vertex.masses @ paid)
        if 0.0 < lower * STEP < least and not len(found.stuck[2]):  # not twice: small masses may pay more than any cap
            cap = least = lower
        else:
            cap *= step


def mean_size(a: Array, b: Array, costs: Array) -> float:
    """The mean of costs (n, m) under a x b, by which solvers divide them: at least LOWEST of the largest; 1 for 0."""
    return max(float(a @ costs @ b), LOWEST * float(costs.max())) or 1.0


def _answer(given: Task, solver: Solver, costs: Array, v: Array | None) -> Checked | None:
    """What a solver makes of costs (k, l), from which v (l,) was subtracted already; None where it fails."""
    low = min(float(costs.min()), 0.0)
    if low < 0.0:
        costs = costs - low
    mean = mean_size(given.a, given.b, costs)
    unit = 1.0 if 1e-3 < mean < 1e3 else float(2.0 ** np.round(np.log2(mean)))
    try:
        vertex = solver.solve(given.a, given.b, costs if unit == 1.0 else costs / unit)
    except RuntimeError:
        return None
    g = vertex.g * unit + low
    return checked(given, vertex._replace(g=g if v is None else g + v))


def _priced(costs: Array) -> Array:
    """Costs with a finite price for every infinite one, that no optimal plan pays if it can be avoided.

    An optimal plan is changed along cycles of at most min(n, m) pairs to leave and as many to enter, so a price above
    that many times the range of the costs suffices.
    """
    forbidden = np.isinf(costs)
    allowed = costs[~forbidden]
    low, high = (float(allowed.min()), float(allowed.max())) if allowed.size else (0.0, 0.0)
    price = low + 1.01 * (high - low) * min(costs.shape) + (high - low or abs(low) or 1.0)
    return np.where(forbidden, price, costs)


def _check_possible(given: Task, solver: Solver) -> None:
    """Raises ValueError if the masses cannot be carried without the forbidden pairs, whatever the other costs are."""
    vertex = solver.solve(given.a, given.b, np.isinf(given.costs).astype(float))
    i, j, masses = checked(given, vertex).stuck
    if len(masses):
        worst = masses.argmax()
        row, column = int(given.rows[i[worst]]), int(given.columns[j[worst]])
        raise ValueError(
            f"costs: expected a plan of finite cost, but none exists: place {row} of a cannot be served. "
            f"{masses.sum():g} of the mass has only pairs of infinite cost left (place {row} to place {column}, "
            "say): make more pairs finite, or move the masses."
        )
