import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from remblai.distances.feasible import check_feasible
from remblai.distances.problem import Problem


def possible(a, b, allowed):
    """The same by linear programming."""
    n, m = allowed.shape
    rows = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    bounds = [(0, None if free else 0) for free in allowed.ravel()]
    found = linprog(np.zeros(n * m), A_eq=np.vstack(rows), b_eq=np.r_[a, b], bounds=bounds, method="highs")
    return found.status == 0


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_it_agrees_with_a_linear_program(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, n) + 0.0, rng.integers(0, 4, m) + 0.0
    a[0], b[0] = a[0] + 1, b[0] + 1
    a, b = a / a.sum(), b / b.sum()
    C = np.where(rng.random((n, m)) < 0.4, np.inf, rng.random((n, m)))
    problem = Problem.of_matrix(a, b, C)
    if possible(a, b, np.isfinite(C)):
        assert check_feasible(problem) == bool(np.isinf(C[a > 0][:, b > 0]).any())
    else:
        with pytest.raises(ValueError, match="finite cost"):
            check_feasible(problem)


def test_mass_that_may_be_lost_needs_only_one_way_out():
    problem = Problem.of_matrix([0.7, 0.3], [0.5, 0.5], [[0.0, np.inf], [0.0, 0.0]])
    assert check_feasible(problem, balanced=False)
    with pytest.raises(ValueError, match="exceeds"):
        check_feasible(problem)
