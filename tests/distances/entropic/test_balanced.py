import warnings

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from remblai.distances.entropic.balanced import sinkhorn, solve
from remblai.distances.problem import Problem

P_R, P_T = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1]), np.array([0.1] * 6 + [0.4])
LINE = np.abs(np.arange(7.0)[:, None] - np.arange(7.0))
INF = np.inf


def drawn(n, m, seed=0, d=2):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.3
    a, b = rng.random(n) + 0.05, rng.random(m) + 0.05
    return x, y, a / a.sum(), b / b.sum()


def square(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def divergence_from_product(plan, a, b):
    product = a[:, None] * b
    held = plan > 0
    return (plan[held] * np.log(plan[held] / product[held])).sum()


@pytest.mark.parametrize(("epsilon", "cost"), [(1.0, 1.1298), (0.5, 0.9522), (0.1, 0.90001)])
def test_the_seven_point_example_has_its_known_costs(epsilon, cost):
    plan = sinkhorn(P_R, P_T, LINE, epsilon, tolerance=1e-10)
    assert plan.converged
    assert plan.cost == pytest.approx(cost, abs=6e-5 if epsilon > 0.1 else 6e-6)


def test_the_seven_point_example_has_its_known_value_and_divergence():
    plan = sinkhorn(P_R, P_T, LINE, 0.1, tolerance=1e-10)
    assert plan.value == pytest.approx(0.986395, abs=5e-7)
    assert divergence_from_product(plan.coupling, P_R, P_T) == pytest.approx(0.863825, abs=2e-6)


@pytest.mark.parametrize("epsilon", [0.05, 0.01, 1e-3, 1e-4])
def test_the_degenerate_example_converges_at_small_epsilon(epsilon):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = sinkhorn(P_R, P_T, LINE, epsilon)
    assert plan.converged
    assert np.abs(plan.coupling.sum(1) - P_R).sum() + np.abs(plan.coupling.sum(0) - P_T).sum() <= 1.1e-6
    assert plan.cost == pytest.approx(0.9, abs=1e-5)


def test_the_value_is_that_of_a_generic_convex_solver():
    x, y, a, b = drawn(3, 4)
    C, epsilon = square(x, y), 0.4

    def objective(p):
        plan = p.reshape(3, 4)
        return (plan * C).sum() + epsilon * (plan * np.log(plan / (a[:, None] * b))).sum()

    rows = [{"type": "eq", "fun": lambda p, i=i: p.reshape(3, 4)[i].sum() - a[i]} for i in range(3)]
    columns = [{"type": "eq", "fun": lambda p, j=j: p.reshape(3, 4)[:, j].sum() - b[j]} for j in range(3)]
    start = (a[:, None] * b).ravel()
    found = minimize(
        objective, start, method="SLSQP", bounds=[(1e-12, 1)] * 12, constraints=rows + columns,
        options={"ftol": 1e-15, "maxiter": 1000},
    )  # fmt: skip
    plan = sinkhorn(a, b, C, epsilon, tolerance=1e-12)
    assert plan.value == pytest.approx(found.fun, abs=1e-8)
    assert np.allclose(plan.coupling.ravel(), found.x, atol=1e-5)


@pytest.mark.parametrize("form", ["auto", "kernel", "stream", "log"])
@pytest.mark.parametrize("relative", [0.02, 0.2, 1.0])
def test_every_form_finds_the_plan_of_an_independent_solver(form, relative):
    x, y, a, b = drawn(23, 31)
    C = square(x, y)
    plan = sinkhorn(a, b, C, relative, relative=True, tolerance=1e-10, form=form)
    assert plan.epsilon == pytest.approx(relative * (a @ C @ b))
    other = ot.sinkhorn(a, b, C, plan.epsilon, method="sinkhorn_log", stopThr=1e-12, numItermax=100_000)
    assert np.abs(plan.coupling - other).max() < 1e-8
    assert plan.value == pytest.approx(plan.cost + plan.epsilon * divergence_from_product(other, a, b), abs=1e-8)


@pytest.mark.parametrize("form", ["kernel", "stream", "log"])
def test_the_forms_agree_at_sizes_that_begin_in_float32(form):
    x, y, a, b = drawn(300, 280)
    plan = solve(Problem.of_points(x, y, "square", a, b), 0.05, relative=True, tolerance=1e-8, form=form)
    truth = solve(Problem.of_matrix(a, b, square(x, y)), plan.epsilon, tolerance=1e-10)
    assert plan.converged
    assert plan.value == pytest.approx(truth.value, abs=1e-9)
    assert ("float32" in plan.method) == (form != "log")


@pytest.mark.parametrize(("form", "entries"), [("kernel", 2**20), ("kernel", 0), ("stream", 2**20)])
def test_the_reported_error_is_the_plans_error_in_float64(form, entries, monkeypatch):
    monkeypatch.setattr("remblai.distances.entropic.schedule.DENSE", entries)
    x, y, a, b = drawn(400, 300)
    plan = solve(Problem.of_points(x, y, "square", a, b), 0.1, tolerance=1e-4, form=form)
    masses = plan.coupling
    error = np.abs(masses.sum(1) - a).sum() + np.abs(masses.sum(0) - b).sum()
    assert plan.converged
    assert plan.marginal_error <= 1e-4
    assert plan.marginal_error == pytest.approx(error, abs=1e-6)
    assert ("float64" in plan.method) == (form == "kernel" and entries > 0)  # a small kernel becomes the plan


def test_it_is_symmetric():
    x, y, a, b = drawn(12, 17)
    there = sinkhorn(a, b, square(x, y), 0.1, tolerance=1e-11)
    back = sinkhorn(b, a, square(x, y).T, 0.1, tolerance=1e-11)
    assert there.value == pytest.approx(back.value, abs=1e-10)
    assert np.allclose(there.coupling, back.coupling.T, atol=1e-9)


def test_a_small_epsilon_tends_to_the_exact_plan_and_a_large_one_to_the_product():
    x, y, a, b = drawn(15, 12)
    C = square(x, y)
    gaps = [sinkhorn(a, b, C, e, tolerance=1e-8).cost - ot.emd2(a, b, C) for e in (0.3, 0.03, 0.003)]
    assert gaps[0] > gaps[1] > gaps[2] > -1e-6
    assert gaps[2] < 1e-4
    assert np.allclose(sinkhorn(a, b, C, 1e7, tolerance=1e-9).coupling, a[:, None] * b, atol=1e-8)


def test_the_certificate_encloses_the_value():
    x, y, a, b = drawn(20, 25)
    plan = sinkhorn(a, b, square(x, y), 0.1, tolerance=1e-4)
    truth = sinkhorn(a, b, square(x, y), 0.1, tolerance=1e-12).value
    lower, upper = plan.certificate()
    assert lower - 1e-12 <= truth <= upper + 1e-12
    assert upper - lower < 1e-3
    assert plan.certificate(exact=True).lower <= ot.emd2(a, b, square(x, y)) <= plan.certificate(exact=True).upper


def test_places_without_mass_change_nothing_and_still_have_potentials():
    x, y, a, b = drawn(10, 8)
    a[[0, 4]], b[[7]] = 0.0, 0.0
    a, b = a / a.sum(), b / b.sum()
    C = square(x, y)
    plan = sinkhorn(a, b, C, 0.2, tolerance=1e-11)
    held = sinkhorn(a[a > 0], b[b > 0], C[a > 0][:, b > 0], 0.2, tolerance=1e-11)
    assert plan.value == pytest.approx(held.value, abs=1e-10)
    assert np.all(plan.coupling[a == 0] == 0)
    assert np.all(plan.coupling[:, b == 0] == 0)
    f = -0.2 * np.log((b * np.exp((plan.g - C) / 0.2)).sum(1))
    g = -0.2 * np.log((a[:, None] * np.exp((plan.f[:, None] - C) / 0.2)).sum(0))
    assert np.allclose(plan.f, f, atol=1e-9)
    assert np.allclose(plan.g, g, atol=1e-9)


def test_one_place_has_one_plan():
    plan = sinkhorn([1.0], [0.25, 0.75], [[3.0, 1.0]], 0.1)
    assert plan.value == pytest.approx(1.5)
    assert np.allclose(plan.coupling, [[0.25, 0.75]])


def test_forbidden_pairs_carry_nothing_where_a_plan_remains():
    C = np.array([[0.0, INF, 2.0], [1.0, 0.5, INF], [INF, 1.0, 1.0]])
    plan = sinkhorn(None, None, C, 0.2, tolerance=1e-10)
    allowed = np.where(np.isinf(C), 1e4, C)
    other = ot.sinkhorn([1 / 3] * 3, [1 / 3] * 3, allowed, 0.2, method="sinkhorn_log", stopThr=1e-13, numItermax=10_000)
    assert np.all(plan.coupling[np.isinf(C)] == 0)
    assert np.allclose(plan.coupling, other, atol=1e-8)
    assert np.isfinite(plan.value)


def test_a_single_plan_that_forbidden_pairs_leave_is_found():
    plan = sinkhorn([0.5, 0.5], [0.5, 0.5], [[0.0, INF], [0.0, 0.0]], 0.1)
    assert plan.converged
    assert plan.coupling == pytest.approx(np.eye(2) / 2, abs=1e-6)


@pytest.mark.parametrize(
    "C", [[[0.0, INF], [1.0, INF]], [[INF, INF], [1.0, 0.0]], [[0.0, INF], [0.0, INF]], [[0.0, 1.0], [INF, INF]]]
)
def test_no_finite_plan_is_refused(C):
    with pytest.raises(ValueError, match="finite cost"):
        sinkhorn([0.5, 0.5], [0.5, 0.5], C, 0.1)


def test_too_little_room_is_refused():
    with pytest.raises(ValueError, match="exceeds"):
        sinkhorn([0.7, 0.3], [0.5, 0.5], [[0.0, INF], [0.0, 0.0]], 0.1)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, np.nan, np.inf, "small"])
