"""What metrics see, against what is known of normal samples."""

import math

import pytest

from remblai.compare.power import metric_power


def test_the_distance_of_means_sees_what_a_normal_test_of_means_does() -> None:
    """W1 on the line sees a shift nearly as well as the z-test of two means, whose power is .8 at 2.49 deviations."""
    sees = {one.fault: one for one in metric_power({"name": "wasserstein", "p": 1.0}, 1, 100, repeats=200)}
    of_means = 2.486 * math.sqrt(2.0 / 100)  # the one-sided quantiles of .95 and of .8, 1.645 and .842, added up
    smallest = sees["shift"].smallest
    assert smallest is not None
    assert 0.9 * of_means < smallest < 1.6 * of_means
    assert sees["shift"].power == 1.0


def test_a_metric_that_finds_nothing_in_common_sees_nothing() -> None:
    with pytest.warns(UserWarning, match="no value occurs twice"):
        found = metric_power("total-variation", 2, 20, repeats=20, most=20)
    assert {one.power for one in found} == {0.0}
    assert {one.n_needed for one in found} == {None}


def test_metrics_of_images_are_refused() -> None:
    with pytest.raises(ValueError, match="which is of images: such as frechet"):
        metric_power("fid", 2, 20)
