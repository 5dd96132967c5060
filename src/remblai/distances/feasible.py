"""Whether forbidden pairs leave a finite plan."""

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import maximum_flow

from remblai.distances.problem import Problem

UNITS = 2**30
"""The number of units of the total mass: the flow is computed in integers."""


def check_feasible(problem: Problem, balanced: bool = True) -> bool:
    """Checks that some plan of the masses avoids every infinite cost; returns whether any cost is infinite.

    With `balanced` all of the mass must be carried; otherwise each place with mass must reach one with mass.

    Raises:
        ValueError: there is none.
    """
    rows, columns = problem.a > 0, problem.b > 0
    reached, forbidden = torch.zeros_like(columns), []
    for part, costs in problem.geometry.blocks():
        allowed = costs.isfinite() & columns
        stuck = rows[part] & ~allowed.any(1)
        if bool(stuck.any()):
            place = part.start + int(stuck.nonzero()[0])
            raise _none(f"every cost from place {place} of a is infinite", balanced)
        reached |= allowed[rows[part]].any(0)
        forbidden.append(bool((~allowed & columns)[rows[part]].any()))
    if bool((columns & ~reached).any()):
        place = int((columns & ~reached).nonzero()[0])
        raise _none(f"every cost to place {place} of b is infinite", balanced)
    if any(forbidden) and balanced and _flow(problem) < UNITS - 2 * sum(problem.shape):
        raise _none("the mass of some places exceeds that of all places that they reach")
    return any(forbidden)


def _none(why: str, balanced: bool = True) -> ValueError:
    remedy = (
        "make those costs finite or move the mass"
        if balanced
        else "leave the place out, whose mass is then missed at the strength times that mass"
    )
    return ValueError(f"costs: expected a plan of finite cost, but {why}: {remedy}.")


def _flow(problem: Problem) -> int:
    """The most that can be carried over finite costs, of UNITS."""
    n, m = problem.shape
    a, b = (np.floor(one.cpu().numpy() * UNITS).astype(np.int64) for one in (problem.a, problem.b))
    pairs = [
        (costs.isfinite().nonzero() + torch.tensor([part.start, 0], device=costs.device)).cpu().numpy()
        for part, costs in problem.geometry.blocks()
    ]
    i, j = np.concatenate(pairs).T
    source, sink = n + m, n + m + 1
    tails = np.concatenate([np.full(n, source), i, n + np.arange(m)])
    heads = np.concatenate([np.arange(n), n + j, np.full(m, sink)])
    room = np.concatenate([a, np.minimum(a[i], b[j]), b]).astype(np.int32)
    graph = csr_array(coo_array((room, (tails, heads)), shape=(n + m + 2, n + m + 2)))
    return int(maximum_flow(graph, source, sink).flow_value)
