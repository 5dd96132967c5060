"""Proof of a value from both sides: a feasible dual below, a feasible plan above, whatever the solver did."""

import math
from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import NamedTuple

import torch
from torch import Tensor

from remblai.distances.coupling import Coupling, Sparse
from remblai.distances.problem import Problem
from remblai.distances.rational import Entry, Repaired, common_integers, filled, repaired
from remblai.distances.rounding import ROUNDOFF, UNDERFLOW
from remblai.distances.routed import routed

REPAIRED = 200_000
"""Entries up to which a sparse plan is made feasible in exact arithmetic."""

LEFT = 2**18
"""Pairs among which what a repaired plan leaves over is carried at least cost, the cheapest first."""

NORMAL = 2.0**-1000
"""Numbers from which on every product with a rounding error has 53 digits."""


class Interval(NamedTuple):
    """Two proven bounds, lower <= the true value <= upper.

    They hold for the masses and costs as they were given, each side's masses divided by their total, and are widened by
    the rounding of every sum. Masses and costs in float32 stand for all numbers that round to them; points are exact.

    Example:
        >>> from remblai.distances import emd
        >>> lower, upper = emd(None, None, [[0.0, 1.0], [1.0, 0.0]]).certificate()
        >>> lower <= 0.0 <= upper
        True
    """

    lower: float
    upper: float

    def text(self, digits: int = 9) -> str:
        """The interval in so many digits, the lower end rounded down and the upper end rounded up.

        >>> Interval(1.0 / 3.0, 2.0 / 3.0).text(3)
        '0.333 to 0.667'
        """
        ends = zip(self, (ROUND_FLOOR, ROUND_CEILING), strict=True)
        return " to ".join(
            f"{float(Context(digits, way).create_decimal(repr(float(end)))):.{digits}g}" for end, way in ends
        )

    def with_value(self, value: float) -> "Interval":
        """The least interval that contains this one and the value, which rounding may place outside it."""
        return Interval(min(self.lower, value), max(self.upper, value))


def transformed(problem: Problem, g: Tensor, epsilon: float = 0.0) -> Tensor:
    """The best f for a given g (m,): with (f, g) a feasible dual and the rows' marginals exact -> (n,).

    The c-transform f_i = min_j c_ij - g_j, over places j that have mass; with epsilon > 0 the soft one,
    f_i = -epsilon log sum_j b_j exp((g_j - c_ij) / epsilon).
    """
    positive = problem.b > 0
    g = g.double()
    parts = []
    for _, costs in problem.geometry.blocks():
        reduced = costs[:, positive] - g[positive]
        parts.append(_minimum(reduced, problem.b[positive], epsilon))
    return torch.cat(parts)


def _minimum(reduced: Tensor, b: Tensor, epsilon: float) -> Tensor:
    """The least of each row (k, m), or with epsilon > 0 the soft minimum weighted by b (m,) -> (k,)."""
    return -epsilon * torch.logsumexp(b.log() - reduced / epsilon, 1) if epsilon else reduced.amin(1)


def certificate(problem: Problem, coupling: Coupling, g: Tensor, epsilon: float = 0.0) -> Interval:
    """Bounds of the least <P, C> + epsilon KL(P | a x b), from any plan P (n, m) and any potential g (m,).

    For the problem's masses that sum to 1. Below: the dual value of g and its transform, or that of g = 0 where it is
    larger. Above: the value of a feasible plan near P. A plan of few entries is made feasible in exact arithmetic, on
    its own pairs, so that pairs of huge cost that it does not use do not widen the bound; any other by rounding, and
    the plan a x b, whose entropic term is 0, bounds from above too.

    Source of the rounding: Altschuler, Weed, Rigollet (2017), algorithm 2, arXiv 1705.09634. Errors of sums and
    products: Higham (2002), doi 10.1137/1.9780898718027, section 3.1.
    """
    lower = _dual_bound(problem, g, epsilon)
    if isinstance(coupling, Sparse) and not epsilon and len(coupling.masses) <= REPAIRED:
        upper = _repaired_cost(problem, coupling)
    else:
        upper = _rounded_cost(problem, coupling, epsilon)
    return widened(problem, Interval(lower, upper))


def widened(problem: Problem, bounds: Interval) -> Interval:
    """Bounds that hold for masses whose totals are 1, and for the caller's, whose totals are 1 up to rounding."""
    known = problem.mismatch + 4.0 * ROUNDOFF
    return Interval(bounds.lower - known * abs(bounds.lower), bounds.upper + known * abs(bounds.upper))


