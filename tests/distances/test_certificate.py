"""Bounds around the truth in rational arithmetic, from good and bad plans and potentials."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.distances.exact.rational import fractions, least_cost, shares, square_costs

from remblai.distances import Interval, emd, sinkhorn, transport
from remblai.distances.certificate import certificate
from remblai.distances.coupling import Dense, Sparse
from remblai.distances.geometry import Points
from remblai.distances.problem import Problem
from remblai.distances.rounding import roundoff
from remblai.distances.squares import DIRECT, squares

often = settings(max_examples=40, deadline=None, derandomize=True)


@often
@given(some.integers(0, 10**6), some.integers(1, 4), some.integers(1, 4), some.booleans(), some.integers(-12, 12))
def test_bounds_from_any_plan_and_potential_hold_the_truth(seed: int, n: int, m: int, sparse: bool, scale: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random(n) + 0.01, rng.random(m) + 0.01
    a, b = a / a.sum(), b / b.sum()
    costs = (rng.random((n, m)) - 0.3) * 10.0**scale * 10.0 ** rng.integers(-6, 6, (n, m))
    problem = Problem.of_matrix(a, b, costs)
    masses = torch.as_tensor(rng.random((n, m)) * (rng.random((n, m)) > 0.5) / (n * m))
    i, j = masses.nonzero(as_tuple=True)
    coupling = Sparse(i, j, masses[i, j], (n, m)) if sparse else Dense(masses)
    lower, upper = certificate(problem, coupling, torch.as_tensor(rng.standard_normal(m) * 10.0**scale))
    right = least_cost(shares(a), shares(b), [fractions(row) for row in costs])
    assert Fraction(lower) <= right <= Fraction(upper)


@pytest.mark.parametrize("epsilon", [1e-3, 1.0, 1e6, 1e15, 1e25])
def test_bounds_are_not_crossed_at_any_epsilon(epsilon: float) -> None:
    rng = np.random.default_rng(0)
    plan = sinkhorn(None, None, rng.random((8, 9)), epsilon)
    lower, upper = plan.certificate()
    assert lower <= float(plan.value) <= upper
    lower, upper = plan.certificate(exact=True)
    assert 0.0 <= lower <= upper


@pytest.mark.parametrize("epsilon", [1e6, 1e15, 1e25])
def test_a_huge_epsilon_has_the_plan_of_independence_as_its_bound(epsilon: float) -> None:
    costs = np.random.default_rng(0).random((8, 9))
    assert sinkhorn(None, None, costs, epsilon).certificate().upper == pytest.approx(costs.mean(), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_an_interval_contains_the_value_that_it_is_of(scale: float) -> None:
    x = scale * np.random.default_rng(3).standard_normal((2, 20))
    for plan in (transport(x, x, epsilon=0.1 * scale**2), emd([0.1 + 0.2, 0.7], [0.3, 0.7], [[0.0, 1.0], [1.0, 0.0]])):
        lower, upper = plan.certificate()
        assert lower <= plan.value <= upper


def test_the_text_of_an_interval_is_rounded_outwards() -> None:
    assert Interval(0.8999999964, 0.9).text(9) == "0.899999996 to 0.9"
    assert Interval(0.9, 0.9000000001).text(9) == "0.9 to 0.900000001"
    assert Interval(-1e-16, 0.0).text(9) == "-1e-16 to 0"
    assert Interval(0.0, float("inf")).text() == "0 to inf"
    ends = np.random.default_rng(0).standard_normal((200, 2)) * 10.0 ** np.arange(-100, 100)[:, None]
    for low, high in np.sort(ends, axis=1):
        lower, upper = Interval(low, high).text(4).split(" to ")
        assert float(lower) <= low <= high <= float(upper)


def test_a_value_of_zero_has_no_bound_below_it() -> None:
    x = np.random.default_rng(0).standard_normal((9, 2))
    problem = Problem.of_points(x, x, "euclidean")
    index = torch.arange(9)
    found = certificate(problem, Sparse(index, index, torch.full((9,), 1 / 9), (9, 9)), torch.randn(9).double())
    assert found == (0.0, 0.0)


@pytest.mark.parametrize("d", [2, DIRECT + 4])
@pytest.mark.parametrize("far", [0.0, 1e3, 1e8, 1e15])
def test_squares_are_accurate_relative_to_each_and_the_stated_rounding_holds(d: int, far: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((7, d)), rng.standard_normal((6, d))
    x[0, 0] += far
    y[:2, 0] += far
    y[3] = x[3] + 1e-9
    points, exact = Points(x, y), square_costs(x, y)
    found = points.matrix()
    error = points.rounding(found)
    for i in range(7):
        for j in range(6):
            assert abs(Fraction(float(found[i, j])) - exact[i][j]) <= Fraction(float(error[i, j]))
    assert bool((error <= 1e-11 * found).all())


def test_squares_of_coordinates_that_overflow_are_infinite_not_nan() -> None:
    x = torch.zeros(3, DIRECT + 1).double()
    y = x.clone()
    y[0] = 1e200
    assert squares(x, y)[:, 0].tolist() == [float("inf")] * 3
    assert squares(x, y)[:, 1].tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("values", "error"),
    [([0.1, 0.5], 2.0**-24), ([0.5, 3.0, 0.25], 0.0), ([float("inf"), 1.0], 0.0)],
)
def test_float32_is_rounded_unless_it_holds_short_numbers(values: list[float], error: float) -> None:
    assert roundoff(torch.tensor(values)) == error
    assert roundoff(torch.tensor(values, dtype=torch.float64)) == 0.0


def test_bounds_of_a_smoothed_plan_hold_the_truth_where_masses_and_costs_differ_by_many_digits() -> None:
    rng = np.random.default_rng(0)
    for _ in range(400):
        a, b = (np.array([10.0 ** -rng.integers(0, 22), 1.0]) for _ in range(2))
        a, b = a / a.sum(), b / b.sum()
        costs = rng.standard_normal((2, 2)) * 10.0 ** rng.integers(-3, 13, (2, 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not all converge
            plan = sinkhorn(a, b, costs, float(10.0 ** rng.integers(-2, 12)), max_iterations=100)
        lower, upper = plan.certificate(exact=True)
        right = least_cost(shares(a), shares(b), [fractions(row) for row in costs])
        assert Fraction(lower) <= right <= Fraction(upper)


def test_a_tiny_mass_takes_no_rounding_of_the_others_to_a_huge_gain() -> None:
    a, b, costs = [1e-13, 1.0 - 1e-13], [0.5, 0.5], [[-1e6, 1.0], [2.0, 3.0]]
    lower, upper = sinkhorn(a, b, costs, 1000.0).certificate(exact=True)
    right = least_cost(shares(a), shares(b), [fractions(row) for row in costs])
    assert Fraction(lower) <= right <= Fraction(upper) and upper - lower < 1e-6
