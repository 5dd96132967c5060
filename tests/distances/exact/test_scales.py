"""Costs, points and masses of any size against rational arithmetic: the value, and bounds that hold it."""

import warnings
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.optimize import linear_sum_assignment
from tests.distances.exact.rational import INFINITY, fractions, least_cost, shares, square_costs

from remblai.distances import emd, transport
from remblai.distances.exact import METHODS

often = settings(max_examples=25, deadline=None, derandomize=True)
EXACT = 1e-9
ROUNDING = 1e-17
"""Of the masses: it counts where a cost is that much larger than the value."""
"""How far a value may be from the truth, relative to the cost of the plan."""


@some.composite
def problems(draw, uniform=False):
    """Masses and costs whose sizes lie anywhere between 1e-12 and 1e12, or are mixed."""
    n = draw(some.integers(1, 5))
    m = n if uniform else draw(some.integers(1, 5))
    rng = np.random.default_rng(draw(some.integers(0, 10**6)))
    costs = rng.random((n, m)) * 10.0 ** draw(some.integers(-12, 12))
    kind = draw(some.sampled_from(["one scale", "every scale", "two scales", "rows and columns", "a far place"]))
    if kind == "every scale":
        costs = 10.0 ** rng.uniform(-12, 12, (n, m))
    if kind == "two scales":
        costs = np.where(rng.random((n, m)) < 0.5, costs, costs * 1e12)
    if kind == "rows and columns":
        costs = rng.random((n, m)) + 10.0 ** rng.uniform(-6, 6, (n, 1)) + 10.0 ** rng.uniform(-6, 6, m)
    if kind == "a far place":
        costs[0], costs[:, 0] = 1e16 * (1 + rng.random(m)), 1e16 * (1 + rng.random(n))
        costs[0, 0] = rng.random()
    a, b = (np.full(k, 1.0 / k) if uniform else rng.integers(1, 9, k).astype(float) for k in (n, m))
    return (a, b, costs) if uniform else (a / a.sum(), b / b.sum(), costs)


def truth(a, b, costs) -> Fraction:
    exact = [[INFINITY if np.isinf(cost) else Fraction(float(cost)) for cost in row] for row in costs]
    return least_cost(shares(a), shares(b), exact)


def check(plan, a, b, right: Fraction, relative: float = EXACT, largest: float = 0.0) -> None:
    lower, upper = plan.certificate()
    assert lower <= plan.value <= upper
    for masses in (a, b):  # their totals differ by rounding
        assert Fraction(lower) <= right * sum(fractions(masses)) <= Fraction(upper)
    assert plan.value == pytest.approx(float(right * sum(fractions(a))), rel=relative, abs=0.0)
    assert plan.converged
    assert upper - lower <= max(relative, 1e-12) * upper + ROUNDING * largest


@pytest.mark.parametrize("seed", range(20))
def test_the_truth_is_that_of_all_permutations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = [fractions(row) for row in 10.0 ** rng.uniform(-3, 3, (4, 4))]
    by_hand = min(sum(costs[i][p[i]] for i in range(4)) for p in permutations(range(4))) / 4
    assert least_cost([Fraction(1, 4)] * 4, [Fraction(1, 4)] * 4, costs) == by_hand


@pytest.mark.parametrize("method", [name for name in METHODS if name != "assignment"])
@often
@given(problem=problems())
def test_every_method_is_right_at_every_scale(method: str, problem) -> None:
    a, b, costs = problem
    check(emd(a, b, costs, method), a, b, truth(a, b, costs), largest=float(costs.max()))


@pytest.mark.parametrize("method", METHODS)
@often
@given(problem=problems(uniform=True))
def test_every_method_is_right_at_every_scale_of_uniform_problems(method: str, problem) -> None:
    a, b, costs = problem
    check(emd(a, b, costs, method), a, b, truth(a, b, costs), largest=float(costs.max()))


