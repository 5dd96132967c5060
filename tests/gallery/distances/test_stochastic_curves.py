import numpy as np
import ot
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from remblai.distances import stochastic
from remblai.gallery.distances.stochastic_curves import (
    ATOMS,
    EPSILON,
    FIRST,
    MASSES,
    PLACES,
    SECOND,
    SHARE,
    cells,
    discrete,
    gaussians,
    semi_dual,
)


def test_cells_are_those_of_the_quantile_functions() -> None:
    q = (np.arange(400_000) + 0.5) / 400_000
    atoms = ATOMS[np.searchsorted(np.cumsum(MASSES), q)]
    assert cells() == pytest.approx(((q - atoms) ** 2).mean(), abs=1e-6)


def test_semi_dual_is_w2_at_the_borders_of_the_cells_and_less_elsewhere() -> None:
    """At a border two atoms are equally dear: g_j+1 - g_j = (t - y_j+1)^2 - (t - y_j)^2."""
    borders = np.cumsum(MASSES)[:-1]
    steps = (borders - ATOMS[1:]) ** 2 - (borders - ATOMS[:-1]) ** 2
    best = np.concatenate([[0.0], np.cumsum(steps)])
    assert semi_dual(best) == pytest.approx(cells(), abs=1e-9)
    rng = np.random.default_rng(0)
    assert all(semi_dual(best + 0.1 * rng.standard_normal(6)) < cells() for _ in range(10))


def test_closed_form_of_gaussians_is_the_least_over_normal_couplings_and_that_of_a_fine_grid() -> None:
    (m, s), (other, t) = FIRST, SECOND

    def value(r: float) -> float:
        return (m - other) ** 2 + s**2 + t**2 - 2 * r * s * t - 0.5 * EPSILON * np.log(1 - r**2)

    assert gaussians() == pytest.approx(minimize_scalar(value, bounds=(0, 1), method="bounded").fun, abs=1e-6)
    x, y = np.linspace(-6, 6, 300), np.linspace(other - 6 * t, other + 6 * t, 300)
    a, b = norm.pdf(x, m, s), norm.pdf(y, other, t)
    a, b = a / a.sum(), b / b.sum()
    costs = (x[:, None] - y) ** 2
    plan = ot.sinkhorn(a, b, costs, EPSILON, method="sinkhorn_log", numItermax=2000, stopThr=1e-10)
    held = plan > 0
    spent = (plan[held] * np.log((plan / np.outer(a, b))[held])).sum()
    assert gaussians() == pytest.approx((plan * costs).sum() + EPSILON * spent, rel=1e-3)


def test_sag_ends_at_the_value_of_another_library() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((PLACES, 2)), rng.standard_normal((PLACES, 2)) + 1.0
    costs = ot.dist(x, y)
    epsilon = SHARE * costs.mean()
    even = np.full(PLACES, 1 / PLACES)
    plan = ot.sinkhorn(even, even, costs, epsilon, method="sinkhorn_log", numItermax=20_000, stopThr=1e-12)
    truth = (plan * costs).sum() + epsilon * (plan * np.log(plan / np.outer(even, even))).sum()
    found = stochastic.discrete(None, None, costs, epsilon, tolerance=1e-8)
    assert found.value == pytest.approx(truth, rel=1e-8)
    curve = discrete()
    assert curve.samples[0] == PLACES
    assert (np.diff(curve.error) > -1e-12).all()
    assert curve.error[0] < -0.1
