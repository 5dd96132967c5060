"""Points given many times: their places are merged before solving, and the plan is split among the copies after."""

from collections import defaultdict
from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor

from remblai.distances.exact.vertex import proven
from remblai.distances.geometry import Points
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem

WORTH = 0.75
"""The share of places that may be left for merging to pay."""


def solved_merged(problem: Problem, solve: Callable[[Problem], Plan]) -> Plan | None:
    """The plan of a problem between points, by solving it between the different ones.

    None where few are alike, or where summing the masses of copies lost small ones that count.

    The mass that a place sends to another is split among their copies in order, so the plan has at most as many
    entries more as there are copies.

    Args:
        problem: any.
        solve: a solver, which sees each place once, with the mass of all its copies.
    """
    if not isinstance(problem.geometry, Points):
        return None
    started = perf_counter()
    x, y = problem.geometry.x, problem.geometry.y
    (rows, row_of), (columns, column_of) = _alike(x), _alike(y)
    if len(rows) * len(columns) > WORTH * len(x) * len(y):
        return None
    a, b = (
        torch.zeros(len(first), dtype=torch.float64, device=one.device).index_add_(0, of, one)
        for first, of, one in ((rows, row_of, problem.a), (columns, column_of, problem.b))
    )
    spent = perf_counter() - started
    plan = solve(Problem(a, b, problem.geometry.part(rows, columns), (a, b), gap=problem.gap))
    # not since the start: a solver's first import is not its time
    started = perf_counter() - plan.seconds - spent
    i, j, masses = (torch.as_tensor(one) for one in plan.entries)
    entries = _split(i.tolist(), j.tolist(), masses.tolist(), (problem.a, row_of), (problem.b, column_of))
    try:
        found = proven(
            problem,
            entries,
            torch.as_tensor(plan.g)[column_of],
            method=plan.method,
            started=started,
            slack=abs(plan.gap),
            iterations=plan.iterations,
        )
    except RuntimeError:
        return None
    return found if found.converged else None


def _alike(points: Tensor) -> tuple[Tensor, Tensor]:
    """The first of each set of equal points, and the set of each point."""
    n = len(points)
    # equal points have equal sums; a sort of numbers is faster than one of rows
    weights = torch.linspace(0.5, 1.5, points.shape[1], dtype=torch.float64, device=points.device).sqrt()
    if len(torch.unique((points.double() * weights).sum(1))) > WORTH * n:
        index = torch.arange(n, device=points.device)
        return index, index
    _, of = torch.unique(points, dim=0, return_inverse=True)
    first = torch.full((int(of.max()) + 1,), n, device=points.device)
    return first.scatter_reduce_(0, of, torch.arange(n, device=points.device), "amin"), of


def _split(
    i: list[int], j: list[int], masses: list[float], rows: tuple[Tensor, Tensor], columns: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Entries between the copies, from those (i, j, masses) between sets of them: each copy's mass is used up in turn.

    Args:
        i: the sets of rows; j: of columns; masses: between them.
        rows: the masses of the copies (n,), and their sets.
        columns: the same of the columns.
    """
    supply, demand = _copies(*rows), _copies(*columns)
    found = []
    for row, column, mass in zip(i, j, masses, strict=True):
        givers, takers = supply[row], demand[column]
        rest = mass
        while rest > 0.0:
            (giver, here), (taker, there) = givers[-1], takers[-1]
            # what is left over or lacks after the last copy is rounding
            moved = min(rest, here if len(givers) > 1 else rest, there if len(takers) > 1 else rest)
            found.append((giver, taker, moved))
            rest -= moved
            for copies, copy, left in ((givers, giver, here - moved), (takers, taker, there - moved)):
                if left <= 0.0 and len(copies) > 1:
                    copies.pop()
                else:
                    copies[-1] = copy, left
    device = rows[0].device
    first, second = (torch.tensor([entry[k] for entry in found], dtype=torch.long, device=device) for k in (0, 1))
    return first, second, torch.tensor([entry[2] for entry in found], dtype=torch.float64, device=device)


def _copies(masses: Tensor, of: Tensor) -> dict[int, list[tuple[int, float]]]:
    """The copies that have mass, with it, by their sets."""
    found: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for place, (group, mass) in enumerate(zip(of.tolist(), masses.tolist(), strict=True)):
        if mass > 0.0:
            found[group].append((place, mass))
    return found
