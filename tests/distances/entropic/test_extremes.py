"""Masses, costs and epsilons of very different sizes, against a plain Sinkhorn iteration in extended precision."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from remblai import distances
from remblai.distances.entropic.balanced import sinkhorn
from remblai.distances.entropic.batched import batch

INF = np.inf
often = settings(max_examples=25, deadline=None, derandomize=True)


def log_sum(z, axis):
    top = z.max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return (np.log(np.exp(z - top).sum(axis, keepdims=True)) + top).squeeze(axis)


def plain(a, b, costs, epsilon, passes=400):
    """Bounds of the optimum by Sinkhorn's iteration on the places with mass, in the log domain and long doubles.

    The semi-dual at the last potential is the lower bound; the upper bound is the primal value of the plan that
    rounding makes feasible (Altschuler, Weed, Rigollet, 2017, algorithm 2).
    """
    costs = np.asarray(costs, np.longdouble)[a > 0][:, b > 0]
    a, b = (np.asarray(one[one > 0], np.longdouble) for one in (a, b))
    a, b = a / a.sum(), b / b.sum()
    g = np.zeros_like(b)
    for level in [epsilon * 4.0**k for k in range(6, -1, -1)]:
        for _ in range(passes if level == epsilon else 20):
            f = -level * log_sum(np.log(b) + (g - costs) / level, 1)
            g = -level * log_sum(np.log(a)[:, None] + (f[:, None] - costs) / level, 0)
    f = -epsilon * log_sum(np.log(b) + (g - costs) / epsilon, 1)
    plan = a[:, None] * b * np.exp((f[:, None] + g - costs) / epsilon)
    plan = plan * np.minimum(1.0, a / plan.sum(1))[:, None]
    plan = plan * np.minimum(1.0, b / plan.sum(0))
    rows, columns = a - plan.sum(1), b - plan.sum(0)
    if rows.sum() > 0:
        plan = plan + rows[:, None] * columns / rows.sum()
    carried = plan > 0
    entropy = (plan[carried] * np.log((plan / (a[:, None] * b))[carried])).sum()
    return float(a @ f + b @ g), float((plan[carried] * costs[carried]).sum() + epsilon * entropy)


def reaches(a, b, plan):
    return np.abs(plan.sum(1) - a).sum() + np.abs(plan.sum(0) - b).sum()


@some.composite
def problems(draw, n=None, m=None):
    n, m = n or draw(some.integers(1, 5)), m or draw(some.integers(1, 5))
    rng = np.random.default_rng(draw(some.integers(0, 10**6)))
    a, b = rng.random(n) + 0.05, rng.random(m) + 0.05
    for masses in (a, b):  # the first place stays, and has more than half
        masses[1:] *= 10.0 ** np.array([draw(some.sampled_from([0, 0, -6, -20, -45])) for _ in masses[1:]])
        masses[0] = max(masses[0], 1.5 * masses[1:].sum())
    costs = rng.random((n, m))
    if draw(some.booleans()):
        costs *= 10.0 ** rng.integers(-8, 9, size=m)
    if draw(some.booleans()):  # row 0 and column 0 alone carry a plan
        costs[1:, 1:][rng.random((n - 1, m - 1)) < 0.5] = INF
    costs *= 10.0 ** draw(some.sampled_from([-8, 0, 8]))
    a, b = a / a.sum(), b / b.sum()
    mean = (a[:, None] * b * np.where(np.isinf(costs), 0.0, costs)).sum()
    return a, b, costs, mean * draw(some.sampled_from([0.005, 0.05, 1.0, 10.0]))


def check(a, b, costs, epsilon, value, plan, error):
    scale = costs[np.isfinite(costs)].max() + epsilon  # forbidden pairs give potentials of the order of epsilon
    assert np.isfinite(plan).all()
    assert plan.min() >= 0.0
    assert error == pytest.approx(reaches(a, b, plan), abs=1e-12)
    assert (plan[np.isinf(costs)] == 0.0).all()
    lower, upper = plain(a, b, costs, epsilon)
    assert lower - 2e-6 * scale <= value <= upper + 1e-9 * scale


@often
@given(problem=problems())
def test_the_value_and_the_reported_error_are_right_at_any_scale(problem):
    a, b, costs, epsilon = problem
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = sinkhorn(a, b, costs, epsilon)
    assert plan.converged
    check(a, b, costs, epsilon, plan.value, plan.coupling, plan.marginal_error)
    assert float(plan.f[a > 1e-20] @ a[a > 1e-20] + plan.g[b > 1e-20] @ b[b > 1e-20]) == pytest.approx(plan.value)


@settings(often, max_examples=6, phases=[Phase.generate])
@given(first=problems(3, 4), second=problems(3, 4))
def test_batches_are_right_at_any_scale(first, second):
    a, b, costs = (np.stack(pair) for pair in zip(first[:3], second[:3], strict=True))
    for epsilon in {first[3], second[3]}:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one epsilon serves both: far too small for the other, it may not converge
            found = batch(a, b, costs, epsilon, max_iterations=300)
        plans = found.couplings(a, b, costs, epsilon)
        for i in range(2):
            assert found.marginal_errors[i] == pytest.approx(reaches(a[i], b[i], plans[i]), abs=1e-12)
            assert found.converged[i] == (found.marginal_errors[i] <= 1e-6)
            if found.converged[i]:
                check(a[i], b[i], costs[i], epsilon, found.values[i], plans[i], found.marginal_errors[i])


def test_a_mass_of_1e_45_moves_nothing():
    a, b, costs = np.array([0.5, 0.5]), np.array([1e-45, 1.0]), np.array([[0.0, 2.0], [1.0, 2.0]])
    plan = sinkhorn(a, b, costs, 0.005)
    assert plan.converged
    assert plan.value == pytest.approx(2.0, abs=1e-12)
    assert plan.coupling == pytest.approx(np.array([[0.0, 0.5], [0.0, 0.5]]))
    found = batch(a[None], b[None], costs[None], 0.005)
    assert found.values[0] == pytest.approx(2.0, abs=1e-12)
    assert found.converged.all()
    assert sinkhorn(b, a, costs.T, 0.005).value == pytest.approx(2.0, abs=1e-12)


def test_a_batch_whose_kernel_underflows_has_its_value():
    found = batch(None, [[0.999, 0.001]], [[[0.0, 1.0]]], 0.001)
    assert found.values[0] == pytest.approx(0.001, abs=1e-12)  # one place has one plan
    assert found.converged.all()
    assert found.couplings(None, [[0.999, 0.001]], [[[0.0, 1.0]]], 0.001)[0, 0] == pytest.approx([0.999, 0.001])


@pytest.mark.parametrize("side", ["a", "b", "both"])
def test_padded_problems_with_infinite_costs_are_the_problems_without_padding(side):
    rng = np.random.default_rng(0)
    costs, n, m = rng.random((3, 5, 6)), 5, 6
    a, b = np.full((3, 5), 0.2), np.full((3, 6), 1 / 6)
    if side != "b":
        n, a[1], costs[1, 2:] = 2, [0.5, 0.5, 0, 0, 0], INF
    if side != "a":
        m, b[1], costs[1, :, 4:] = 4, [0.25] * 4 + [0, 0], INF
    found = batch(a, b, costs, 0.1, tolerance=1e-9)
    assert found.converged.all()
    alone = sinkhorn(None, None, costs[1, :n, :m], 0.1, tolerance=1e-10)
    assert found.values[1] == pytest.approx(alone.value, abs=1e-9)
    assert found.couplings(a, b, costs, 0.1)[1][:n, :m] == pytest.approx(alone.coupling, abs=1e-8)


def test_nan_is_not_convergence(monkeypatch):
    nan = torch.full((1, 2), torch.nan, dtype=torch.float64)
    module = "remblai.distances.entropic.batched.potentials"
    broken = (nan, nan, torch.zeros(1, dtype=torch.bool), torch.ones(1, dtype=torch.long))
    monkeypatch.setattr(module, lambda *_: broken)
    with pytest.warns(UserWarning, match="marginal error"):
        found = batch(None, None, [[[0.0, 1.0], [1.0, 0.0]]], 0.1)
    assert not found.converged.any()


@pytest.mark.parametrize("side", ["x", "y"])
@pytest.mark.parametrize("d", [2, 40])
def test_a_far_place_without_mass_changes_nothing(side, d):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, d)), rng.normal(size=(25, d))
    far = np.zeros((1, d))
    far[0, 0] = 1e8
    masses = np.append(np.full(len(x if side == "x" else y), 1.0), 0.0)
    masses /= masses.sum()
    alone = distances.transport(x, y, epsilon=0.1 * d)
    moved = (np.vstack([x, far]), y) if side == "x" else (x, np.vstack([y, far]))
    plan = distances.transport(*moved, epsilon=0.1 * d, **{"a" if side == "x" else "b": masses})
    assert plan.value == pytest.approx(alone.value, rel=1e-9)
    full = plan.coupling
    a, b = (masses, np.full(25, 1 / 25)) if side == "x" else (np.full(30, 1 / 30), masses)
    assert plan.marginal_error == pytest.approx(reaches(a, b, full), abs=1e-12)
    assert plan.marginal_error <= 1e-6
    assert full[:30, :25] == pytest.approx(alone.coupling, abs=1e-9)


@pytest.mark.parametrize("epsilon", [1e6, 1e9, 1e15, 1e25, 1e200])
def test_a_huge_epsilon_gives_the_product_and_the_mean_cost(epsilon):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(25, 2)) + 1.0
    costs = ((x[:, None] - y) ** 2).sum(-1)
    plan = distances.transport(x, y, epsilon=epsilon)
    assert plan.converged
    assert -1e-12 <= costs.mean() - plan.value <= costs.var() / epsilon + 1e-9
    assert plan.coupling == pytest.approx(np.full((30, 25), 1 / 750), rel=1e-4)
    divergence = distances.sinkhorn_divergence(x, y, epsilon).value
    means = ((x.mean(0) - y.mean(0)) ** 2).sum()  # the MMD^2 with the kernel -c / 2
    assert divergence == pytest.approx(means, abs=2 * costs.var() / epsilon + 1e-9)
    assert batch(None, None, costs[None], epsilon).values[0] == pytest.approx(plan.value, abs=1e-8)


@pytest.mark.parametrize("mass", [0.0, 1e-45, 1e-12])
def test_unbalanced_transport_with_a_negligible_place(mass):
    rng = np.random.default_rng(0)
    a, b, costs = np.append(rng.random(3), mass), rng.random(4), rng.random((4, 4))
    costs[3] *= 1e8
    plan = sinkhorn(a, b, costs, 0.1, unbalanced=1.0, tolerance=1e-9)
    alone = sinkhorn(a[:3], b, costs[:3], 0.1, unbalanced=1.0, tolerance=1e-10)
    assert plan.converged
    assert plan.value == pytest.approx(alone.value, abs=1e-8)
    assert np.isfinite(plan.coupling).all()
