import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from remblai.distances.exact import scales, simplex
from remblai.distances.exact.linear_program import primal
from remblai.distances.exact.simplex import FLAT, assignment, least_matching, network_simplex
from remblai.distances.problem import Problem


def random(seed: int, n: int, m: int, integers: bool = False) -> Problem:
    rng = np.random.default_rng(seed)
    costs = rng.integers(0, 4, (n, m)) if integers else rng.standard_normal((n, m))
    a, b = rng.random(n) * (rng.random(n) > 0.2), rng.random(m) * (rng.random(m) > 0.2)
    a[0], b[0] = a[0] + 0.1, b[0] + 0.1
    return Problem.of_matrix(a / a.sum(), b / b.sum(), costs)


def feasible(problem: Problem, plan) -> bool:
    costs = problem.geometry.matrix().numpy()
    return bool((plan.f[:, None] + plan.g <= costs + 1e-12 * np.abs(costs[np.isfinite(costs)]).max()).all())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_the_simplex_agrees_with_the_programme_and_proves_it(seed: int, n: int, m: int, integers: bool) -> None:
    problem = random(seed, n, m, integers)
    plan = network_simplex(problem)
    assert plan.value == pytest.approx(primal(problem).value, rel=1e-8, abs=1e-9)
    assert feasible(problem, plan)
    assert abs(plan.gap) < 1e-9
    assert np.abs(plan.coupling.sum(1) - problem.a.numpy()).max() < 1e-12
    assert np.abs(plan.coupling.sum(0) - problem.b.numpy()).max() < 1e-12


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 15), st.booleans())
def test_the_assignment_agrees_with_the_simplex_and_proves_it(seed: int, n: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    problem = Problem.of_matrix(None, None, rng.integers(0, 3, (n, n)) if ties else rng.standard_normal((n, n)))
    plan = assignment(problem)
    assert plan.value == pytest.approx(network_simplex(problem).value, rel=1e-9, abs=1e-12)
    assert feasible(problem, plan)
    assert len(plan.entries[0]) == n


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("method", [network_simplex, assignment])
def test_the_value_is_homogeneous_in_the_costs(method, scale: float) -> None:
    costs = np.random.default_rng(3).random((30, 30))
    plain = method(Problem.of_matrix(None, None, costs)).value
    assert method(Problem.of_matrix(None, None, scale * costs)).value == pytest.approx(scale * plain, rel=1e-12)


def test_a_constant_added_to_the_costs_is_added_to_the_value() -> None:
    costs = np.random.default_rng(3).random((20, 30))
    moved = network_simplex(Problem.of_matrix(None, None, costs - 100.0)).value
    assert moved == pytest.approx(network_simplex(Problem.of_matrix(None, None, costs)).value - 100.0, rel=1e-12)


def matched(costs: np.ndarray) -> float:
    return float(costs[linear_sum_assignment(costs)].mean())


@pytest.mark.parametrize("scale", [1e-270, 1e-12, 1.0, 1e200])
@pytest.mark.parametrize("far", [0.0, 1e3, 1e8])
@pytest.mark.parametrize("dimension", [1, FLAT, FLAT + 1])
def test_the_least_matching_is_that_of_scipy(
    monkeypatch: pytest.MonkeyPatch, dimension: int, far: float, scale: float
) -> None:
    """Also with a far point, where the simplex loses what is near."""
    monkeypatch.setattr(simplex, "MATCHED", 1)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, dimension)), 3.0 + 0.3 * rng.standard_normal((40, dimension))
    x[0], y[0] = x[0] + far, y[0] + far
    costs = scale * ((x[:, None] - y) ** 2).sum(-1)
    assert least_matching(costs, dimension) == pytest.approx(matched(costs), rel=1e-9, abs=0)


def test_without_pot_the_least_matching_is_scipy_s(monkeypatch: pytest.MonkeyPatch, without_pot: None) -> None:
    monkeypatch.setattr(simplex, "MATCHED", 1)
    costs = np.random.default_rng(0).random((6, 6))
    assert least_matching(costs, 2) == matched(costs)