def test_a_bad_epsilon_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        sinkhorn(P_R, P_T, LINE, epsilon)


@pytest.mark.parametrize("limit", [0, -3, 2.5, np.nan, np.inf])
def test_a_bad_limit_is_refused(limit):
    with pytest.raises(ValueError, match="max_iterations"):
        sinkhorn(P_R, P_T, LINE, max_iterations=limit)


@pytest.mark.parametrize("tolerance", [0.0, -1e-3, np.nan])
def test_a_bad_tolerance_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        sinkhorn(P_R, P_T, LINE, tolerance=tolerance)


@pytest.mark.parametrize(
    ("a", "b", "C", "said"),
    [
        (P_R, P_T, np.where(LINE == 3, np.nan, LINE), "NaN"),
        (P_R, P_T, np.full((7, 7), np.nan), "NaN"),
        (-P_R, P_T, LINE, "below 0"),
        (2 * P_R, P_T, LINE, "normalise=True"),
        (P_R[:6], P_T, LINE, "shape"),
        ([], [], np.zeros((0, 0)), "shape"),
    ],
)
def test_what_is_no_problem_is_refused(a, b, C, said):
    with pytest.raises(ValueError, match=said):
        sinkhorn(a, b, C, 0.1)


def test_an_unknown_option_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="tolerance"):
        sinkhorn(P_R, P_T, LINE, tolerence=1e-3)


