"""Solvers of transport against a linear program and each other, over shapes, scales, masses and types."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

from remblai import distances

SIZES = st.integers(1, 5)
SCALES = st.sampled_from([1e-12, 1e-6, 1.0, 1e6, 1e12])
WHOLE = st.integers(0, 9)


@st.composite
def _problems(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """Masses (n,), (m,), shares of a whole number, some 0, and costs (n, m) of a random scale."""
    n, m = draw(SIZES), draw(SIZES)
    a = np.array(draw(st.lists(WHOLE, min_size=n, max_size=n)), float)
    b = np.array(draw(st.lists(WHOLE, min_size=m, max_size=m)), float)
    a[0] += 1.0 + max(0.0, b.sum() - a.sum())
    b[-1] += a.sum() - b.sum()
    costs = np.array(
        draw(st.lists(st.lists(st.integers(-50, 50), min_size=m, max_size=m), min_size=n, max_size=n)), float
    )
    return a / a.sum(), b / b.sum(), costs * draw(SCALES)


def _linear_program(a: np.ndarray, b: np.ndarray, costs: np.ndarray) -> float:
    n, m = costs.shape
    rows = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    unit = max(np.abs(costs).max(), 1e-300)
    return float(linprog(costs.ravel() / unit, A_eq=rows, b_eq=np.r_[a, b]).fun) * unit


@given(problem=_problems())
def test_exact_transport_is_the_linear_programs(problem: tuple[Any, Any, Any]) -> None:
    a, b, costs = problem
    plan = distances.emd(a, b, costs)
    size = max(np.abs(costs).max(), 1e-300)
    assert float(plan.value) == pytest.approx(_linear_program(a, b, costs), abs=1e-9 * size)
    lower, upper = plan.certificate()
    assert lower <= float(plan.value) <= upper


@given(problem=_problems(), share=st.sampled_from([0.05, 0.5, 5.0]))
def test_an_entropic_plan_has_its_marginals_and_costs_no_less(problem: tuple[Any, Any, Any], share: float) -> None:
    a, b, costs = problem
    size = np.abs(costs).max()
    if size == 0.0:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = distances.sinkhorn(a, b, costs, epsilon=share * size)
    coupling = np.asarray(plan.coupling)
    error = np.abs(coupling.sum(1) - a).sum() + np.abs(coupling.sum(0) - b).sum()
    assert np.isfinite(coupling).all()
    assert error <= 2 * float(plan.marginal_error) + 1e-9
    if plan.converged:
        assert (coupling * costs).sum() >= _linear_program(a, b, costs) - 1e-3 * size


@given(
    u=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8),
    v=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8),
)
def test_on_the_line_it_is_scipys(u: list[float], v: list[float]) -> None:
    expected = wasserstein_distance(u, v)
    assert float(distances.wasserstein(np.array(u), np.array(v), p=1)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
