import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from remblai.distances import transport
from remblai.distances.entropic import unbalanced
from remblai.distances.entropic.balanced import sinkhorn

RNG = np.random.default_rng(0)
A, B, COSTS = RNG.random(4) + 0.2, 2 * RNG.random(5) + 0.2, 2 * RNG.random((4, 5))


def kl(p, q):
    return (p * np.log(p / q) - p + q).sum()


def primal(plan, a, b, epsilon, first, second):
    total = (plan * COSTS).sum() + epsilon * kl(plan, a[:, None] * b)
    total += first * kl(plan.sum(1), a) if math.isfinite(first) else 0.0
    return total + (second * kl(plan.sum(0), b) if math.isfinite(second) else 0.0)


@pytest.mark.parametrize("strengths", [(1.0, 1.0), (0.2, 3.0), (20.0, 0.1)])
@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_the_value_is_that_of_a_generic_convex_solver(strengths, epsilon):
    first, second = strengths

    def slope(masses):
        plan = masses.reshape(4, 5)
        found = COSTS + epsilon * np.log(plan / (A[:, None] * B))
        return (found + first * np.log(plan.sum(1) / A)[:, None] + second * np.log(plan.sum(0) / B)).ravel()

    found = minimize(
        lambda masses: primal(masses.reshape(4, 5), A, B, epsilon, *strengths),
        (A[:, None] * B).ravel(),
        method="SLSQP",
        jac=slope,
        bounds=[(1e-14, 10.0)] * 20,
        options={"ftol": 1e-15, "maxiter": 5000},
    )
    plan = sinkhorn(A, B, COSTS, epsilon, unbalanced=strengths, tolerance=1e-10)
    assert plan.value == pytest.approx(found.fun, abs=1e-7)
    assert plan.value == pytest.approx(primal(plan.coupling, A, B, epsilon, *strengths), abs=1e-9)
    assert plan.converged


@pytest.mark.parametrize("strengths", [(None, 0.5), (0.5, math.inf)])
def test_a_kept_side_is_kept(strengths):
    plan = sinkhorn(A, B, COSTS, 0.1, unbalanced=strengths, tolerance=1e-9)
    kept, wanted = (plan.coupling.sum(1), A) if strengths[0] is None else (plan.coupling.sum(0), B)
    assert np.allclose(kept, wanted, atol=1e-8)
    both = [math.inf if one is None else one for one in strengths]
    assert plan.value == pytest.approx(primal(plan.coupling, A, B, 0.1, *both), abs=1e-7)


def test_a_large_strength_tends_to_the_balanced_problem():
    a, b = A / A.sum(), B / B.sum()
    truth = sinkhorn(a, b, COSTS, 0.1, tolerance=1e-10)
    gaps = [truth.value - sinkhorn(a, b, COSTS, 0.1, unbalanced=rho, tolerance=1e-10).value for rho in (1.0, 1e2, 1e4)]
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 1e-3


@pytest.mark.parametrize("strengths", [(0.7, 2.0), (None, 0.5)])
def test_gradients_in_masses_and_costs_are_finite_differences(strengths):
    given = [torch.tensor(one, requires_grad=True) for one in (A, B, COSTS)]
    options = {"unbalanced": strengths, "tolerance": 1e-12}
    sinkhorn(*given, 0.2, **options).value.backward()
    rng, h = np.random.default_rng(1), 1e-5
    for k, one in enumerate(given):
        step = rng.normal(size=one.shape)
        values = []
        for s in (h, -h):
            moved = [A, B, COSTS]
            moved[k] = moved[k] + s * step
            values.append(sinkhorn(*moved, 0.2, **options).value)
        assert (one.grad.numpy() * step).sum() == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-5)


def test_gradients_in_points_are_finite_differences():
    rng = np.random.default_rng(2)
    x, y, step, h = rng.normal(size=(6, 2)), rng.normal(size=(7, 2)), rng.normal(size=(6, 2)), 1e-5
    points = torch.tensor(x, requires_grad=True)
    unbalanced.solve(unbalanced.of_points(points, y), 0.2, 1.0, tolerance=1e-12).value.backward()
    up, down = (
        unbalanced.solve(unbalanced.of_points(x + s * step, y), 0.2, 1.0, tolerance=1e-12).value for s in (h, -h)
    )
    assert (points.grad.numpy() * step).sum() == pytest.approx((up - down) / (2 * h), rel=1e-5)


