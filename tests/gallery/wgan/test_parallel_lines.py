import math

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from remblai.gallery.wgan import parallel_lines as entry


@pytest.mark.parametrize("theta", entry.SHIFTS)
def test_w1_by_rank_is_the_best_assignment(theta):
    one, other = np.random.default_rng(1).random((2, 60))
    costs = cdist(entry.line(0.0, one), entry.line(theta, other))
    best = costs[linear_sum_assignment(costs)].mean()
    assert entry.by_rank(np.sort([one, other]), theta) == pytest.approx(best, abs=1e-12)
    assert entry.w1(0.0, one, theta, other) == pytest.approx(best, abs=1e-9)


def test_the_same_z_shows_theta_exactly():
    z = np.random.default_rng(2).random(256)
    for theta in (-0.7, 0.01, 1.0):
        assert entry.w1(0.0, z, theta, z) == pytest.approx(abs(theta), abs=1e-12)


def test_the_sampling_floor_is_that_of_two_empirical_uniform_laws():
    # E of the integral of |F_n - G_n|: a normal difference of variance 2 u (1 - u) / n at each u
    u = (np.arange(10_000) + 0.5) / 10_000
    expected = math.sqrt(2 / math.pi) * np.sqrt(2 * u * (1 - u) / entry.POINTS).mean()
    heights = np.sort(np.random.default_rng(3).random((2, 4000, entry.POINTS)), axis=2)
    assert entry.by_rank(heights, 0.0).mean() == pytest.approx(expected, rel=0.03)
    assert expected == pytest.approx(0.0296, rel=0.1)


def test_common_places_are_found():
    p, q = entry.common(np.array([[0.0, 0.1], [0.0, 0.2]]), np.array([[0.0, 0.2], [1.0, 0.1]]))
    assert p.tolist() == [0.5, 0.5, 0.0]
    assert q.tolist() == [0.0, 0.5, 0.5]
