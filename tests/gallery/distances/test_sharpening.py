import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import logsumexp

from remblai.gallery.distances.seven_points import DISTANCES, MODEL, REAL
from remblai.gallery.distances.sharpening import SHARPEST, Pair, seven_points, two_densities


def plain(pair: Pair, epsilon: float, sweeps: int) -> np.ndarray:
    """Sinkhorn's iteration as it is written, with logarithms."""
    scores, g = -pair.costs / epsilon + np.log(pair.a)[:, None] + np.log(pair.b), np.zeros(len(pair.b))
    for _ in range(sweeps):
        f = np.log(pair.a) - logsumexp(scores + g, axis=1)
        g = np.log(pair.b) - logsumexp(scores + f[:, None], axis=0)
    return np.exp(scores + f[:, None] + g)


@pytest.mark.parametrize(("epsilon", "cost", "sweeps"), [(1.0, 1.1298, 300), (0.5, 0.9522, 3000)])
def test_plain_iterations_reach_the_same_plan_and_the_published_cost(epsilon: float, cost: float, sweeps: int) -> None:
    expected = plain(seven_points(), epsilon, sweeps)
    found = seven_points().plan(epsilon, 1e-11).coupling
    assert np.abs(found - expected).max() < 1e-9
    assert (expected * DISTANCES).sum() == pytest.approx(cost, abs=5e-5)


def test_densities_plan_agrees_with_plain_iterations() -> None:
    pair, _ = two_densities()
    assert np.abs(pair.plan(0.3).coupling - plain(pair, 0.3, 2000)).max() < 1e-7


def test_exact_costs_are_those_of_the_linear_program() -> None:
    for pair in (seven_points(), two_densities()[0]):
        n = len(pair.a)
        rows, columns = np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))
        if n > 10:  # on the line W2^2 is the integral of the squared difference of the quantile functions
            q = (np.arange(400_000) + 0.5) / 400_000
            places = (np.linspace(-0.5, 6.5, n)[np.searchsorted(np.cumsum(one), q)] for one in (pair.a, pair.b))
            first, second = places
            assert pair.exact == pytest.approx(((first - second) ** 2).mean(), rel=1e-3)
            continue
        found = linprog(pair.costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([pair.a, pair.b]))
        assert pair.exact == pytest.approx(found.fun, abs=1e-9)


def test_limit_is_optimal_and_its_support_is_that_of_all_optimal_plans() -> None:
    """A pair belongs to an optimal plan when the linear program can load it without raising the cost."""
    limit = seven_points().plan(SHARPEST, 1e-11).coupling
    ones = np.ones(7)
    equalities = np.vstack([np.kron(np.eye(7), ones), np.kron(ones, np.eye(7)), DISTANCES.ravel()])
    sums = np.concatenate([REAL, MODEL, [0.9]])
    loaded = []
    for pair in range(49):
        gain = np.zeros(49)
        gain[pair] = -1.0
        loaded.append(-linprog(gain, A_eq=equalities, b_eq=sums).fun > 1e-6)
    assert np.array_equal(np.array(loaded).reshape(7, 7), limit > 1e-6)
    assert sum(loaded) == 22


def test_value_at_a_tenth_is_the_published_one() -> None:
    plan = seven_points().plan(0.1, 1e-11)
    assert plan.value == pytest.approx(0.986395, abs=1e-6)
    assert seven_points().entropy(plan.coupling) == pytest.approx(0.863825, abs=1e-6)
