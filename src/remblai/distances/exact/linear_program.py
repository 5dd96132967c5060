"""Kantorovich's linear program as the texts write it: a design matrix, vec(P), and its dual as a program of its own."""

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, kron, vstack

from remblai.distances.exact.vertex import Array, proven_plan, task
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

    Strong duality is checked: the potentials, made feasible, must reach the plan's value to 1e-9 of the mean cost.

    Args:
        problem: n m up to about 1e5 is a matter of seconds.

    Raises:
        ValueError: no plan has a finite cost.
        RuntimeError: HiGHS found no optimum, or primal and dual disagree.

    Source: Kantorovich (1942); Peyre and Cuturi (2019), eq. 3.1, arXiv 1803.00567.
    """
    started = perf_counter()
    given = task(problem)
    n, m = given.costs.shape
    sums = np.concatenate([given.a, given.b])
    found = linprog(
        given.costs.ravel() / given.unit, A_eq=design_matrix(n, m), b_eq=sums, method="highs", options=TIGHT
    )
    _optimal(found, "linear-program")
    g = found.eqlin.marginals[n:] * given.unit
    return proven_plan(
        problem, given, _entries(found.x, m), g, method="linear-program", started=started, iterations=int(found.nit)
    )


def dual(problem: Problem) -> Plan:
    """max <a, f> + <b, g> over f_i + g_j <= c_ij, solved as its own program; the plan is its multipliers.

    Args:
        problem: n m up to about 1e5 is a matter of seconds.

    Raises:
        ValueError: no plan has a finite cost.
        RuntimeError: HiGHS found no optimum, or primal and dual disagree.

    Source: Peyre and Cuturi (2019), eq. 2.20, arXiv 1803.00567.
    """
    started = perf_counter()
    given = task(problem)
    n, m = given.costs.shape
    # f + c, g - c is as good for every c: the last g is held at 0
    bounds = [(None, None)] * (n + m - 1) + [(0.0, 0.0)]
    found = linprog(
        -np.concatenate([given.a, given.b]),
        A_ub=csr_array(design_matrix(n, m).T),
        b_ub=given.costs.ravel() / given.unit,
        bounds=bounds,
        method="highs",
        options=TIGHT,
    )
    _optimal(found, "linear-program-dual")
    entries, g = _entries(-found.ineqlin.marginals, m), found.x[n:] * given.unit
    return proven_plan(
        problem, given, entries, g, method="linear-program-dual", started=started, iterations=int(found.nit)
    )


def _optimal(found: Any, method: str) -> None:
    if found.status != 0:
        raise RuntimeError(
            f"{method}: HiGHS found no optimum ({found.message.strip()}): scale the costs to a smaller range, or use "
            "method='network-simplex'."
        )


def _entries(flat: Array, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    held = np.flatnonzero(flat > 0.0)
    i, j = np.divmod(held, m)
    return i, j, flat[held]
