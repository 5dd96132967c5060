"""Exact transport by column generation: a smoothed start, the few pairs that it proposes, a proof over all pairs."""

from time import perf_counter
from types import ModuleType

import numpy as np
import torch
from scipy.sparse import coo_array
from torch import Tensor

from remblai.distances.exact.simplex import network_simplex, pot, sparse_simplex
from remblai.distances.exact.vertex import proven
from remblai.distances.geometry import Geometry, Points
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem

SHARPEST = 4e-3
"""Where the smoothing of the start ends, as a share of the mean cost."""

NEAREST = 12
"""Pairs of least reduced cost that each place proposes at first."""

SMOOTHED = {"cpu": 2**19, "cuda": 2**28}
"""Entries that the start computes at a time: on the CPU they stay in the cache."""

PRICED = {"cuda": 2**25}
"""Costs in float64 that are priced at a time where each block waits for the device; elsewhere a small memory's."""

ADDED = 8
"""Pairs that a place may add in the first round of pricing; twice as many in each round after."""

WIDEST = 1e30
"""Costs, as multiples of their mean under a x b, beyond which float32 does not hold them: all pairs are solved then."""

TOLERANCE = 1e-10
"""What a reduced cost may fall below 0, as a share of the mean cost, before its pair is added."""


def column_generation(problem: Problem) -> Plan:
    """The least cost by column generation: exact, and in many dimensions several times faster than on all pairs.

    A few float32 passes of Sinkhorn's algorithm give potentials. The pairs of least reduced cost of every row and
    column, with a tree that is always feasible, are solved by the network simplex, on their reduced costs, so that it
    starts nearly at its end. Then every pair is priced in float64; pairs that violate the dual are added, until there
    are none: the dual is feasible, so the plan is optimal. The start decides about time only, never about the answer.

    It needs POT; without it, with infinite costs or costs far above the mean (where nearly all of the mass may stay in
    place), or where its answer is not proven, the network simplex on all pairs answers, and the plan says so.
    In memory it holds one matrix of n m float64 at most. From tensors on a GPU the start and the pricing run there,
    the simplex on the CPU, and the plan is on the GPU.

    Args:
        problem: any; it pays from about a million pairs on.

    Raises:
        ValueError: no plan has a finite cost, or POT is missing and the problem is too large for what replaces it.
        RuntimeError: no solver came to the optimum.

    Source: reduced costs and pricing: Dantzig and Wolfe (1960), doi 10.1287/opre.8.1.101; the start: Schmitzer (2019),
    arXiv 1610.06519.
    """
    ot = pot()
    if ot is None:
        return network_simplex(problem)
    started = perf_counter()  # the first import of POT is not the solver's time
    try:
        plan = _solved(ot, problem, started)
    except RuntimeError:
        plan = None
    return network_simplex(problem) if plan is None else plan


def _solved(ot: ModuleType, problem: Problem, started: float) -> Plan | None:
    """The plan; None where costs do not fit into float32.

    Raises:
        RuntimeError: it stopped before the optimum, as where a few huge costs decide how the others are rounded.
    """
    rows, columns = problem.a.nonzero()[:, 0], problem.b.nonzero()[:, 0]
    geometry = _between(problem.geometry, rows, columns)
    a, b = problem.a[rows], problem.b[columns]
    scaled = _scaled(geometry, a, b)
    if scaled is None:
        return None
    costs, unit = scaled
    g = _smoothed(costs, a.float(), b.float())
    code = torch.unique(torch.cat([_proposed(costs, g), _corner(geometry, a, b)]))
    del costs
    entries, f, g, rounds = _generated(ot, geometry, a, b, code, g.double() * unit, unit)
    potential = torch.zeros_like(problem.b)
    potential[columns] = g
    return proven(
        problem,
        (rows[entries[0]], columns[entries[1]], entries[2]),
        potential,
        method="column-generation",
        started=started,
        f=f if len(rows) == len(problem.a) else None,
        iterations=rounds,
    )


def _between(geometry: Geometry, rows: Tensor, columns: Tensor) -> Geometry:
    return geometry if (len(rows), len(columns)) == geometry.shape else geometry.part(rows, columns)


def _scaled(geometry: Geometry, a: Tensor, b: Tensor) -> tuple[Tensor, float] | None:
    """All costs in float32, relative to their mean size, and that size; None if one is infinite or far above it."""
    costs = torch.empty(geometry.shape, dtype=torch.float32, device=geometry.device)
    sizes, low, unit = 0.0, float("inf"), 0.0
    for part, block in geometry.blocks(entries=PRICED.get(geometry.device.type)):
        if part.start == 0:
            low, unit = float(block.min()), float(block.abs().mean()) or 1.0
            if not np.isfinite(unit):
                return None
        costs[part] = block.sub(low).div_(unit)
        sizes += float(a[part] @ block.abs() @ b)
    if not np.isfinite(sizes):
        return None
    sizes = sizes or 1.0
    if max(abs(float(end)) for end in costs.aminmax()) * (unit / sizes) > WIDEST:
        return None
    return costs.mul_(unit / sizes), sizes


