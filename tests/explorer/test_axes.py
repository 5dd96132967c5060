"""The law of codes along each axis, against scipy's W1, and a floor that is exceeded as often as it says."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from remblai.explorer.axes import BINS, SAMPLES, axes_of


def test_w1_is_scipys_and_the_farthest_axis_is_first() -> None:
    rng = np.random.default_rng(0)
    codes, law = rng.normal([0, 1, 0], [1, 1, 0.2], (50, 3)), rng.normal(size=(400, 3))
    samples = rng.normal(size=(SAMPLES, 50, 3))
    found = axes_of(codes, law, samples)
    for axis in found:
        at = axis.place
        assert axis.w1 == pytest.approx(wasserstein_distance(codes[:, at], law[:, at]))
        assert axis.floor == pytest.approx(max(wasserstein_distance(one[:, at], law[:, at]) for one in samples))
        for heights in (axis.codes, axis.law):
            assert heights.sum() * (axis.high - axis.low) / BINS == pytest.approx(1.0)
    assert [axis.place for axis in found[:2]] == [1, 2]
    assert [axis.w1 > axis.floor for axis in found] == [True, True, False]


def test_an_axis_of_the_law_exceeds_its_floor_once_in_20() -> None:
    """Over 1,000 axes: 5 %, with standard error 0.7 %."""
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(SAMPLES + 1, 20, 1000))
    found = axes_of(draws[0], rng.normal(size=(200, 1000)), draws[1:])
    assert np.mean([axis.w1 > axis.floor for axis in found]) == pytest.approx(0.05, abs=0.03)


def test_a_dead_axis_has_a_histogram() -> None:
    (axis,) = axes_of(np.zeros((5, 1)), np.zeros((10, 1)), np.zeros((SAMPLES, 5, 1)))
    assert (axis.low, axis.high, axis.w1) == (-0.5, 0.5, 0.0)