def test_places_without_mass_change_nothing():
    a = A.copy()
    a[1] = 0.0
    plan = sinkhorn(a, B, COSTS, 0.1, unbalanced=1.0, tolerance=1e-10)
    held = sinkhorn(a[a > 0], B, COSTS[a > 0], 0.1, unbalanced=1.0, tolerance=1e-10)
    assert plan.value == pytest.approx(held.value, abs=1e-9)
    assert np.all(plan.coupling[1] == 0)
    assert np.isfinite(plan.f).all()


def test_it_has_no_certificate():
    plan = sinkhorn(A, B, COSTS, 0.1, unbalanced=1.0)
    with pytest.raises(AttributeError, match="certificate"):
        plan.certificate()
    assert plan.cost == pytest.approx((plan.coupling * COSTS).sum())


@pytest.mark.parametrize("strength", [0.0, -1.0, np.nan, (1.0, 2.0, 3.0), (None, None), math.inf, "much"])
def test_a_bad_strength_is_refused(strength):
    with pytest.raises(ValueError, match="unbalanced"):
        sinkhorn(A, B, COSTS, 0.1, unbalanced=strength)


def test_bad_masses_and_costs_are_refused():
    with pytest.raises(ValueError, match="below 0"):
        sinkhorn(-A, B, COSTS, 0.1, unbalanced=1.0)
    with pytest.raises(ValueError, match="NaN"):
        sinkhorn(A, B, COSTS * np.nan, 0.1, unbalanced=1.0)
    with pytest.raises(ValueError, match="epsilon"):
        sinkhorn(A, B, COSTS, 0.0, unbalanced=1.0)


def test_small_epsilon_and_giving_up_stay_finite():
    plan = sinkhorn(A, B, COSTS, 1e-3, unbalanced=1.0)
    assert plan.converged
    with pytest.warns(UserWarning, match="max_iterations"):
        early = sinkhorn(A, B, COSTS, 0.01, unbalanced=50.0, max_iterations=2, tolerance=1e-10)
    assert not early.converged
    assert np.isfinite(early.value)


def test_options_that_it_has_not_are_refused():
    with pytest.raises(ValueError, match="form"):
        sinkhorn(A, B, COSTS, 0.1, unbalanced=1.0, form="stream")
    with pytest.raises(ValueError, match="normalise"):
        sinkhorn(A, B, COSTS, 0.1, unbalanced=1.0, normalise=True)


@pytest.mark.parametrize("far", [20.0, 50.0, 1e4])
def test_far_places_carry_nothing_and_the_value_is_finite(far: float) -> None:
    x = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    plan = transport(x, torch.full((2, 1), far, dtype=torch.float64), epsilon=0.1, unbalanced=1.0)
    assert plan.converged
    assert float(plan.value) == pytest.approx(2.1)  # rho |a| + rho |b| + epsilon |a| |b|
    (gradient,) = torch.autograd.grad(plan.value, x)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-30, rtol=0.0)


@pytest.mark.parametrize("rho", [1.0, 0.01])
def test_one_far_place_leaves_the_others_as_they_are(rho: float) -> None:
    """Against the plain iteration in the log domain."""
    x, y = (torch.tensor(one, dtype=torch.float64) for one in ([0.0, 0.1, 300.0], [0.05, -1000.0]))
    costs, epsilon = (x[:, None] - y).square(), 0.1
    a, b = (torch.full_like(one, 1.0 / len(one)) for one in (x, y))
    f, g, factor = torch.zeros_like(x), torch.zeros_like(y), rho / (rho + epsilon)
    for _ in range(500):
        f = -factor * epsilon * torch.logsumexp((g - costs) / epsilon + b.log(), 1)
        g = -factor * epsilon * torch.logsumexp((f[:, None] - costs) / epsilon + a.log()[:, None], 0)
    carried = (a[:, None] * b * ((f[:, None] + g - costs) / epsilon).exp()).sum()
    ends = sum(float(-rho * masses @ torch.expm1(-h / rho)) for masses, h in ((a, f), (b, g)))
    plan = transport(x[:, None], y[:, None], epsilon=epsilon, unbalanced=rho)
    assert plan.converged
    assert float(plan.value) == pytest.approx(ends - epsilon * (float(carried) - 1.0), rel=1e-6)
