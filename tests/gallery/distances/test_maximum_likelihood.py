import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from remblai.gallery.distances.maximum_likelihood import (
    BEST,
    DATA,
    blurred,
    divergence,
    far,
    law,
    lines,
    loss,
    smooth,
)


def test_masses_are_laws():
    assert DATA.sum() == pytest.approx(1.0, abs=1e-15)
    assert law(0.3).sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(law(0.3)[2], 15 * 0.3**2 * 0.7**4)


def test_the_likelihood_and_kl_have_one_minimiser_on_a_grid():
    chances = np.linspace(0.05, 0.95, 1801)
    found = [chances[np.argmin([curve(chance) for chance in chances])] for curve in (loss, divergence)]
    assert found[0] == found[1]
    assert found[0] == pytest.approx(BEST, abs=5e-4)


def test_lines_are_infinitely_far_in_kl_and_their_distance_in_w():
    assert lines(0.0) == (0.0, 0.0)
    for theta in (-0.4, 1e-3, 0.7):
        divergence, distance = lines(theta)
        assert divergence == math.inf
        assert distance == pytest.approx(abs(theta), abs=1e-12)


@pytest.mark.parametrize(("theta", "sigma"), [(0.3, 0.1), (-0.2, 0.4), (0.5, 1.0)])
def test_kl_of_blurred_lines_is_the_integral(theta, sigma):
    p, q = norm(0.0, sigma), norm(theta, sigma)
    integral = quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -9 * sigma, 9 * sigma)[0]
    assert smooth(theta, sigma) == pytest.approx(integral, rel=1e-7)
    assert smooth(theta, sigma) == pytest.approx(theta**2 / (2 * sigma**2), rel=1e-12)


@pytest.mark.parametrize("theta", [0.05, 0.2, 0.6])
def test_the_most_likely_blur_is_the_error_of_the_place(theta):
    widths = np.geomspace(0.01, 2.0, 4001)
    losses = [-norm.logpdf(0.0, theta, width) for width in widths]
    np.testing.assert_allclose([blurred(theta, width) for width in widths], losses, atol=1e-9)
    assert widths[np.argmin(losses)] == pytest.approx(theta, rel=2e-3)


def test_w_grows_with_the_blur():
    theta = 0.2
    distances = [far(theta, sigma) for sigma in (1e-6, 0.1, 0.2, 0.4)]
    assert distances[0] == pytest.approx(theta, abs=1e-9)
    assert distances == sorted(distances)
    folded = theta * (math.sqrt(2 / math.pi) * math.exp(-0.5) + 1 - 2 * norm.cdf(-1))  # E|theta + theta N|
    assert distances[2] == pytest.approx(folded, rel=1e-3)
    assert folded / theta == pytest.approx(1.16663, abs=1e-4)
