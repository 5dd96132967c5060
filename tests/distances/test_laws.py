"""Laws that every solver obeys, over random problems."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from remblai import distances
from remblai.distances import stochastic
from remblai.distances.exact import METHODS
from remblai.distances.problem import Problem

EXACT = {
    "emd": distances.emd,
    **{name: lambda a, b, costs, name=name: distances.emd(a, b, costs, method=name) for name in METHODS},
}
ENTROPIC = {
    "sinkhorn": lambda a, b, costs: distances.sinkhorn(a, b, costs, 0.3, tolerance=1e-9),
    "sag": lambda a, b, costs: stochastic.discrete(a, b, costs, 0.3, tolerance=1e-9),
}
often = settings(max_examples=12, deadline=None, derandomize=True)


@some.composite
def problems(draw, square=False):
    n, m = draw(some.integers(1, 7)), draw(some.integers(1, 7))
    rng = np.random.default_rng(draw(some.integers(0, 10**6)))
    m = n if square else m
    a, b = rng.random(n) + 0.05, rng.random(m) + 0.05
    return a / a.sum(), b / b.sum(), rng.random((n, m)) * 3.0


@some.composite
def clouds(draw, count=2):
    d = draw(some.integers(1, 3))
    rng = np.random.default_rng(draw(some.integers(0, 10**6)))
    return [2.0 * rng.standard_normal((draw(some.integers(1, 7)), d)) for _ in range(count)]


def fits(name, a, b):
    even = len(a) == len(b) and np.ptp(a) == 0 and np.ptp(b) == 0
    return name != "assignment" or even


@pytest.fixture(params=[*EXACT, *ENTROPIC])
def solver(request):
    return request.param, (EXACT | ENTROPIC)[request.param]


@often
@given(problem=problems())
@pytest.mark.parametrize("name", [*EXACT, *ENTROPIC])
def test_marginals_duality_and_bounds(name, problem):
    a, b, costs = problem
    if not fits(name, a, b):
        a, b, costs = (np.full(len(a), 1 / len(a)),) * 2 + (np.resize(costs, (len(a), len(a))),)
    plan = (EXACT | ENTROPIC)[name](a, b, costs)
    tight = 1e-9 if name in EXACT else 1e-6
    assert plan.converged
    assert plan.coupling.min() >= 0.0
    assert np.abs(plan.coupling.sum(1) - a).sum() + np.abs(plan.coupling.sum(0) - b).sum() <= tight
    f, g = plan.potentials
    assert float(f @ a + g @ b) == pytest.approx(plan.value, abs=tight)
    lower, upper = plan.certificate()
    assert lower - 1e-12 <= plan.value <= upper + 1e-9
    assert upper - lower <= 1e-5
    if name in EXACT:
        assert (f[:, None] + g <= costs + 1e-9).all()
        assert plan.value == pytest.approx((plan.coupling * costs).sum(), abs=1e-9)
        return
    relative = plan.coupling / (a[:, None] * b)
    assert plan.value == pytest.approx((plan.coupling * (costs + 0.3 * np.log(relative))).sum(), abs=tight)


@often
@given(problem=problems())
@pytest.mark.parametrize("name", ["emd", *ENTROPIC])
def test_turning_shuffling_shifting_and_scaling(name, problem):
    a, b, costs = problem
    solve = (EXACT | ENTROPIC)[name]
    value, close = solve(a, b, costs).value, {"abs": 1e-6, "rel": 1e-6}
    assert solve(b, a, costs.T).value == pytest.approx(value, **close)
    rows, columns = np.random.default_rng(0).permutation(len(a)), np.random.default_rng(1).permutation(len(b))
    assert solve(a[rows], b[columns], costs[rows][:, columns]).value == pytest.approx(value, **close)
    assert solve(a, b, costs + 2.5).value == pytest.approx(value + 2.5, **close)
    if name == "emd":
        assert solve(a, b, 5.0 * costs).value == pytest.approx(5.0 * value, **close)


@often
@given(sets=clouds(3), p=some.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_wasserstein_is_a_metric_that_moves_and_scales_with_its_points(sets, p):
    x, y, z = sets
    w = distances.wasserstein
    assert w(x, y, p) == pytest.approx(w(y, x, p), abs=1e-7)
    assert w(x, x[::-1], p) == pytest.approx(0.0, abs=1e-6)
    assert w(x, z, p) <= w(x, y, p) + w(y, z, p) + 1e-7
    assert w(x, y, 1) <= w(x, y, p) + 1e-7
    assert w(3.0 * x, 3.0 * y, p) == pytest.approx(3.0 * w(x, y, p), abs=1e-6)
    assert w(x + 5.0, y + 5.0, p) == pytest.approx(w(x, y, p), abs=1e-6)
    shift = np.ones(x.shape[1])
    assert w(x, x + shift, p) == pytest.approx(np.linalg.norm(shift), abs=1e-7)


@often
@given(sets=clouds())
def test_the_sinkhorn_divergence_lies_between_nothing_and_transport(sets):
    x, y = sets
    found = distances.sinkhorn_divergence(x, y, 0.5).value
    assert found >= -1e-6
    assert distances.sinkhorn_divergence(y, x, 0.5).value == pytest.approx(found, abs=1e-5)
    assert distances.sinkhorn_divergence(x, x[::-1].copy(), 0.5).value == pytest.approx(0.0, abs=1e-6)
    shifted = distances.sinkhorn_divergence(x + 3.0, y + 3.0, 0.5).value
    assert shifted == pytest.approx(found, abs=1e-5)


@often
@given(problem=problems(), epsilon=some.sampled_from([0.05, 0.2, 1.0]))
def test_entropy_only_costs(problem, epsilon):
    a, b, costs = problem
    exact = distances.emd(a, b, costs).value
    plan = distances.sinkhorn(a, b, costs, epsilon, tolerance=1e-8)
    assert plan.cost >= exact - 1e-7
    assert plan.value >= exact - 1e-7
    assert plan.value <= a @ costs @ b + 1e-7
    lower, upper = plan.certificate(exact=True)
    assert lower - 1e-9 <= exact <= upper + 1e-9


@pytest.mark.parametrize("epsilon", [None, 0.4])
def test_the_gradient_is_the_finite_difference_of_the_value(epsilon):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, 2, generator=generator).double().requires_grad_() for n in (5, 6))
    a, b = (torch.rand(n, generator=generator).double() + 0.2 for n in (5, 6))
    a, b = (a / a.sum()).requires_grad_(), (b / b.sum()).requires_grad_()
    options = {} if epsilon is None else {"tolerance": 1e-12}

    def value(x, y, a, b):
        return distances.transport(x, y, a=a, b=b, epsilon=epsilon, **options).value

    slopes = torch.autograd.grad(value(x, y, a, b), (x, y, a, b))
    for k in range(4):
        way = torch.randn(slopes[k].shape, generator=generator).double()
        if k > 1:
            way -= way.mean()  # a change of the masses that keeps their total
        ends = []
        for step in (1e-5, -1e-5):
            moved = [one.detach() + (step * way if i == k else 0.0) for i, one in enumerate((x, y, a, b))]
            ends.append(float(value(*moved)))
        assert float((slopes[k] * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-8)


def test_a_problem_turned_has_its_plan_turned():
    a, b, costs = np.array([0.3, 0.7]), np.array([0.2, 0.5, 0.3]), np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 0.0]])
    turned = Problem.of_matrix(a, b, costs).flipped()
    assert turned.shape == (3, 2)
    np.testing.assert_allclose(turned.geometry.matrix(), costs.T)
    np.testing.assert_allclose(turned.a, b)
