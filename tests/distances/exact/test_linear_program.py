import numpy as np
import pytest

from remblai.distances.exact.linear_program import design_matrix, dual, primal
from remblai.distances.problem import Problem

P_R = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1])
P_T = np.array([0.1] * 6 + [0.4])
D = np.abs(np.subtract.outer(np.arange(7.0), np.arange(7.0)))


def test_the_design_matrix_sums_rows_and_columns() -> None:
    plan = np.random.default_rng(0).random((3, 5))
    assert np.allclose(design_matrix(3, 5) @ plan.ravel(), np.concatenate([plan.sum(1), plan.sum(0)]))


def test_one_row_of_the_design_matrix_is_redundant() -> None:
    A = design_matrix(7, 7)
    assert A.shape == (14, 49)
    assert np.linalg.matrix_rank(A.toarray()) == 13


@pytest.mark.parametrize("method", [primal, dual])
def test_the_example_of_seven_points_costs_nine_tenths(method) -> None:
    plan = method(Problem.of_matrix(P_R, P_T, D))
    assert plan.value == pytest.approx(0.9, abs=1e-12)
    assert np.allclose(plan.coupling.sum(1), P_R, atol=1e-12)
    assert np.allclose(plan.coupling.sum(0), P_T, atol=1e-12)
    assert (plan.coupling >= 0).all()


def test_the_example_of_seven_points_has_many_optimal_plans() -> None:
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(10):
        tilted = primal(Problem.of_matrix(P_R, P_T, D + 1e-4 * rng.random((7, 7)))).coupling
        assert (tilted * D).sum() == pytest.approx(0.9, abs=1e-9)
        found.add(tuple(np.round(tilted, 6).ravel()))
    assert len(found) > 1


def test_the_squared_cost_of_the_seven_points() -> None:
    assert primal(Problem.of_matrix(P_R, P_T, D**2)).value == pytest.approx(1.3, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_primal_and_dual_agree_at_any_scale(scale: float) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random(6) + 0.1, rng.random(9) + 0.1
    problem = Problem.of_matrix(a / a.sum(), b / b.sum(), scale * rng.random((6, 9)))
    up, down = primal(problem), dual(problem)
    assert down.value == pytest.approx(up.value, rel=1e-9)
    for plan in (up, down):
        assert plan.gap <= 1e-9 * scale
        assert (plan.f[:, None] + plan.g <= problem.geometry.matrix().numpy() + 1e-12 * scale).all()


@pytest.mark.parametrize("method", [primal, dual])
def test_no_plan_of_finite_cost_is_told(method) -> None:
    costs = np.array([[0.0, np.inf], [1.0, np.inf]])
    with pytest.raises(ValueError, match="cannot be served"):
        method(Problem.of_matrix(None, None, costs))


@pytest.mark.parametrize("method", [primal, dual])
def test_forbidden_pairs_carry_nothing(method) -> None:
    plan = method(Problem.of_matrix(None, None, [[np.inf, 2.0], [3.0, 0.0]]))
    assert plan.value == pytest.approx(2.5)
