"""The network simplex, through POT, and the assignment, through scipy."""

import warnings
from types import ModuleType
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from remblai.distances.exact.linear_program import HIGHS
from remblai.distances.exact.scales import Solver, solved_by
from remblai.distances.exact.vertex import Array, Vertex
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem

STEPS = 10**15
"""The most pivots: more than any problem needs, because a simplex cut short gives a wrong value."""

FLAT = 3
"""Dimensions up to which so many pairs are nearly as good that the simplex beats scipy and column generation."""

PRECISION = 1e-9
"""Of a matching's value: a larger gap to its proven bound sends it to the assignment."""

MATCHED = 500
"""Points from which the simplex matches them: for fewer it saves less than importing POT takes."""

SMALL = 100_000
"""Pairs up to which HiGHS stands in where POT is not installed, or does not find the optimum."""


def pot() -> ModuleType | None:
    """POT, the optional package of the network simplex, or None."""
    try:
        import ot
    except ImportError:
        return None
    module: ModuleType = ot
    return module


def network_simplex(problem: Problem) -> Plan:
    """The least cost by the network simplex on all pairs (POT); without POT by an assignment or, if small, by HiGHS.

    Places without mass are dropped and get potentials afterwards. A pair of infinite cost is priced above every plan of
    allowed pairs. The answer is checked: marginals, and potentials that prove it; costs of very different size are
    solved again with a cap (`solved_by`). If that fails, as with masses of 1e-20 beside 1, the answer is brought to the
    optimum in integers (`shortest_paths`), or, where that takes too long, solved by the other two.

    Args:
        problem: it takes about five matrices of n m float64 in memory.

    Raises:
        ValueError: no plan has a finite cost, or POT is missing and the problem is too large for HiGHS.
        RuntimeError: no solver came to the optimum.

    Source: Bonneel, van de Panne, Paris, Heidrich (2011), doi 10.1145/2070781.2024192.
    """
    ot = pot()
    solvers = [] if ot is None else [Solver("network-simplex", lambda a, b, costs: _simplex(ot, a, b, costs))]
    return solved_by(problem, solvers + replacements(problem), integers=True)


def replacements(problem: Problem) -> list[Solver]:
    """The solvers that stand in for the network simplex.

    Raises:
        ValueError: there is none, nor POT.
    """
    n, m = problem.shape
    found = [ASSIGNMENT] if matchable(problem) else []
    found += [HIGHS] if n * m <= SMALL else []
    if not found and pot() is None:
        raise ValueError(
            f"network simplex: expected the package POT, which is not installed, for {n} x {m} pairs with unequal "
            'masses: pip install "remblai[exact]".'
        )
    return found


def _simplex(ot: ModuleType, a: Array, b: Array, costs: Array) -> Vertex:
    matrix, log = _emd(ot, a, b, costs)
    i, j = np.nonzero(matrix)
    return Vertex(i, j, matrix[i, j], log["v"])


def sparse_simplex(ot: ModuleType, a: Array, b: Array, arcs: Any) -> tuple[Any, Array, Array]:
    """The network simplex on the given pairs only: a (n,), b (m,), costs as a sparse array -> plan, f (n,), g (m,).

    Raises:
        RuntimeError: it stopped before the optimum, or the pairs allow no plan.
    """
    plan, log = _emd(ot, a, b, arcs)
    return plan, np.asarray(log["u"]), np.asarray(log["v"])


def _emd(ot: ModuleType, a: Array, b: Array, costs: Any) -> tuple[Any, dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its result code is read below
        plan, log = ot.emd(a, b, costs, numItermax=STEPS, log=True, center_dual=False, check_marginals=False)
    if log["result_code"] != 1:
        raise RuntimeError(f"network simplex: it stopped before the optimum ({log['warning']}).")
    return plan, log


def assignment(problem: Problem) -> Plan:
    """The least cost where as many places have the same mass on each side: a permutation, by scipy.

    The potentials are shortest paths: going from the partner of i to j costs c_ij less what i pays already, no cycle is
    negative because the permutation is optimal, and the distances are feasible and tight.

    Args:
        problem: uniform masses, n = m (places without mass do not count).

    Raises:
        ValueError: other masses, or no permutation of finite cost.
        RuntimeError: potentials could not prove the permutation.

    Source: Crouse (2016), doi 10.1109/TAES.2016.140952.
    """
    if not matchable(problem):
        count = int((problem.a > 0).sum()), int((problem.b > 0).sum())
        raise ValueError(
            f"assignment: expected equal masses on as many places of each side, got {count[0]} and {count[1]} places "
            "with mass, or masses that differ: use method='network-simplex'."
        )
    return solved_by(problem, [ASSIGNMENT])


def least_matching(costs: Array, dimension: int) -> float:
    """The least mean cost over the permutations of n points, without a plan.

    Many points in few dimensions go to the network simplex where POT is installed: scipy's assignment takes up to ten
    times as long there when the two laws are far apart. It stands in where the simplex's potentials do not prove the
    value, as with costs of very different size.

    Args:
        costs: finite, (n, n).
        dimension: of the points that the costs are between.
    """
    n = len(costs)
    ot = pot() if dimension <= FLAT and n >= MATCHED else None
    if ot is not None:
        masses = np.full(n, 1.0 / n)
        plan, log = _emd(ot, masses, masses, costs)
        value = float(costs[plan > 0.5 / n].sum() / n)
        if value - _proven(costs, log["v"]) <= PRECISION * value:
            return value
    return float(costs[linear_sum_assignment(costs)].mean())


def _proven(costs: Array, g: Array) -> float:
    """The value of the dual with potentials g (m,) and the largest f that they allow: a bound of the mean cost."""
    return float((costs - g).min(1).mean() + g.mean())


def matchable(problem: Problem) -> bool:
    """Whether as many places have mass on each side, all of them the same."""
    a, b = problem.a[problem.a > 0], problem.b[problem.b > 0]
    return len(a) == len(b) and bool(((a - 1 / len(a)).abs() < 1e-14).all() and ((b - 1 / len(b)).abs() < 1e-14).all())


def _assigned(a: Array, b: Array, costs: Array) -> Vertex:
    rows, columns = linear_sum_assignment(costs)
    g = _shortest(costs[:, columns])
    potential = np.empty_like(g)
    potential[columns] = g
    return Vertex(rows, columns, a, potential)


ASSIGNMENT = Solver("assignment", _assigned)


def _shortest(costs: Array) -> Array:
    """Distances h_j = min_i h_i + c_ij - c_ii, from 0, by Bellman and Ford: costs (n, n), optimal on the diagonal."""
    paid, tolerance = costs.diagonal(), 1e-14 * costs.mean()
    distance = np.zeros(len(costs))
    for _ in range(len(costs)):
        # a block of rows at a time: no second matrix
        better = distance.copy()
        for start in range(0, len(costs), 256):
            rows = slice(start, start + 256)
            np.minimum(better, (costs[rows] + (distance[rows] - paid[rows])[:, None]).min(0), out=better)
        if (distance - better).max() <= tolerance:  # rounding makes cycles of no length seem negative
            break
        distance = better
    return distance