def test_an_unknown_form_and_a_start_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="kernel"):
        sinkhorn(P_R, P_T, LINE, form="kernal")
    with pytest.raises(ValueError, match="start"):
        sinkhorn(P_R, P_T, LINE, start=(np.zeros(7), np.zeros(6)))
    with pytest.raises(ValueError, match="mean cost"):
        sinkhorn([0.5, 0.5], [0.5, 0.5], [[1.0, -1.0], [-1.0, 1.0]], relative=True)


def test_costs_that_are_all_0_have_value_0_at_any_relative_epsilon():
    plan = sinkhorn(P_R, P_T, 0 * LINE, relative=True)
    assert plan.value == 0.0
    assert plan.converged
    assert np.allclose(plan.coupling, P_R[:, None] * P_T)


def test_giving_up_warns_and_says_so():
    with pytest.warns(UserWarning, match="max_iterations"):
        plan = sinkhorn(P_R, P_T, LINE, 0.1, tolerance=1e-9, max_iterations=5)
    assert not plan.converged
    assert plan.marginal_error > 1e-9
    assert np.isfinite(plan.value)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5])
def test_giving_up_at_small_epsilon_leaves_finite_numbers_and_a_lower_bound(epsilon):
    x, y, a, b = drawn(300, 260)
    with pytest.warns(UserWarning, match="marginal error"):
        plan = solve(Problem.of_points(x, y, "square", a, b), epsilon, max_iterations=50, tolerance=1e-4)
    assert plan.iterations <= 50
    assert np.isfinite(plan.f).all()
    assert np.isfinite(plan.g).all()
    assert 0 < plan.value <= ot.emd2(a, b, square(x, y)) + epsilon * np.log(300 * 260 * 20)


def test_a_tiny_epsilon_converges_near_the_exact_value():
    x, y, a, b = drawn(120, 100)
    plan = solve(Problem.of_points(x, y, "square", a, b), 1e-4)
    assert plan.converged
    assert plan.cost == pytest.approx(ot.emd2(a, b, square(x, y)), abs=1e-3)


