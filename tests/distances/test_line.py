import math

import numpy as np
import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

from remblai.costs import Huber, Power
from remblai.distances import line, monotone

few = settings(max_examples=25, deadline=None, derandomize=True)
POWERS = (1.0, 1.5, 2.0, 3.0)
powers = pytest.mark.parametrize("p", POWERS)
Law = tuple[np.ndarray, np.ndarray]


@st.composite
def laws(draw: st.DrawFn, count: int = 2) -> list[Law]:
    """Places with ties and repeated points, masses with zeros."""
    found = []
    for _ in range(count):
        n = draw(st.integers(1, 8))
        places = draw(st.lists(st.integers(-6, 6), min_size=n, max_size=n))
        masses = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n).filter(any))
        weights = np.array(masses, float)
        found.append((np.array(places) / 2.0, weights / weights.sum()))
    return found


def least(a: np.ndarray, b: np.ndarray, costs: np.ndarray) -> float:
    """The linear program of transport, by HiGHS."""
    n, m = costs.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    return float(linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b])).fun)


@powers
@given(two=laws())
@few
def test_the_value_is_the_linear_programs(p: float, two: list[Law]) -> None:
    (x, a), (y, b) = two
    truth = least(a, b, np.abs(x[:, None] - y) ** p)
    assert line.transport_cost(x, y, p, a, b) == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize("cost", ["square", "euclidean", "manhattan", "huber", Power(2.5), Huber(0.7), 1.7])
@given(two=laws())
@few
def test_the_plan_is_feasible_and_its_potentials_prove_it(cost: object, two: list[Law]) -> None:
    (x, a), (y, b) = two
    found = line.plan(x, y, cost, a, b)
    costs = monotone.convex(cost).matrix(torch.from_numpy(x)[:, None], torch.from_numpy(y)[:, None]).numpy()
    assert found.value == pytest.approx(least(a, b, costs), abs=1e-9)
    np.testing.assert_allclose(found.coupling.sum(1), a, atol=1e-14)
    np.testing.assert_allclose(found.coupling.sum(0), b, atol=1e-14)
    f, g = found.potentials
    slack = costs - f[:, None] - g
    assert slack.min() > -1e-12
    rows, columns, masses = found.entries
    assert np.abs(slack[rows, columns]).max() < 1e-12
    assert 1 <= len(masses) <= len(x) + len(y) - 1
    lower, upper = found.certificate()
    assert lower - 1e-12 <= found.value <= upper + 1e-12
    assert upper - lower < 1e-11


def test_scipy_and_pot_agree_at_size() -> None:
    draw = np.random.default_rng(0)
    x, y, a, b = draw.standard_normal(3000), draw.standard_normal(2000) + 1, draw.random(3000), draw.random(2000)
    a, b = a / a.sum(), b / b.sum()
    assert line.transport_cost(x, y) == pytest.approx(wasserstein_distance(x, y), rel=1e-12)
    assert line.transport_cost(x, y, 1, a, b) == pytest.approx(wasserstein_distance(x, y, a, b), rel=1e-12)
    assert line.transport_cost(x, y, 2, a, b) == pytest.approx(ot.emd2_1d(x, y, a, b), rel=1e-12)
    assert line.transport_cost(x, y[:1000].repeat(3), 2) == pytest.approx(ot.emd2_1d(x, y[:1000]), rel=1e-12)
    assert line.plan(x, y, 2, a, b).value == pytest.approx(ot.emd2_1d(x, y, a, b), rel=1e-12)


@powers
def test_sorted_pairs_are_the_weighted_route(p: float) -> None:
    x, y = np.random.default_rng(1).standard_normal((2, 50))
    even = np.full(50, 1 / 50)
    assert line.transport_cost(x, y, p) == pytest.approx(line.transport_cost(x, y, p, even, even), rel=1e-12)
    assert line.transport_cost(np.sort(x), np.sort(y)[::-1].copy(), p) == pytest.approx(line.transport_cost(x, y, p))


