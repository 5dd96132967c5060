import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from remblai.distances.problem import Problem
from remblai.distances.stochastic import discrete
from remblai.distances.stochastic.finite import _rows, solve
from remblai.distances.stochastic.rows import Recomputed, Stored

SEVEN = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1]), np.array([0.1] * 6 + [0.4])
LINE = np.abs(np.arange(7.0)[:, None] - np.arange(7.0))


def clouds(n, m, d=2, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, d)), 0.8 * rng.standard_normal((m, d)) + 0.5
    a, b = rng.random(n) + 0.05, rng.random(m) + 0.05
    return x, y, a / a.sum(), b / b.sum()


def sinkhorn_value(a, b, costs, epsilon):
    plan = ot.sinkhorn(a, b, costs, epsilon, method="sinkhorn_log", stopThr=1e-12, numItermax=200_000)
    return float((plan * costs).sum() + epsilon * (plan * np.log(plan / np.outer(a, b))).sum())


@pytest.mark.parametrize(("n", "m", "epsilon"), [(300, 300, 0.05), (300, 120, 0.1), (40, 90, 0.03), (5, 300, 0.5)])
def test_the_value_is_sinkhorns(n, m, epsilon):
    x, y, a, b = clouds(n, m)
    costs = ot.dist(x, y)
    blur = epsilon * costs.mean()
    plan = discrete(a, b, costs, blur)
    assert plan.converged
    assert plan.value == pytest.approx(sinkhorn_value(a, b, costs, blur), rel=1e-6)
    assert plan.gap <= 2e-6 * plan.value
    np.testing.assert_allclose(plan.coupling.sum(1), a, rtol=1e-12)
    assert np.abs(plan.coupling.sum(0) - b).sum() == pytest.approx(plan.marginal_error, rel=1e-3)


@pytest.mark.parametrize(("epsilon", "cost"), [(1.0, 1.1298), (0.5, 0.9522)])
def test_seven_points_have_the_published_costs(epsilon, cost):
    plan = discrete(*SEVEN, LINE, epsilon)
    assert plan.cost == pytest.approx(cost, abs=5e-5)


def test_seven_points_at_a_small_epsilon_reach_sinkhorns_dual():
    plan = discrete(*SEVEN, LINE, 0.1, tolerance=1e-5)
    assert plan.value == pytest.approx(0.986395, abs=1e-6)
    assert plan.cost == pytest.approx(0.900009, abs=1e-4)


def test_the_curve_climbs_to_the_value():
    x, y, a, b = clouds(60, 50)
    plan = discrete(a, b, ot.dist(x, y), 0.3)
    steps, values = np.array(plan.curve).T
    assert 10 <= len(steps) <= 200
    assert (np.diff(steps) > 0).all()
    assert values[0] < values[-1]
    assert values[-1] == pytest.approx(plan.value, rel=1e-9)


def test_an_uncertain_answer_says_so():
    x, y, a, b = clouds(60, 50)
    with pytest.warns(UserWarning, match="raise epochs"):
        plan = discrete(a, b, ot.dist(x, y), 0.05, epochs=3)
    assert not plan.converged
    assert plan.marginal_error > 1e-6
    lower, upper = plan.certificate()
    assert lower <= sinkhorn_value(a, b, ot.dist(x, y), 0.05) <= upper


def test_points_and_their_matrix_have_one_answer_and_points_extend():
    x, y, a, b = clouds(40, 30)
    from_matrix, from_points = discrete(a, b, ot.dist(x, y), 0.4), solve(Problem.of_points(x, y, "square", a, b), 0.4)
    assert from_points.value == pytest.approx(from_matrix.value, rel=1e-9)
    np.testing.assert_allclose(from_points.extend(x), from_points.f, atol=1e-9)