def test_a_matching_that_is_not_proven_is_solved_again(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = np.random.default_rng(0).random((6, 6))
    monkeypatch.setattr(simplex, "MATCHED", 1)
    monkeypatch.setattr(simplex, "_emd", lambda *_: (np.eye(6) / 6, {"v": np.zeros(6)}))
    assert least_matching(costs, 2) == matched(costs)


def test_an_unequal_assignment_is_refused() -> None:
    with pytest.raises(ValueError, match="network-simplex"):
        assignment(Problem.of_matrix([0.5, 0.5], [0.2, 0.8], np.ones((2, 2))))
    with pytest.raises(ValueError, match="2 and 3"):
        assignment(Problem.of_matrix(None, None, np.ones((2, 3))))


def test_the_assignment_passes_over_empty_places() -> None:
    plan = assignment(Problem.of_matrix([0.5, 0.0, 0.5], [0.5, 0.5], [[0.0, 1.0], [-9.0, -9.0], [3.0, 2.0]]))
    assert plan.value == pytest.approx(1.0)
    assert plan.f[1] + plan.g.max() <= -9.0 + 1e-12


@pytest.mark.parametrize("method", [network_simplex, assignment])
def test_infinite_costs_forbid_pairs(method) -> None:
    rng = np.random.default_rng(5)
    costs = rng.random((12, 12))
    open_to_all = costs.copy()
    costs[rng.random((12, 12)) < 0.6] = np.inf
    np.fill_diagonal(costs, 1000.0)
    problem = Problem.of_matrix(None, None, costs)
    plan = method(problem)
    assert np.isfinite(plan.value)
    assert plan.value == pytest.approx(primal(problem).value, rel=1e-8)
    assert plan.value > method(Problem.of_matrix(None, None, open_to_all)).value
    assert feasible(problem, plan)


@pytest.mark.parametrize("method", [network_simplex, assignment])
def test_a_place_that_cannot_be_served_is_named(method) -> None:
    costs = np.ones((4, 4))
    costs[2] = np.inf
    with pytest.raises(ValueError, match="place 2 of a cannot be served"):
        method(Problem.of_matrix(None, None, costs))
    with pytest.raises(ValueError, match="cannot be served"):
        method(Problem.of_matrix(None, None, np.full((2, 2), np.inf)))


def test_an_empty_place_that_cannot_be_served_is_no_matter() -> None:
    costs = np.array([[1.0, 5.0], [np.inf, np.inf]])
    plan = network_simplex(Problem.of_matrix([1.0, 0.0], [1.0, 0.0], costs))
    assert plan.value == 1.0
    assert np.isfinite(plan.f).all()
    assert np.isfinite(plan.g).all()


def of_random(rng: np.random.Generator, n: int) -> Problem:
    a, b = rng.random(n), rng.random(n)
    return Problem.of_matrix(a / a.sum(), b / b.sum(), rng.random((n, n)))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other solver stands in."""
    monkeypatch.setattr(simplex, "SMALL", 0)
    monkeypatch.setattr(scales, "PAIRS", 0)


def test_a_simplex_that_stops_early_is_an_error(monkeypatch: pytest.MonkeyPatch, alone: None) -> None:
    monkeypatch.setattr(simplex, "STEPS", 3)
    with pytest.raises(RuntimeError, match="before"):
        network_simplex(of_random(np.random.default_rng(0), 50))


def wrong_potentials(monkeypatch: pytest.MonkeyPatch) -> None:
    right = simplex._emd

    def wrong(*given):
        plan, log = right(*given)
        return plan, {**log, "v": log["v"] + np.arange(len(log["v"])) ** 2.0}

    monkeypatch.setattr(simplex, "_emd", wrong)


def test_wrong_potentials_are_found_out(monkeypatch: pytest.MonkeyPatch, alone: None) -> None:
    wrong_potentials(monkeypatch)
    with pytest.raises(RuntimeError, match="duality gap"):
        network_simplex(of_random(np.random.default_rng(0), 5))


@pytest.mark.parametrize(("method", "even"), [("assignment", True), ("linear-program", False)])
def test_another_solver_answers_where_the_simplex_is_wrong(monkeypatch: pytest.MonkeyPatch, method, even) -> None:
    wrong_potentials(monkeypatch)
    monkeypatch.setattr(scales, "PAIRS", 0)
    rng = np.random.default_rng(0)
    problem = Problem.of_matrix(None, None, rng.random((12, 12))) if even else of_random(rng, 12)
    plan = network_simplex(problem)
    assert plan.method == method
    assert plan.value == pytest.approx(primal(problem).value, rel=1e-9)


def test_integers_bring_a_wrong_answer_to_the_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_potentials(monkeypatch)
    problem = of_random(np.random.default_rng(0), 12)
    plan = network_simplex(problem)
    assert plan.method == "shortest-paths"
    assert plan.value == pytest.approx(primal(problem).value, rel=1e-9)
    assert feasible(problem, plan)


@pytest.fixture
def without_pot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ot", None)


def test_without_pot_a_uniform_problem_is_an_assignment(without_pot: None) -> None:
    assert network_simplex(Problem.of_matrix(None, None, np.eye(3))).method == "assignment"


def test_without_pot_a_small_problem_is_a_programme(without_pot: None) -> None:
    plan = network_simplex(Problem.of_matrix([0.3, 0.7], [0.5, 0.5], [[0.0, 1.0], [1.5, 0.0]]))
    assert plan.method == "linear-program"
    assert plan.value == pytest.approx(0.3)


def test_without_pot_a_large_problem_says_what_to_install(without_pot: None) -> None:
    with pytest.raises(ValueError, match=r'pip install "remblai\[exact\]"'):
        network_simplex(Problem.of_matrix(None, None, torch.ones(400, 401)))
