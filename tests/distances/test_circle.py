import math
from fractions import Fraction

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.distances.exact.rational import fractions, least_cost

from remblai.distances import circle

few = settings(max_examples=25, deadline=None, derandomize=True)
powers = pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
Law = tuple[np.ndarray, np.ndarray]


@st.composite
def laws(draw: st.DrawFn, count: int = 2) -> list[Law]:
    found = []
    for _ in range(count):
        n = draw(st.integers(1, 8))
        turns = draw(st.lists(st.integers(0, 23), min_size=n, max_size=n))
        masses = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n).filter(any))
        weights = np.array(masses, float)
        found.append((np.array(turns) / 24.0, weights / weights.sum()))
    return found


def least(a: np.ndarray, b: np.ndarray, costs: np.ndarray) -> float:
    n, m = costs.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    return float(linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b])).fun)


@powers
@given(two=laws())
@few
def test_the_value_is_the_linear_programs(p: float, two: list[Law]) -> None:
    (x, a), (y, b) = two
    gap = np.abs(x[:, None] - y)
    truth = least(a, b, np.minimum(gap, 1 - gap) ** p)
    assert circle.transport_cost(x, y, p, a, b) == pytest.approx(truth, abs=1e-10)


def test_pot_agrees_at_size() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.random(2000), draw.random(1500) ** 3
    for p in (1, 2):
        assert circle.transport_cost(x, y, p) == pytest.approx(float(ot.wasserstein_circle(x, y, p=p)[0]), rel=1e-7)


@powers
@given(two=laws(), turn=st.floats(-3, 3))
@few
def test_a_rotation_a_reflection_and_a_swap_change_nothing(p: float, two: list[Law], turn: float) -> None:
    (x, a), (y, b) = two
    value = circle.transport_cost(x, y, p, a, b)
    for other in ((x + turn, y + turn, p, a, b), (-x, -y, p, a, b), (y, x, p, b, a)):
        assert circle.transport_cost(*other) == pytest.approx(value, abs=1e-10)
    assert circle.transport_cost(x, y, p, 2 * a, 3 * b, normalise=True) == pytest.approx(value, abs=1e-10)
    assert circle.transport_cost(x, x + 1, p, a, a) == pytest.approx(0.0, abs=1e-12)


@powers
@given(three=laws(3))
@few
def test_the_root_obeys_the_triangle(p: float, three: list[Law]) -> None:
    def distance(i: int, j: int) -> float:
        value = circle.transport_cost(three[i][0], three[j][0], p, three[i][1], three[j][1])
        return float(max(value, 0.0) ** (1 / p))

    assert distance(0, 2) <= distance(0, 1) + distance(1, 2) + 1e-5


def test_points_go_the_short_way() -> None:
    assert circle.transport_cost([0.05], [0.95], 2) == pytest.approx(0.01)
    assert circle.transport_cost([0.0], [0.5], 1) == pytest.approx(0.5)
    assert circle.transport_cost([-1e-18], [0.0], 1) == pytest.approx(0.0, abs=1e-15)


def test_the_gradient_is_that_of_finite_differences() -> None:
    draw = np.random.default_rng(1)
    given = [draw.random(6), draw.random(5)]
    tensors = [torch.from_numpy(one).requires_grad_() for one in given]
    value = circle.transport_cost(tensors[0], tensors[1], 2)
    assert value.dtype == torch.float64 and value.shape == ()
    found = torch.autograd.grad(value, tensors)
    for place, slope in enumerate(found):
        move = 1e-6 * draw.standard_normal(given[place].shape)
        ends = [[one + s * move if i == place else one for i, one in enumerate(given)] for s in (1, -1)]
        truth = (circle.transport_cost(*ends[0], 2) - circle.transport_cost(*ends[1], 2)) / 2
        assert float(slope.numpy() @ move) == pytest.approx(truth, rel=1e-5)


@pytest.mark.parametrize(
    ("x", "y", "p", "a", "says"),
    [
        ([0.1, math.nan], [0.2], 2, None, "x: expected finite"),
        ([0.1], [math.inf], 2, None, "y: expected finite"),
        ([], [0.1], 2, None, "n >= 1"),
        ([[0.1, 0.2]], [0.1], 2, None, "reshape"),
        ([0.1], [0.2], 0.9, None, "1 <= p"),
        ([0.1], [0.2], 501, None, "at most 500"),
        ([0.1], [0.2], 1, [-1.0], "below 0"),
        ([0.1], [0.2], 1, [2.0], "sum of 1, got 2: pass normalise=True"),
        ([0.1], [0.2], 1, torch.ones(1, requires_grad=True), "detach"),
    ],
)
def test_bad_input_is_refused(x: object, y: object, p: float, a: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        circle.transport_cost(x, y, p, a)


def test_a_negligible_mass_changes_nothing() -> None:
    assert circle.transport_cost([0.61], [0.535, 0.53], 2.0, None, [1.0, 1e-20]) == pytest.approx(0.075**2, rel=1e-12)
    assert circle.transport_cost([0.61], [0.53, 0.535], 2.0, None, [1e-300, 1.0]) == pytest.approx(0.075**2, rel=1e-12)


@powers
@given(two=laws(), at=st.floats(0, 1), mass=st.sampled_from([1e-16, 1e-17, 1e-20, 1e-100, 5e-324]))
@few
def test_an_atom_of_negligible_mass_changes_nothing(p: float, two: list[Law], at: float, mass: float) -> None:
    (x, a), (y, b) = two
    value = circle.transport_cost(x, y, p, a, b)
    found = circle.transport_cost(x, np.append(y, at), p, a, np.append(b, mass))
    assert found == pytest.approx(value, abs=1e-12)


@powers
def test_a_steep_power_of_two_points_is_their_distances(p: float) -> None:
    assert circle.transport_cost([0.1], [0.6], 400.0) == pytest.approx(0.5**400, rel=1e-12)


@pytest.mark.parametrize("p", [3, 30, 60, 120, 200])
def test_a_large_power_is_that_of_rational_arithmetic(p: int) -> None:
    rng = np.random.default_rng(p)
    for _ in range(60):
        n, m = rng.integers(1, 6, 2)
        x, y = rng.random(n), rng.random(m)
        a, b = (rng.multinomial(16, np.full(k, 1.0 / k)) / 16.0 for k in (n, m))
        gaps = [[abs(u - v) for v in fractions(y)] for u in fractions(x)]
        costs = [[min(gap, 1 - gap) ** p for gap in row] for row in gaps]
        truth = least_cost(fractions(a), fractions(b), costs)
        if truth > Fraction(1, 10**300):
            assert circle.transport_cost(x, y, p, a, b) == pytest.approx(float(truth), rel=1e-9)


def test_a_large_power_of_points_on_both_sides_is_that_of_the_short_ways() -> None:
    assert circle.transport_cost([0.1], [0.95, 0.0], 100.0) == pytest.approx(0.5 * 0.15**100 + 0.5 * 0.1**100, rel=1e-9)
    assert circle.transport_cost([0.0], [0.9, 0.1], 60.0) == pytest.approx(1e-60, rel=1e-9)