def _dual_bound(problem: Problem, g: Tensor, epsilon: float) -> float:
    """The dual value of g (m,) and its transform, less a bound on its rounding."""
    positive = problem.b > 0
    b, g = problem.b[positive], g.double()[positive]
    parts, least = [], []
    for _, block in problem.geometry.blocks():
        costs = block[:, positive] - problem.geometry.rounding(block[:, positive])
        least.append(costs.amin(1))
        parts.append(_minimum(costs - g, b, epsilon))
    f = torch.cat(parts)
    # of the difference and of the minimum; in the soft one also of logarithms, exponents and a sum of m terms
    error = 4.0 * ROUNDOFF * f.abs()
    if epsilon:
        terms = len(b) + 80.0 + 2.0 * abs(math.log(float(b.min())))
        error = error + epsilon * (4.0 * ROUNDOFF * terms + 2.0 * problem.roundoff)
    bounds = [_dual_value(problem, f - error, g), _dual_value(problem, torch.cat(least), torch.zeros_like(g))]
    return max(bounds)


def _dual_value(problem: Problem, f: Tensor, g: Tensor) -> float:
    rows, columns = problem.a > 0, problem.b > 0
    masses, potentials = torch.cat([problem.a[rows], problem.b[columns]]), torch.cat([f[rows], g])
    terms = masses * potentials
    size = float(terms.abs().sum())
    if not math.isfinite(size):
        return -math.inf
    tiny = underflow(masses, potentials)
    return math.fsum(terms.tolist()) - (16.0 * ROUNDOFF + 2.0 * problem.roundoff) * size - tiny


def underflow(masses: Tensor, factors: Tensor) -> float:
    """What products (k,) may be wrong by that have no 53 digits, because they or their masses are nearly 0."""
    few = (factors != 0.0) & ((masses < NORMAL) | ((masses * factors).abs() < NORMAL))
    if not bool(few.any()):
        return 0.0
    # masses were divided by their totals twice
    return 4.0 * UNDERFLOW * float(few.sum() + factors[few].abs().sum())


def _repaired_cost(problem: Problem, coupling: Sparse) -> float:
    """The cost of the plan that has exactly the masses given and is nearest to P, rounded up."""
    i, j, shares = carried_exactly(problem, coupling)
    costs = problem.geometry.pairs(i, j)
    costs = costs + problem.geometry.rounding(costs)
    terms = shares * costs
    upper = math.fsum(terms.tolist()) + 16.0 * ROUNDOFF * float(terms.abs().sum())
    upper += underflow(shares, costs)
    if problem.roundoff:
        upper += 2.0 * problem.roundoff * _largest(problem)
    return upper


def carried_exactly(problem: Problem, coupling: Sparse) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and masses (k,) of the plan that has exactly the masses given and is nearest to P."""
    rows, columns, masses = coupling.rows.tolist(), coupling.columns.tolist(), coupling.masses.tolist()
    supply, demand = common_integers(*(one.double().tolist() for one in problem.raw))
    total = sum(supply)
    entries = [entry for entry in zip(rows, columns, masses, strict=True) if entry[2] > 0.0]
    found = repaired(supply, demand, entries)
    flows = [*found.entries, *_left_over(problem, found, total)]
    device = coupling.rows.device
    i, j = (torch.tensor([flow[k] for flow in flows], dtype=torch.long, device=device) for k in (0, 1))
    return i, j, torch.tensor([flow[2] / total for flow in flows], dtype=torch.float64, device=device)


def _left_over(problem: Problem, found: Repaired, total: int) -> list[Entry]:
    """Entries for the masses that a plan's pairs cannot carry; rounding that has only forbidden pairs is left out."""
    if not found.rows:
        return []
    device = problem.a.device
    rows, columns = (torch.tensor(list(side), device=device) for side in (found.rows, found.columns))
    if len(rows) * len(columns) <= LEFT:
        costs = problem.geometry.part(rows, columns).matrix()
    else:  # in the order in which they come
        costs = torch.zeros(len(rows), len(columns), dtype=torch.float64)
    entries = filled(found, costs.cpu().numpy())
    where = {(i, j): cost for (i, j, _), cost in zip(entries, _costs(problem, entries), strict=True)}
    return [entry for entry in entries if math.isfinite(where[entry[:2]]) or entry[2] / total > 64.0 * ROUNDOFF]