@often
@given(problem=problems(), shift=some.floats(-1e6, 1e6), seed=some.integers(0, 10**6))
def test_bounds_hold_for_masses_and_costs_of_any_sign_and_size(problem, shift: float, seed: int) -> None:
    a, b, costs = problem
    rng = np.random.default_rng(seed)
    a, b = (10.0 ** rng.uniform(-12, 0, len(one)) for one in (a, b))
    a, b, costs = a / a.sum(), b / b.sum(), costs - shift
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = emd(a, b, costs)
    lower, upper = plan.certificate()
    assert lower <= plan.value <= upper
    for masses in (a, b):
        assert Fraction(lower) <= truth(a, b, costs) * sum(fractions(masses)) <= Fraction(upper)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@often
@given(seed=some.integers(0, 10**6), scale=some.integers(-12, 12), far=some.sampled_from([0.0, 1e6, 1e8, 1e12]))
def test_points_of_any_scale_with_a_far_pair(dtype, seed: int, scale: int, far: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = (rng.random((4, 2)) * 10.0**scale for _ in range(2))
    x[0, 0], y[0, 0] = (x[0, 0] + far, y[0, 0] + far) if far else (x[0, 0], y[0, 0])
    x, y = x.astype(dtype), y.astype(dtype)
    costs = square_costs(x, y)
    check(transport(x, y), np.ones(1), np.ones(1), least_cost([Fraction(1, 4)] * 4, [Fraction(1, 4)] * 4, costs))


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("far", [1e4, 1e6, 1e7, 1e8, 1e9, 1e12])
def test_a_far_point_in_each_set_does_not_move_the_others(far: float, method: str) -> None:
    """GUDHI issue 465: 60 points in the plane and one far point in each set."""
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 2)), rng.random((60, 2))
    x[0], y[0] = [far, 0.0], [far, 0.5]
    costs = np.array([[((p - q) ** 2).sum() for q in y] for p in x])
    right = costs[linear_sum_assignment(costs)].mean()
    plan = transport(x, y, method=method)
    assert right == pytest.approx(0.0237871, rel=1e-5)
    assert plan.value == pytest.approx(right, rel=1e-9)
    lower, upper = plan.certificate()
    assert lower <= plan.value <= upper <= lower + 1e-9


@pytest.mark.parametrize("method", [name for name in METHODS if name != "assignment"])
@pytest.mark.parametrize("large", [1e12, 1e16, 1e32, 1e100, np.inf])
def test_forbidden_pairs_may_be_written_as_huge_costs(large: float, method: str) -> None:
    """POT issue 229."""
    costs = np.array(
        [
            [250.275352, 374.653218, 2413.52736, large, 1.5e-3],
            [213.08, 328.81, 2294.88, large, 0.137],
            [197.33, 309.18, 2242.5, large, 2.465],
            [large, large, large, 5.262, large],
            [38.469, 80.947, 333.06, large, 0.0],
        ]
    )
    masses = [0.125, 0.125, 0.125, 0.125, 0.5]
    plan = emd(masses, masses, costs, method)
    assert 8.0 * plan.value == pytest.approx(460.3415, abs=1e-6)
    check(plan, masses, masses, truth(masses, masses, costs))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("large", [1e12, 1e14, 1e30])
def test_many_huge_costs(large: float, share: float) -> None:
    rng = np.random.default_rng(0)
    costs = rng.random((60, 60))
    costs[rng.random((60, 60)) < share] = large
    assert emd(None, None, costs).value == pytest.approx(costs[linear_sum_assignment(costs)].mean(), rel=1e-9)


def test_a_place_without_mass_does_not_matter_wherever_it_is() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.random((30, 2)), rng.random((20, 2))
    a = np.r_[np.full(30, 1 / 30), 0.0]
    plan = transport(np.r_[x, [[1e8, 0.0]]], y, a=a)
    assert plan.value == pytest.approx(transport(x, y).value, rel=1e-12)
    assert plan.marginal_error < 1e-12


