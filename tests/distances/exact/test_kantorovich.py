import numpy as np
import pytest
import torch

from remblai.distances.exact import METHODS, c_transform, emd, improved, solve
from remblai.distances.exact.rubinstein import of_matrix
from remblai.distances.problem import Problem

P_R = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1])
P_T = np.array([0.1] * 6 + [0.4])
D = np.abs(np.subtract.outer(np.arange(7.0), np.arange(7.0)))
RNG = np.random.default_rng(0)
X, Y = torch.from_numpy(RNG.standard_normal((12, 3))), torch.from_numpy(RNG.standard_normal((12, 3)))


@pytest.mark.parametrize("method", [name for name in METHODS if name != "assignment"])
def test_every_method_finds_the_seven_points(method: str) -> None:
    plan = emd(P_R, P_T, D, method)
    assert plan.value == pytest.approx(0.9, abs=1e-12)
    assert plan.method == method
    assert plan.gap == pytest.approx(0.0, abs=1e-12)
    assert emd(P_R, P_T, D**2, method).value == pytest.approx(1.3, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_same_value_of_a_uniform_problem(method: str) -> None:
    problem = Problem.of_points(X, Y)
    assert float(solve(problem, method).value) == pytest.approx(float(solve(problem).value), rel=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cost", ["square", "euclidean"])
def test_the_gradient_in_the_points_is_the_finite_difference(method: str, cost: str) -> None:
    x = X.clone().requires_grad_()
    solve(Problem.of_points(x, Y, cost), method).value.backward()
    direction = torch.from_numpy(RNG.standard_normal((12, 3)))
    step = 1e-6
    ends = [float(solve(Problem.of_points(X + s * step * direction, Y, cost)).value) for s in (1, -1)]
    assert float((x.grad * direction).sum()) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("method", ["linear-program", "network-simplex", "column-generation"])
def test_the_gradient_in_masses_and_costs_is_the_finite_difference(method: str) -> None:
    rng = np.random.default_rng(4)
    a, b, C = (torch.from_numpy(one) for one in (rng.random(6), rng.random(8), rng.random((6, 8))))
    a, b = a / a.sum(), b / b.sum()
    given = [one.clone().requires_grad_() for one in (a, b, C)]
    emd(*given, method).value.backward()
    in_a, in_b, in_c = (torch.from_numpy(rng.standard_normal(one.shape)) for one in (a, b, C))
    in_a, in_b, step = in_a - in_a.mean(), in_b - in_b.mean(), 1e-6
    ends = [float(emd(a + s * in_a, b + s * in_b, C + s * in_c).value) for s in (step, -step)]
    slope = sum(float((one.grad * way).sum()) for one, way in zip(given, (in_a, in_b, in_c), strict=True))
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_order_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    a, b, C = rng.random(6), rng.random(8), rng.random((6, 8))
    a, b, i, j = a / a.sum(), b / b.sum(), rng.permutation(6), rng.permutation(8)
    assert emd(a[i], b[j], C[np.ix_(i, j)]).value == pytest.approx(emd(a, b, C).value, rel=1e-12)
    assert emd(b, a, C.T).value == pytest.approx(emd(a, b, C).value, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_one_point_each(method: str) -> None:
    assert emd([1.0], [1.0], [[3.0]], method).value == 3.0


def test_one_point_against_many() -> None:
    plan = emd([1.0], [0.25, 0.75], [[1, 3]])
    assert plan.value == pytest.approx(2.5)
    assert plan.coupling.sum() == pytest.approx(1.0)


def test_equal_laws_are_at_distance_zero() -> None:
    assert emd(P_R, P_R, D).value == 0.0
    assert emd(None, None, np.zeros((3, 4))).value == 0.0


def test_float32_masses_and_integer_costs_work() -> None:
    plan = emd(torch.tensor(P_R, dtype=torch.float32), P_T, D.astype(int))
    assert float(plan.value) == pytest.approx(0.9, abs=1e-6)


def test_large_problems_of_many_dimensions_go_to_column_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    assert solve(Problem.of_points(X, Y)).method == "network-simplex"
    monkeypatch.setattr("remblai.distances.exact.kantorovich.LARGE", 144)
    assert solve(Problem.of_points(X.tile(1, 2), Y.tile(1, 2))).method == "column-generation"
    assert emd(None, None, np.ones((12, 12))).method == "column-generation"
    assert solve(Problem.of_points(X, Y)).method == "network-simplex"


@pytest.mark.parametrize(
    ("a", "b", "C", "match"),
    [
        (None, None, [[np.nan, 1.0]], "NaN"),
        (None, None, np.full((2, 2), np.nan), "4 of 4"),
        ([-0.5, 1.5], None, np.eye(2), "below 0"),
        ([1.0, 1.0], None, np.eye(2), "normalise=True"),
        (None, None, np.zeros((0, 2)), "n, m >= 1"),
        (None, None, [[np.inf]], "cannot be served"),
    ],
)
def test_bad_input_is_refused(a, b, C, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        emd(a, b, C)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="network-simplex"):
        emd(P_R, P_T, D, "simplex")


def test_the_c_transform_is_the_least_difference() -> None:
    g = np.arange(7.0)
    expected = [min(D[i, j] - g[j] for j in range(7)) for i in range(7)]
    assert c_transform(D, g) == pytest.approx(expected)
    assert isinstance(c_transform(torch.from_numpy(D), g), torch.Tensor)
    held = Problem.of_matrix(np.full(7, 1 / 7), [0.5, 0.5, 0, 0, 0, 0, 0], D)
    assert float(c_transform(held, g)[3]) == pytest.approx(min(3.0, 2.0 - 1.0))


def test_sweeps_of_c_transforms_raise_the_dual_value() -> None:
    rng = np.random.default_rng(8)
    C, g = rng.random((9, 7)), rng.standard_normal(7)
    values = []
    for sweeps in range(3):
        f, better = improved(C, g, sweeps)
        assert (f[:, None] + better <= C + 1e-12).all()
        values.append(f.mean() + better.mean())
    assert values[0] < values[1] <= values[2] + 1e-12
    assert values[2] <= emd(None, None, C).value + 1e-12


def test_a_potential_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(7,\)"):
        c_transform(D, np.zeros(6))
    with pytest.raises(ValueError, match="finite"):
        improved(D, np.full(7, np.nan))


def test_the_one_potential_of_kantorovich_and_rubinstein_has_the_same_value() -> None:
    assert of_matrix(P_R, P_T, D).value == pytest.approx(emd(P_R, P_T, D).value, rel=1e-12)