def _costs(problem: Problem, entries: list[Entry]) -> list[float]:
    device = problem.a.device
    i, j = (torch.tensor([entry[k] for entry in entries], device=device) for k in (0, 1))
    return problem.geometry.pairs(i, j).tolist()


def _largest(problem: Problem) -> float:
    """The mean over a of the largest finite cost of each row: what it costs at most to carry masses elsewhere."""
    return float(problem.a @ _row_maxima(problem))


def _row_maxima(problem: Problem) -> Tensor:
    """The largest finite |cost| of each row (n,)."""
    return torch.cat([costs.where(costs.isfinite(), 0.0).abs().amax(1) for _, costs in problem.geometry.blocks()])


def _stray(problem: Problem, maxima: Tensor, mass: float) -> float:
    """What it costs at most to carry so much mass from any rows to anywhere; no row has more than its own."""
    small = problem.a < mass
    rest = maxima[~small]
    return float(problem.a[small] @ maxima[small]) + (mass * float(rest.max()) if len(rest) else 0.0)


def _rounded_cost(problem: Problem, coupling: Coupling, epsilon: float) -> float:
    """The value of the plan that rounding makes feasible, plus a bound on the rounding of its sums.

    Where it uses a forbidden pair, that of a plan whose missing masses are routed along the pairs that P uses.
    """
    feasible = _rounded(problem, coupling)
    upper = _value(problem, feasible, epsilon)
    if math.isfinite(upper) or (plan := routed(problem, coupling)) is None:
        return upper
    return _value(problem, (plan[part] for part, _ in problem.geometry.blocks()), epsilon)


def _rounded(problem: Problem, coupling: Coupling) -> Iterator[Tensor]:
    """The blocks of the plan whose rows, then columns, are made no larger than the masses, and the rest spread."""
    a, b = problem.a, problem.b
    rows, _ = coupling.marginals()
    shrink = torch.where(rows > a, a / rows, 1.0)
    columns, left = torch.zeros_like(b), torch.zeros_like(a)
    for part, masses in coupling.blocks():
        columns += (shrink[part, None] * masses).sum(0)
    narrow = torch.where(columns > b, b / columns, 1.0)
    for part, masses in coupling.blocks():
        left[part] = a[part] - shrink[part] * (masses @ narrow)
    left, lack = left.clamp(min=0.0), (b - columns * narrow).clamp(min=0.0)
    # the totals are equal up to rounding, which may be more than either: no row or column gets more than its mass
    total = max(float(left.sum()), float(lack.sum()))
    share = lack / total if total > 0.0 else torch.zeros_like(lack)
    for part, masses in coupling.blocks():
        yield shrink[part, None] * masses * narrow + left[part, None] * share


def _value(problem: Problem, plan: Iterable[Tensor], epsilon: float) -> float:
    """The value of a feasible plan, in blocks of rows as those of the costs, rounded up."""
    a, b = problem.a, problem.b
    total, size, entropy = 0.0, 0.0, 0.0
    for feasible, (part, block) in zip(plan, problem.geometry.blocks(), strict=True):
        costs = block + problem.geometry.rounding(block)
        terms = torch.where(feasible > 0, feasible * costs, 0.0)
        total, size = total + float(terms.sum()), size + float(terms.abs().sum())
        if epsilon:
            terms = torch.xlogy(feasible, feasible / (a[part, None] * b)).nan_to_num(0.0)
            total, entropy = total + epsilon * float(terms.sum()), entropy + float(terms.abs().sum())
    error = (sum(problem.shape) + 40.0) * ROUNDOFF + problem.roundoff
    maxima = _row_maxima(problem)
    largest, independent = float(a @ maxima), math.inf
    if epsilon:  # a mass moved by rounding changes the entropy by the logarithm of its share at most
        least = math.log(float(a[a > 0].min())) + math.log(float(b[b > 0].min()))
        entropy = epsilon * (entropy + 2.0 + abs(least))
        independent = _independent_cost(problem) + 2.0 * error * largest
    stray = _stray(problem, maxima, 2.0 * error)  # what the sums of rows and of columns leave uncarried
    return min(total + 2.0 * error * (size + entropy + largest) + stray, independent)


def _independent_cost(problem: Problem) -> float:
    """The cost of the plan a x b, with the rounding of its costs; infinite where it uses a forbidden pair."""
    total = 0.0
    for part, block in problem.geometry.blocks():
        masses = problem.a[part, None] * problem.b
        costs = block + problem.geometry.rounding(block)
        total += float(torch.where(masses > 0.0, masses * costs, 0.0).sum())
    return total