def _smoothed(costs: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The potential g (m,) of a few Sinkhorn passes at ever smaller regularisation, all in float32."""
    mean = float(costs.mean()) or 1.0
    kernel, sums = torch.empty_like(costs), torch.empty_like(a)
    g = torch.zeros_like(b)
    epsilon = mean
    while True:
        step = max(1, SMOOTHED.get(costs.device.type, 2**19) // costs.shape[1])
        for start in range(0, len(costs), step):
            rows = slice(start, start + step)
            block = torch.sub(g, costs[rows], out=kernel[rows]).mul_(1.0 / epsilon)
            block.sub_(block.amax(1, keepdim=True))
            # exp is several times slower where it underflows
            torch.mv(block.clamp_(min=-80.0).exp_(), b, out=sums[rows])
        for _ in range(2 if epsilon > SHARPEST * mean else 4):
            v = torch.mv(kernel.T, a / sums).clamp_(1e-26, 1e26).reciprocal_()
            torch.mv(kernel, b * v, out=sums)
        g = (g + epsilon * v.log()).nan_to_num_(0.0)
        if epsilon <= SHARPEST * mean:
            return g
        epsilon = max(epsilon / 4.0, SHARPEST * mean)


def _proposed(costs: Tensor, g: Tensor) -> Tensor:
    """Pairs of least reduced cost of each row and each column, as i m + j; it overwrites the costs."""
    n, m = costs.shape
    costs.sub_(g)
    costs.sub_(costs.amin(1, keepdim=True))
    near = costs.topk(min(NEAREST, m), dim=1, largest=False, sorted=False).indices
    rows = torch.arange(n, device=costs.device)[:, None] * m + near
    near = costs.topk(min(NEAREST, n), dim=0, largest=False, sorted=False).indices
    return torch.cat([rows.flatten(), (near * m + torch.arange(m, device=costs.device)).flatten()])


def _corner(geometry: Geometry, a: Tensor, b: Tensor) -> Tensor:
    """The n + m - 1 pairs of the north-west corner plan, which carries any masses, as i m + j."""
    order = [torch.arange(len(side), device=side.device) for side in (a, b)]
    if isinstance(geometry, Points):  # along the first coordinate it is cheaper
        order = [points[:, 0].argsort() for points in (geometry.x, geometry.y)]
    ends = torch.cat([one[of].cumsum(0)[:-1] for one, of in zip((a, b), order, strict=True)])
    ours = ends.argsort(stable=True) < len(a) - 1
    i, j = (torch.cat([one.new_zeros(1), one.cumsum(0)]) for one in (ours.long(), (~ours).long()))
    return order[0][i] * len(b) + order[1][j]


def _generated(
    ot: ModuleType, geometry: Geometry, a: Tensor, b: Tensor, code: Tensor, g: Tensor, unit: float
) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor, Tensor, int]:
    """Solves on the pairs, prices all, adds, until none is missing: entries, f (n,), g (m,), rounds."""
    n, m = geometry.shape
    host = a.cpu().numpy(), b.cpu().numpy()
    costs = geometry.pairs(code // m, code % m)
    f = torch.full_like(a, float("inf")).scatter_reduce_(0, code // m, costs - g[code % m], "amin")
    for rounds in range(1, n * m + 1):
        rows, columns = code // m, code % m
        left = (costs - f[rows] - g[columns]) / unit
        arcs = coo_array((left.cpu().numpy(), (rows.cpu().numpy(), columns.cpu().numpy())), shape=(n, m))
        plan, u, v = sparse_simplex(ot, *host, arcs)
        f = f + unit * torch.from_numpy(u).to(f.device)
        g = g + unit * torch.from_numpy(v).to(g.device)
        f, violated = _priced(geometry, f, g, unit, min(m, ADDED * 2**rounds))
        new = violated[~torch.isin(violated, code)]
        if not len(new):
            break
        code, costs = torch.cat([code, new]), torch.cat([costs, geometry.pairs(new // m, new % m)])
    entries = (torch.from_numpy(np.asarray(one)).to(a.device) for one in (plan.row, plan.col, plan.data))
    return (next(entries).long(), next(entries).long(), next(entries)), f, g, rounds


def _priced(geometry: Geometry, f: Tensor, g: Tensor, unit: float, count: int) -> tuple[Tensor, Tensor]:
    """The transform of g, and the pairs that violate f_i + g_j <= c_ij, up to `count` a row, as i m + j."""
    m = geometry.shape[1]
    best, violated = torch.empty_like(f), [torch.empty(0, dtype=torch.long, device=f.device)]
    for part, costs in geometry.blocks(entries=PRICED.get(geometry.device.type)):
        left = costs - g
        best[part] = left.amin(1)
        limit = f[part] - TOLERANCE * unit
        rows = (best[part] < limit).nonzero()[:, 0]
        if len(rows):
            values, columns = left[rows].topk(count, dim=1, largest=False)
            violating = values < limit[rows, None]
            violated.append(((rows + part.start)[:, None] * m + columns)[violating])
    return best, torch.cat(violated)