def test_the_seven_point_example() -> None:
    place = np.arange(7)
    r, t = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1]), np.array([0.1] * 6 + [0.4])
    assert line.transport_cost(place, place, 1, r, t) == pytest.approx(0.9)
    assert line.transport_cost(place, place, 2, r, t) == pytest.approx(1.3)


@powers
@given(two=laws(), shift=st.integers(-5, 5), scale=st.integers(-3, 3))
@few
def test_translation_scaling_symmetry_and_mass(p: float, two: list[Law], shift: int, scale: int) -> None:
    (x, a), (y, b) = two
    value = line.transport_cost(x, y, p, a, b)
    assert line.transport_cost(x + shift, y + shift, p, a, b) == pytest.approx(value, abs=1e-12)
    assert line.transport_cost(scale * x, scale * y, p, a, b) == pytest.approx(abs(scale) ** p * value, abs=1e-9)
    assert line.transport_cost(y, x, p, b, a) == pytest.approx(value, abs=1e-12)
    assert line.transport_cost(x, y, p, 3 * a, 2 * b, normalise=True) == pytest.approx(value, abs=1e-12)
    assert line.transport_cost(x, x, p, a, a) == 0.0


@powers
@given(three=laws(3))
@few
def test_the_root_obeys_the_triangle(p: float, three: list[Law]) -> None:
    def distance(i: int, j: int) -> float:
        return float(line.transport_cost(three[i][0], three[j][0], p, three[i][1], three[j][1]) ** (1 / p))

    assert distance(0, 2) <= distance(0, 1) + distance(1, 2) + 1e-9


@powers
@given(two=laws())
@few
def test_the_value_is_the_integral_of_the_quantiles(p: float, two: list[Law]) -> None:
    (x, a), (y, b) = two
    u = (np.arange(20_000) + 0.5) / 20_000
    gap = np.abs(line.quantile(x, u, a) - line.quantile(y, u, b)) ** p
    assert line.transport_cost(x, y, p, a, b) == pytest.approx(gap.mean(), abs=16 * 6**p / 20_000)


def test_quantiles_and_the_distribution_function_invert_each_other() -> None:
    x, a = [3.0, 1.0, 2.0, 9.0], [0.7, 0.1, 0.2, 0.0]
    assert [line.quantile(x, q, a) for q in (0, 0.1, 0.11, 0.3, 0.31, 1)] == [1, 1, 2, 2, 3, 3]
    np.testing.assert_allclose(line.cdf(x, [0.9, 1.0, 2.5, 3.0, 8.0], a), [0, 0.1, 0.3, 1, 1])
    assert line.quantile(range(1, 11), 0.3) == 3.0
    assert isinstance(line.quantile(torch.tensor(x), 0.5), torch.Tensor)
    with pytest.raises(ValueError, match=r"levels in \[0, 1\]"):
        line.quantile(x, 1.5)


@powers
def test_gradients_are_those_of_finite_differences(p: float) -> None:
    draw = np.random.default_rng(2)
    given = [draw.standard_normal(5), draw.standard_normal(4), draw.random(5), draw.random(4)]
    given[2:] = [one / one.sum() for one in given[2:]]
    tensors = [torch.from_numpy(one).requires_grad_() for one in given]
    found = torch.autograd.grad(line.transport_cost(tensors[0], tensors[1], p, *tensors[2:]), tensors)
    for place, slope in enumerate(found):
        move = draw.standard_normal(given[place].shape)
        move = 1e-6 * (move - move.mean())  # masses keep their sum
        ends = [[one + s * move if i == place else one for i, one in enumerate(given)] for s in (1, -1)]
        truth = (
            line.transport_cost(*ends[0][:2], p, *ends[0][2:]) - line.transport_cost(*ends[1][:2], p, *ends[1][2:])
        ) / 2
        assert float(slope.numpy() @ move) == pytest.approx(truth, rel=1e-5, abs=1e-13)