def test_kinds_of_numbers_give_one_answer():
    x, y, a, b = drawn(9, 7)
    C = np.round(square(x, y))
    truth = sinkhorn(a, b, C, 0.5).value
    assert sinkhorn(a, b, C.astype(int), 0.5).value == pytest.approx(truth, abs=1e-12)
    assert sinkhorn(a.astype(np.float32), b, C.astype(np.float32), 0.5).value == pytest.approx(truth, abs=1e-6)
    found = sinkhorn(torch.tensor(a), b, C, 0.5)
    assert found.value.dtype == torch.float64
    assert float(found.value) == pytest.approx(truth, abs=1e-12)
    assert isinstance(truth, float)


def test_a_warm_start_needs_fewer_passes_and_keeps_the_answer():
    x, y, a, b = drawn(40, 50)
    C = square(x, y)
    cold = sinkhorn(a, b, C, 0.1, tolerance=1e-9)
    for start in (cold, cold.potentials):
        warm = sinkhorn(a, b, C + 1e-3, 0.1, tolerance=1e-9, start=start)
        assert warm.iterations < cold.iterations / 3
        assert warm.value == pytest.approx(cold.value + 1e-3, abs=1e-8)


def test_counts_are_refused_or_normalised():
    x, y, a, b = drawn(8, 9)
    C = square(x, y)
    with pytest.raises(ValueError, match="normalise=True"):
        sinkhorn(3 * a, 3 * b, C, 0.1)
    plan = sinkhorn(3 * a, 5 * b, C, 0.1, normalise=True)
    assert plan.value == pytest.approx(sinkhorn(a, b, C, 0.1).value)
    assert plan.coupling.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="exact marginals"):
        sinkhorn(a, b, C, 0.1, unbalanced=1.0, normalise=True)


@pytest.mark.parametrize("cost", ["square", "euclidean", "manhattan"])
def test_gradients_in_points_are_finite_differences(cost):
    x, y, a, b = drawn(20, 25)
    points = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    solve(Problem.of_points(*points, cost, a, b), 0.1, tolerance=1e-11).value.backward()
    for k, one in enumerate(points):
        direction = np.random.default_rng(5).normal(size=one.shape)
        values = []
        for h in (1e-5, -1e-5):
            moved = [x, y]
            moved[k] = moved[k] + h * direction
            values.append(solve(Problem.of_points(*moved, cost, a, b), 0.1, tolerance=1e-11).value)
        assert (one.grad.numpy() * direction).sum() == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)


def test_gradients_in_masses_and_costs_are_finite_differences():
    x, y, a, b = drawn(20, 25)
    C = square(x, y)
    rng = np.random.default_rng(6)
    da, dC = rng.normal(size=20), rng.normal(size=(20, 25))
    da -= da.mean()
    masses, costs = torch.tensor(a, requires_grad=True), torch.tensor(C, requires_grad=True)
    sinkhorn(masses, b, costs, 0.1, tolerance=1e-11).value.backward()
    h = 1e-6
    up, down = (sinkhorn(a + s * da, b, C, 0.1, tolerance=1e-12).value for s in (h, -h))
    assert float(masses.grad @ torch.tensor(da)) == pytest.approx((up - down) / (2 * h), rel=1e-5)
    up, down = (sinkhorn(a, b, C + s * dC, 0.1, tolerance=1e-12).value for s in (h, -h))
    assert float((costs.grad.numpy() * dC).sum()) == pytest.approx((up - down) / (2 * h), rel=1e-5)


def test_a_relative_epsilon_is_frozen_in_the_gradient():
    x, y, a, b = drawn(10, 12)
    first, second = (torch.tensor(x, requires_grad=True) for _ in range(2))
    plan = solve(Problem.of_points(first, y, "square", a, b), 0.1, relative=True, tolerance=1e-10)
    plan.value.backward()
    solve(Problem.of_points(second, y, "square", a, b), plan.epsilon, tolerance=1e-10).value.backward()
    assert torch.allclose(first.grad, second.grad, rtol=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9), st.floats(0.05, 2.0), st.floats(-3.0, 3.0))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_permutations_move_the_plan_and_constants_move_the_value(seed, n, m, epsilon, constant):
    x, y, a, b = drawn(n, m, seed)
    C, rng = square(x, y), np.random.default_rng(seed)
    i, j = rng.permutation(n), rng.permutation(m)
    plan = sinkhorn(a, b, C, epsilon, tolerance=1e-9)
    moved = sinkhorn(a[i], b[j], C[i][:, j] + constant, epsilon, tolerance=1e-9)
    assert plan.converged
    assert moved.converged
    assert np.allclose(moved.coupling, plan.coupling[i][:, j], atol=1e-6)
    assert moved.value == pytest.approx(plan.value + constant, abs=1e-7)
    assert np.allclose(plan.coupling.sum(1), a, atol=1e-8)
    assert np.allclose(plan.coupling.sum(0), b, atol=1e-8)
