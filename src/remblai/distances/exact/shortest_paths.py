"""Transport in integers: a solver's answer is brought to the optimum by shortest paths, whatever sizes masses have."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from time import perf_counter

import torch
from torch import Tensor

from remblai.distances.certificate import Interval, widened
from remblai.distances.coupling import Sparse
from remblai.distances.exact.vertex import feasible
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem
from remblai.distances.rational import Entry, common_denominator, common_integers, repaired
from remblai.distances.rounding import ROUNDOFF
from remblai.distances.solution import solved

WORK = 2**25
"""Pairs that are looked at, the most: about ten seconds."""

Start = tuple[Sequence[tuple[int, int, float]], Sequence[float]]
"""Entries (row, column, share of the mass) of a plan that is nearly optimal, and potentials g (m,)."""


def shortest_paths(problem: Problem, start: Start | None = None, *, started: float | None = None) -> Plan | None:
    """The least cost in exact arithmetic: masses and costs count as the rational numbers that they are in float64.

    From a plan and potentials that are nearly right, what is not right is carried along shortest paths of reduced
    costs, one after the other; each ends at a place that lacks mass. So no size of a mass or a cost is lost beside
    another: the value is that of the masses given, rounded once, and the interval around it is as narrow as rounding
    and the errors of the costs allow.

    Args:
        problem: of `PAIRS` pairs at most.
        start: what a solver answered; None for nothing.
        started: when, by `perf_counter`.

    Returns:
        The plan; None where the pairs of finite cost carry the masses of no plan, or where the start is so far from
        the optimum that it takes too long.

    Source: Ahuja, Magnanti, Orlin (1993), "Network flows", section 9.7.
    """
    started = perf_counter() if started is None else started
    costs = problem.geometry.matrix().cpu()
    flow = _Flow(problem, costs, start or ((), [0.0] * problem.shape[1]))
    if not flow.finish():
        return None
    coupling, g = flow.coupling(), flow.potential()
    f, g = feasible(problem, g)
    shift = 0.5 * float(problem.a @ f - problem.b @ g)
    return solved(
        problem,
        flow.value(),
        coupling,
        (f - shift, g + shift),
        method="shortest-paths",
        iterations=flow.rounds,
        seconds=perf_counter() - started,
        bounds=None if problem.roundoff else widened(problem, _interval(problem, costs, flow)),
    )


def _interval(problem: Problem, costs: Tensor, flow: "_Flow") -> Interval:
    """Bounds that hold whatever the costs are within their errors, rounded outwards."""
    value = flow.value()
    known = problem.geometry.rounding(costs)
    if not isinstance(known, Tensor):
        known = torch.full_like(costs, known)
    errors = math.fsum(mass / flow.total * float(known[i, j]) for i, j, mass in flow.entries())
    upper = math.nextafter(value + (1.0 + 64.0 * ROUNDOFF) * errors, math.inf)
    lower = value
    if bool(known.any()):  # the least cost of the least costs, which are rounded, too
        least = costs - known * (1.0 + 4.0 * ROUNDOFF)
        below = _Flow(problem, least, (flow.shares(), flow.potential().tolist()))
        lower = below.value() if below.finish() else below.dual()
    return Interval(math.nextafter(lower, -math.inf), upper)


class _Flow:
    """Masses carried between rows and columns on pairs with c_ij = f_i + g_j; all numbers are integers.

    Attributes:
        supply: what each row has left (n,); demand: what each column lacks (m,).
        costs: of each row the columns of finite cost and the costs, times `unit`.
        f, g: potentials, times `unit`, with f_i + g_j <= c_ij.
        carried: of each column the rows that serve it, and the masses.
        scanned: pairs that were looked at; rounds: paths that were found.
    """

    def __init__(self, problem: Problem, costs: Tensor, start: Start) -> None:
        entries, g = start
        self.problem = problem
        self.masses = common_integers(*(one.double().tolist() for one in problem.raw))
        self.total = sum(self.masses[0])
        allowed = [{j: cost for j, cost in enumerate(row) if math.isfinite(cost)} for row in costs.tolist()]
        (start_g, *rows), self.unit = common_denominator([g, *(list(row.values()) for row in allowed)])
        self.costs = [dict(zip(row, whole, strict=True)) for row, whole in zip(allowed, rows, strict=True)]
        found = repaired(*self.masses, entries)
        self.g = self._potentials(found.entries, start_g)
        self.f = [min((cost - self.g[j] for j, cost in row.items()), default=0) for row in self.costs]
        self.supply, self.demand = ([*side] for side in self.masses)
        self.carried: list[dict[int, int]] = [{} for _ in self.demand]
        self.scanned = self.rounds = 0
        for i, j, mass in found.entries:
            if self.costs[i].get(j) == self.f[i] + self.g[j]:
                self._move(i, j, mass)

    def _move(self, i: int, j: int, mass: int) -> None:
        self.carried[j][i] = self.carried[j].get(i, 0) + mass
        self.supply[i] -= mass
        self.demand[j] -= mass

    def _potentials(self, entries: list[Entry], g: list[int]) -> list[int]:
        """Potentials g that differ by the costs of the entries along them, from the g of one column of each tree."""
        n = len(self.costs)
        neighbours: defaultdict[int, list[int]] = defaultdict(list)
        for i, j, _ in sorted(entries, key=lambda entry: -entry[2]):
            if j in self.costs[i]:
                neighbours[i].append(n + j)
                neighbours[n + j].append(i)
        found = list(g)
        seen = [False] * (n + len(g))
        f: dict[int, int] = {}
        for root in range(n, n + len(g)):
            if seen[root]:
                continue
            seen[root], order = True, [root]
            for place in order:
                for other in neighbours[place]:
                    if seen[other]:
                        continue
                    seen[other] = True
                    order.append(other)
                    if place < n:
                        found[other - n] = self.costs[place][other - n] - f[place]
                    else:
                        f[other] = self.costs[other][place - n] - found[place - n]
        return found

    def finish(self) -> bool:
        """Carries what is left; False where that takes too long, or where no pairs of finite cost can carry it."""
        while any(self.supply) and self.scanned <= WORK and self._augment():
            self.rounds += 1
        # what rounding of the masses leaves to forbidden pairs is no mass
        return sum(self.supply) / self.total <= 64.0 * ROUNDOFF

    def _augment(self) -> bool:
        """Carries mass along one shortest path from the rows that have some left (Dijkstra); False if there is none."""
        rows = {i: (0, -1) for i, mass in enumerate(self.supply) if mass}
        best: dict[int, tuple[int, int]] = {}
        done: dict[int, int] = {}
        heap: list[tuple[int, int]] = []
        new, end = list(rows), -1
        while True:
            for i in new:
                self.scanned += len(self.costs[i])
                away = rows[i][0] - self.f[i]
                for j, cost in self.costs[i].items():
                    length = away + cost - self.g[j]
                    if j not in done and (j not in best or length < best[j][0]):
                        best[j] = length, i
                        heappush(heap, (length, j))
            while heap and heap[0][1] in done:
                heappop(heap)
            if not heap:
                return False
            length, j = heappop(heap)
            done[j] = length
            if self.demand[j]:
                end = j
                break
            new = [i for i in self.carried[j] if i not in rows]
            rows.update((i, (length, j)) for i in new)
        for i, (near, _) in rows.items():
            self.f[i] += length - near
        for j, near in done.items():
            self.g[j] -= length - near
        self._carry(rows, best, end)
        return True

    def _carry(self, rows: dict[int, tuple[int, int]], best: dict[int, tuple[int, int]], end: int) -> None:
        """Moves what the path that ends at a column can carry: forward on new pairs, back on those it came by."""
        forward, back, column = [], [], end
        while True:
            row = best[column][1]
            forward.append((row, column))
            column = rows[row][1]
            if column < 0:
                break
            back.append((row, column))
        source = forward[-1][0]
        amount = min([self.supply[source], self.demand[end], *(self.carried[j][i] for i, j in back)])
        for i, j in forward:
            self._move(i, j, amount)
        for i, j in back:
            self._move(i, j, -amount)
            if not self.carried[j][i]:
                del self.carried[j][i]

    def entries(self) -> Iterator[Entry]:
        """Rows, columns and masses."""
        for j, rows in enumerate(self.carried):
            for i, mass in rows.items():
                yield i, j, mass

    def value(self) -> float:
        """The cost, rounded once."""
        return sum(mass * self.costs[i][j] for i, j, mass in self.entries()) / (self.total * self.unit)

    def dual(self) -> float:
        """A bound of the least cost from below, rounded once."""
        sides = zip(self.masses, (self.f, self.g), strict=True)
        terms = (mass * one for masses, potential in sides for mass, one in zip(masses, potential, strict=True))
        return sum(terms) / (self.total * self.unit)

    def shares(self) -> list[tuple[int, int, float]]:
        """The entries, with masses as shares of the total, each rounded once."""
        return [(i, j, mass / self.total) for i, j, mass in self.entries() if mass]

    def coupling(self) -> Sparse:
        """The plan."""
        device, entries = self.problem.a.device, self.shares()
        i, j = (torch.tensor([entry[k] for entry in entries], dtype=torch.long, device=device) for k in (0, 1))
        masses = torch.tensor([entry[2] for entry in entries], dtype=torch.float64, device=device)
        return Sparse(i, j, masses, self.problem.shape)

    def potential(self) -> Tensor:
        """g (m,), less that of the column that has most mass."""
        middle = self.g[max(range(len(self.g)), key=lambda place: self.masses[1][place])]
        shifted = [(one - middle) / self.unit for one in self.g]
        return torch.tensor(shifted, dtype=torch.float64, device=self.problem.a.device)