def test_the_unweighted_gradient_is_of_the_sorted_pairs() -> None:
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    value = line.transport_cost(x, [0.0, 0.0, 0.0], 2)
    value.backward()
    torch.testing.assert_close(x.grad, 2 * x.detach() / 3)
    with torch.no_grad():
        assert not line.transport_cost(x, [0.0, 0.0, 0.0], 2).requires_grad


def test_shapes_and_dtypes() -> None:
    x, y = np.random.default_rng(3).standard_normal((2, 30))
    value = line.transport_cost(x, y, 2)
    assert isinstance(value, float)
    assert line.transport_cost(x[:, None], y, 2) == value
    mixed = line.transport_cost(torch.from_numpy(x).float(), y, 2)
    assert mixed.dtype == torch.float64 and mixed.shape == ()
    assert float(mixed) == pytest.approx(value, rel=1e-5)
    assert line.transport_cost(x.astype(np.float32), y.astype(np.float32), 1) == pytest.approx(
        line.transport_cost(x.astype(np.float32).astype(float), y.astype(np.float32).astype(float), 1), rel=1e-14
    )
    assert line.transport_cost([0, 2], [5, 1], 1) == 2.0
    assert line.transport_cost([1.0], [4.0], 2) == 9.0
    assert line.transport_cost([[1.0]], [4.0, 6.0], 2) == pytest.approx(17.0)
    before = x.copy()
    line.transport_cost(x, y, 2)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("solve", [line.transport_cost, line.plan])
@pytest.mark.parametrize(
    ("x", "y", "cost", "masses", "says"),
    [
        ([0.0, math.nan], [1.0, 2.0], 2, {}, "x: expected finite"),
        ([math.nan, math.nan], [1.0, 2.0], 2, {}, "2 of 2"),
        ([0.0, 1.0], [-math.inf, 2.0], 2, {}, "y: expected finite"),
        ([0.0, 1.0], [1.0, math.nan, 0.0], 2, {}, "y: expected finite"),
        ([], [1.0], 2, {}, "n >= 1"),
        ([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]], 2, {}, r"x.reshape\(-1\)"),
        ([0.0], [[1.0, 2.0]], 2, {}, r"got shape \(1, 2\)"),
        (1.0, [1.0], 2, {}, "points on the line"),
        ([0.0], [1.0], 0.5, {}, "1 <= p"),
        ([0.0], [1.0], math.nan, {}, "1 <= p"),
        ([0.0], [1.0], "hamming", {}, "convex function"),
        ([0.0], [1.0], "squared", {}, "called 'square'"),
        ([0.0, 1.0], [1.0, 2.0], 2, {"a": [1.5, -0.5]}, "below 0"),
        ([0.0, 1.0], [1.0, 2.0], 2, {"a": [1.0, 1.0]}, "sum of 1, got 2: pass normalise=True"),
        ([0.0, 1.0], [1.0, 2.0], 2, {"b": [1.0]}, r"shape \(2,\)"),
        ([0.0, 1.0], [1.0, 2.0], 2, {"b": [0.0, 0.0]}, "positive total"),
        (["a"], [1.0], 2, {}, "real numbers"),
        ([0.0], [1.5e154], 2, {}, "costs within float64, got a distance .* 1.5e\\+154"),
        ([0.0], [1e200], 2, {}, "costs within float64, got a distance .* 1e\\+200"),
        ([0.0, 1.0], [1e200, 0.0], 2, {"a": [0.5, 0.5]}, "costs within float64"),
        ([-1e308], [1e308], 1, {}, "costs within float64"),
    ],
)
def test_bad_input_is_refused(solve: object, x: object, y: object, cost: object, masses: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        solve(x, y, cost, **masses)  # type: ignore[operator]
