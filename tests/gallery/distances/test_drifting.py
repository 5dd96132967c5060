import numpy as np
import pytest
import torch

from remblai.discrepancies import MMD
from remblai.gallery.distances.drifting import REACH, STEPS, data, drifts, outside, path, start
from remblai.kernels import Energy


@pytest.mark.parametrize("name", ["mean shift", "sliced"])
def test_points_move_as_the_drift_says_and_near_the_data(name: str) -> None:
    steps = path(drifts()[name])
    assert len(steps) == STEPS + 1
    assert torch.equal(steps[0], start())
    moved = (steps[1] - steps[0]).square().mean().sqrt() / (steps[2] - steps[1]).square().mean().sqrt()
    assert 0.5 < float(moved) < 2.0, "normalised drifts have one size"
    distances = [float(MMD(Energy())(data(), points)) for points in (steps[0], steps[-1])]
    assert distances[1] < 0.15 * distances[0]


def test_points_outside_of_the_chart_are_counted() -> None:
    assert outside(np.array([[0.0, 0.0], [REACH + 0.1, 0.0], [0.0, -9.0], [REACH, -REACH]])) == 2
