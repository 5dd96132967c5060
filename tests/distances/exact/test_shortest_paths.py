from fractions import Fraction

import numpy as np
import pytest
from tests.distances.exact.rational import INFINITY, fractions, least_cost, shares, square_costs

from remblai.distances import emd
from remblai.distances.exact import shortest_paths as module
from remblai.distances.exact.shortest_paths import shortest_paths
from remblai.distances.problem import Problem


def masses_and_costs(seed: int, n: int = 7, m: int = 5):
    rng = np.random.default_rng(seed)
    return 10.0 ** rng.uniform(-320, 0, n), 10.0 ** rng.uniform(-320, 0, m), 10.0 ** rng.uniform(-12, 12, (n, m))


@pytest.mark.parametrize("seed", range(12))
def test_from_nothing_and_from_a_wrong_plan_it_comes_to_the_rational_optimum(seed):
    a, b, costs = masses_and_costs(seed)
    problem = Problem.of_matrix(a, b, costs, normalise=True)
    right = least_cost(shares(a), shares(b), [fractions(row) for row in costs])
    far = [(i, (3 * i + seed) % 5, 1.0 / 7) for i in range(7)]
    for start in (None, (far, np.random.default_rng(seed).normal(size=5).tolist())):
        plan = shortest_paths(problem, start)
        lower, upper = plan.certificate()
        assert plan.value == float(right)
        assert Fraction(lower) <= right <= Fraction(upper)
        assert upper - lower <= 1e-14 * upper
        f, g = plan.potentials
        assert (f[:, None] + g <= costs * (1 + 1e-12) + 1e-12 * np.abs(f[:, None]) + 1e-12 * np.abs(g)).all()


def test_from_the_optimum_it_looks_at_nothing_more():
    a, b, costs = np.array([0.25, 0.75]), np.array([0.5, 0.5]), np.array([[0.0, 1.0], [2.0, 0.5]])
    plan = emd(a, b, costs)
    i, j, shares_of = (one.tolist() for one in plan.entries)
    found = shortest_paths(Problem.of_matrix(a, b, costs), (list(zip(i, j, shares_of, strict=True)), plan.g.tolist()))
    assert found.iterations == 0
    assert found.value == plan.value == 0.75
    np.testing.assert_array_equal(found.coupling, plan.coupling)


def test_forbidden_pairs_carry_nothing():
    a, b, costs = masses_and_costs(3, 5, 5)
    costs[np.arange(5)[:, None] < np.arange(5)] = np.inf
    a, b = np.sort(a), np.sort(b)[::-1].copy()
    exact = [[INFINITY if np.isinf(cost) else Fraction(float(cost)) for cost in row] for row in costs]
    plan = shortest_paths(Problem.of_matrix(a, b, costs, normalise=True))
    assert plan.value == float(least_cost(shares(a), shares(b), exact))
    assert (plan.coupling[np.isinf(costs)] == 0.0).all()
    # now the first row has more than its only column takes
    assert shortest_paths(Problem.of_matrix(a[::-1].copy(), b[::-1].copy(), costs, normalise=True)) is None


def test_costs_of_points_are_known_up_to_rounding():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 3)) * 1e3, rng.normal(size=(6, 3)) * 1e3
    plan = shortest_paths(Problem.of_points(x, y))
    right = least_cost([Fraction(1, 6)] * 6, [Fraction(1, 6)] * 6, square_costs(x, y))
    lower, upper = plan.certificate()
    assert Fraction(lower) <= right <= Fraction(upper)
    assert upper - lower <= 1e-13 * upper


def test_it_gives_up_where_it_would_take_too_long(monkeypatch):
    monkeypatch.setattr(module, "WORK", 40)
    a, b, costs = masses_and_costs(1)
    assert shortest_paths(Problem.of_matrix(a, b, costs, normalise=True)) is None
