import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import norm

from remblai.distances import jensen_shannon
from remblai.gallery.wgan import optimal_discriminator as entry


def test_the_value_at_the_optimum_is_two_js_less_two_log_2_on_random_laws():
    rng = np.random.default_rng(0)
    for _ in range(20):
        p, q = rng.dirichlet(np.ones(9), size=2)
        m = (p + q) / 2
        js = (np.sum(p * np.log(p / m)) + np.sum(q * np.log(q / m))) / 2
        assert entry.value(p, q, entry.optimum(p, q)) == pytest.approx(2 * js - 2 * math.log(2), abs=1e-12)


def test_the_optimum_is_best_place_by_place():
    p, q = entry.TENTHS / 10
    for one, other, logit in zip(p, q, entry.optimum(p, q), strict=True):
        best = minimize_scalar(
            lambda d, one=one, other=other: -one * math.log(d) - other * math.log(1 - d), bounds=(1e-6, 1 - 1e-6)
        )
        assert expit(logit) == pytest.approx(best.x, abs=1e-4)
        assert expit(logit) == pytest.approx(one / (one + other))


def test_the_seven_points_give_the_known_figure():
    p, q = entry.TENTHS / 10
    assert jensen_shannon(p, q) == pytest.approx(0.073671, abs=1e-6)
    assert entry.value(p, q, entry.optimum(p, q)) == pytest.approx(0.147342 - 1.386294, abs=2e-6)


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0, 9.0])
def test_the_bumps_have_the_value_of_their_densities(shift):
    grid = np.linspace(-20, 20, 200_001)
    p, q = norm.pdf(grid, -shift / 2), norm.pdf(grid, shift / 2)
    logit = -shift * grid
    wanted = np.sum(-p * np.logaddexp(0, -logit) - q * np.logaddexp(0, logit)) * (grid[1] - grid[0])
    laws = entry.Bumps(shift).laws
    assert entry.value(*laws, entry.optimum(*laws)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("shift", [0.0, 1.5, 4.0, 10.0])
def test_training_reaches_the_value_and_never_passes_it(shift):
    p, q = entry.Bumps(shift).laws
    best = entry.value(p, q, entry.optimum(p, q))
    assert best - 1e-7 <= entry.regression(p, q) <= best + 1e-12