def test_masses_in_float32_count_as_rounded() -> None:
    a, b = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1], "f4"), np.array([0.1] * 6 + [0.4], "f4")
    costs = np.abs(np.subtract.outer(np.arange(7.0), np.arange(7.0)))
    lower, upper = emd(a, b, costs).certificate()
    assert lower <= 0.9 <= upper <= lower + 2e-6
    lower, upper = emd([0.5, 0.5], [0.5, 0.5], np.array([[0.9, 1.0], [0.8, 0.9]], "f4")).certificate()
    assert Fraction(lower) <= Fraction(9, 10) <= Fraction(upper)
    assert upper <= lower + 2e-7
    even = np.full(7, 1 / 7, "f4")
    assert emd(even, even, costs).gap < 1e-14


NEARLY = {
    "one stays": (
        [5, 15, 1, 10],
        [1, 10, 5, 10, 5],
        [[9.0, 9, 10, 4, 4], [4, 10, 5, 5, 5], [0, 18, 13, 1, 1], [9, 9, 4, 10, 10]],
    ),
    "one on each side": ([5, 1, 5], [1, 5, 5], [[2.0, 5, 2], [0, 10, 9], [1, 8, 1]]),
}
"""Masses of which a 1 stays and any other number is so many fifths of a small mass; costs."""


@pytest.mark.parametrize("method", [name for name in METHODS if name != "assignment"])
@pytest.mark.parametrize("case", NEARLY)
@pytest.mark.parametrize("small", [1e-12, 1e-17, 1e-40, 1e-300, 5e-324])
def test_masses_of_nearly_nothing_beside_one(method: str, case: str, small: float) -> None:
    """Nearly all of the mass stays in place, so that costs are huge beside the value: caps went up and down forever."""
    first, second, costs = NEARLY[case]
    a, b = ([1.0 if one == 1 else one / 5 * small for one in side] for side in (first, second))
    check_narrow(emd(a, b, costs, method, normalise=True), truth(a, b, costs))


def check_narrow(plan, right: Fraction) -> None:
    """The value to rounding, and an interval no wider than that; float64 has no more digits below 2^-1022."""
    lower, upper = plan.certificate()
    assert Fraction(lower) <= right <= Fraction(upper)
    assert lower <= plan.value <= upper
    assert plan.converged
    assert plan.value == pytest.approx(float(right), rel=1e-9, abs=1e-320)
    assert upper - lower <= 1e-9 * upper + 1e-320


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("small", [1e-10, 1e-17, 1e-40, 1e-300])
def test_small_masses_beside_large_ones_that_stay(small: float, seed: int) -> None:
    """The sums of large and small masses are the large ones in float64, so that dividing by totals loses the small."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(3, 9, 2)
    large = rng.random(min(n, m))
    a, b = (rng.integers(0, 9, size) * small for size in (n, m))
    a[: len(large)] += large
    b[: len(large)] += rng.permutation(large) if seed % 2 else large
    costs = rng.random((n, m)) * 10.0 ** rng.integers(-9, 9)
    np.fill_diagonal(costs, 0.0)
    check_narrow(emd(a, b, costs, normalise=True), truth(a, b, costs))
    # points are exact, their costs are rounded: copies of a place stay where they are
    places = rng.integers(0, 4, (max(n, m), 2)) * 2.0 ** rng.integers(-20, 20)
    right = least_cost(shares(a), shares(b), square_costs(places[:n], places[:m]))
    check_narrow(transport(places[:n], places[:m], a=a, b=b, normalise=True), right)


def test_masses_lost_in_a_sum_count_where_their_costs_are_huge() -> None:
    a, b, costs = [0.5, 0.5, 3e-20], [0.5 + 1e-20, 0.5, 2e-20], [[0.0, 1.0, 1e18], [1.0, 0.0, 1e20], [1e19, 1e20, 0.0]]
    check_narrow(emd(a, b, costs, normalise=True), truth(a, b, costs))