@pytest.mark.parametrize("drift", [0.5, 100.0])
def test_kept_kernels_and_costs_made_on_the_way_answer_alike(drift):
    x, y, a, b = clouds(40, 30)
    problem = Problem.of_points(x, y, "square", a, b)
    kept = _rows(problem, 0.1, 7, 0)
    assert isinstance(kept, Stored)
    made = Recomputed(kept.geometry, kept.a, kept.b, 0.1, 7)
    torch.manual_seed(0)
    for scale in (0.0, drift, 1.0):  # the second moves far from what is absorbed, or not
        g = scale * torch.randn(30, dtype=torch.float64)
        for one, other in zip(kept.everything(g), made.everything(g), strict=True):
            torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(other))
        torch.testing.assert_close(kept.received(2, g), made.received(2, g))


def test_a_start_at_the_answer_is_the_answer():
    x, y, a, b = clouds(40, 30)
    cold = discrete(a, b, ot.dist(x, y), 0.2)
    warm = discrete(a, b, ot.dist(x, y), 0.2, g=cold.g, tolerance=1e-5)
    assert warm.iterations < cold.iterations / 5
    assert warm.value == pytest.approx(cold.value, rel=1e-7)


def test_empty_places_and_forbidden_pairs_change_nothing_else():
    x, y, a, b = clouds(12, 9)
    costs = ot.dist(x, y)
    inside = discrete(a, b, costs, 0.5)
    wider = np.full((13, 10), 7.0)
    wider[:12, :9] = costs
    wider[12, 0] = np.inf
    outside = discrete(np.r_[a, 0.0], np.r_[b, 0.0], wider, 0.5)
    assert outside.value == pytest.approx(inside.value, rel=1e-7)
    assert np.isfinite(outside.f).all()
    assert np.isfinite(outside.g).all()
    assert outside.coupling[12].sum() == outside.coupling[:, 9].sum() == 0.0


def test_the_value_has_gradients_in_points_and_masses():
    x, y, a, b = clouds(8, 6)

    def value(x, a):
        return solve(Problem.of_points(x, torch.as_tensor(y), "square", a, b), 0.7, tolerance=1e-9).value

    x, a = torch.tensor(x, requires_grad=True), torch.tensor(a, requires_grad=True)
    value(x, a).backward()
    with torch.no_grad():
        for i in (0, 5):
            nudge = torch.zeros_like(x)
            nudge[i, 1] = 1e-4
            slope = (value(x + nudge, a) - value(x - nudge, a)) / 2e-4
            assert float(x.grad[i, 1]) == pytest.approx(float(slope), abs=1e-6)
        move = torch.zeros_like(a)
        move[0], move[3] = 1e-4, -1e-4
        slope = (value(x, a + move) - value(x, a - move)) / 2e-4
        assert float(a.grad[0] - a.grad[3]) == pytest.approx(float(slope), abs=1e-5)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 1000), st.sampled_from([0.05, 0.3, 2.0]))
def test_any_problem_has_a_proven_answer(n, m, seed, epsilon):
    x, y, a, b = clouds(n, m, 1, seed)
    plan = discrete(3.0 * a, 3.0 * b, np.abs(x - y.T), epsilon, tolerance=1e-4, normalise=True)
    lower, upper = plan.certificate()
    assert lower - 1e-9 <= plan.value <= upper + 1e-9
    assert upper - lower <= 1e-3 * (1.0 + upper)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": np.nan}, "epsilon"),
        ({"batch": 0}, "batch"),
        ({"g": np.zeros(3)}, "potential g"),
        ({"g": np.full(7, np.nan)}, "potential g"),
        ({"costs": np.full((7, 7), np.nan)}, "NaN"),
        ({"costs": np.full((7, 7), np.inf)}, "finite"),
        ({"costs": np.zeros((0, 7))}, "cost matrix"),
        ({"a": -SEVEN[0]}, "below 0"),
        ({"a": 2 * SEVEN[0]}, "normalise=True"),
    ],
)
def test_bad_input_is_told(change, message):
    with pytest.raises(ValueError, match=message):
        discrete(**({"a": SEVEN[0], "b": SEVEN[1], "costs": LINE, "epsilon": 0.5} | change))
