"""Kantorovich's linear program as the texts write it: a design matrix and vec(P); its dual as a program of its own."""

from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, kron, vstack

from remblai.distances.exact.scales import Solver, mean_size, solved_by
from remblai.distances.exact.vertex import Array, Vertex
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem

TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
"""HiGHS' own tolerances are 1e-7, for costs of size 1."""


def design_matrix(n: int, m: int) -> csr_array:
    """A (n + m, n m), sparse, with A vec(P) = (P 1, P' 1): its rows pick the rows, then the columns, of P (n, m).

    vec(P) is P row by row. The rank is n + m - 1: the sums of the first n rows and of the last m are equal.
    """
    rows = kron(eye_array(n), np.ones((1, m)))
    columns = kron(np.ones((1, n)), eye_array(m))
    return csr_array(vstack([rows, columns]))


def primal(problem: Problem) -> Plan:
    """min <P, C> over P >= 0 with A vec(P) = (a, b), by HiGHS; the potentials are its multipliers.

    Strong duality is checked: the potentials, made feasible, must reach the plan's value to 1e-9 of it.

    Args:
        problem: n m up to about 1e5 is a matter of seconds.

    Raises:
        ValueError: no plan has a finite cost.
        RuntimeError: HiGHS found no optimum, or primal and dual disagree.

    Source: Kantorovich (1942); Peyre and Cuturi (2019), eq. 3.1, arXiv 1803.00567.
    """
    return solved_by(problem, [HIGHS])


def dual(problem: Problem) -> Plan:
    """max <a, f> + <b, g> over f_i + g_j <= c_ij, solved as its own program; the plan is its multipliers.

    Args:
        problem: n m up to about 1e5 is a matter of seconds.

    Raises:
        ValueError: no plan has a finite cost.
        RuntimeError: HiGHS found no optimum, or primal and dual disagree.

    Source: Peyre and Cuturi (2019), eq. 2.20, arXiv 1803.00567.
    """
    return solved_by(problem, [HIGHS_DUAL])


def _primal(a: Array, b: Array, costs: Array) -> Vertex:
    n, m = costs.shape
    unit = mean_size(a, b, costs)
    sums = np.concatenate([a, b])
    found = linprog(costs.ravel() / unit, A_eq=design_matrix(n, m), b_eq=sums, method="highs", options=TIGHT)
    _check_optimal(found)
    return _vertex(found.x, found.eqlin.marginals[n:] * unit, int(found.nit))


def _dual(a: Array, b: Array, costs: Array) -> Vertex:
    n, m = costs.shape
    unit = mean_size(a, b, costs)
    # f + c, g - c is as good for every c: the last g is fixed at 0
    found = linprog(
        -np.concatenate([a, b]),
        A_ub=csr_array(design_matrix(n, m).T),
        b_ub=costs.ravel() / unit,
        bounds=[(None, None)] * (n + m - 1) + [(0.0, 0.0)],
        method="highs",
        options=TIGHT,
    )
    _check_optimal(found)
    return _vertex(-found.ineqlin.marginals, found.x[n:] * unit, int(found.nit))


HIGHS = Solver("linear-program", _primal)
HIGHS_DUAL = Solver("linear-program-dual", _dual)


def _check_optimal(found: Any) -> None:
    if found.status != 0:
        raise RuntimeError(f"linear program: HiGHS found no optimum ({found.message.strip()}).")


def _vertex(flat: Array, g: Array, iterations: int) -> Vertex:
    positive = np.flatnonzero(flat > 0.0)
    i, j = np.divmod(positive, len(g))
    return Vertex(i, j, flat[positive], g, iterations)
