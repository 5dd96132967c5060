"""Toys against their closed-form laws."""

from itertools import islice

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.datasets import make_moons

from remblai.data import load
from remblai.data.toys import grid, ring, swiss_roll, two_moons


@pytest.mark.parametrize(("name", "modes", "deviation"), [("ring", 8, 0.1), ("grid", 25, 0.05)])
def test_mixtures(name: str, modes: int, deviation: float) -> None:
    data = load(name)
    assert data.modes is not None
    assert data.train.labels is not None
    assert data.modes.centres.shape == (modes, 2)
    assert data.modes.deviation == deviation
    points, labels = data.train[:].double().numpy(), data.train.labels.numpy()
    noise = (points - data.modes.centres[labels]) / deviation
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert stats.chisquare(np.bincount(labels, minlength=modes)).pvalue > 1e-3


def test_ring_and_grid_lie_where_the_papers_put_them() -> None:
    centres = ring().modes.centres
    assert np.allclose(np.linalg.norm(centres, axis=1), 2)
    assert np.allclose(centres[1], [np.sqrt(2), np.sqrt(2)])
    assert {tuple(c) for c in grid().modes.centres.tolist()} == {(x, y) for x in S for y in S}


S = (-4.0, -2.0, 0.0, 2.0, 4.0)


def test_two_moons_is_scikit_learns() -> None:
    data = two_moons(noise=0.0)
    x, y = make_moons(400, noise=0.0)
    for label in (0, 1):
        mine = data.train[:][data.train.labels == label].double()
        distance = torch.cdist(torch.from_numpy(x[y == label]), mine).min(1).values
        assert distance.max() < 0.02


def test_swiss_roll_is_a_spiral() -> None:
    points = swiss_roll(noise=0.0).train[:].double().numpy() * 7.5
    t = np.linalg.norm(points, axis=1)
    assert np.allclose(points, t[:, None] * np.stack([np.cos(t), np.sin(t)], 1), atol=1e-4)
    assert stats.kstest((t / (1.5 * np.pi) - 1) / 2, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("name", ["ring", "grid", "swiss-roll", "two-moons"])
def test_endless_batches_are_fresh_and_splits_differ(name: str) -> None:
    data = load(name)
    assert (data.shape, data.range, data.units.mean) == ((2,), None, None)
    batches = [*list(islice(data.train.batches(64), 3)), next(data.test.batches(64)), data.train[:64], data.test[:64]]
    assert len({batch.numpy().tobytes() for batch in batches}) == 6
    assert next(data.train.batches(50_000)).shape == (50_000, 2)
    assert (len(data.train), len(data.test)) == (10_000, 2_000)
    assert torch.equal(load(name).test[:], data.test[:])


@pytest.mark.parametrize(
    ("make", "options", "told"),
    [
        (ring, {"modes": 0}, "modes must be at least 1"),
        (ring, {"radius": 0.0}, "radius must be above 0"),
        (grid, {"deviation": float("nan")}, "deviation must be above 0"),
        (grid, {"side": 0}, "side"),
        (swiss_roll, {"noise": -1.0}, "noise must be at least 0"),
        (two_moons, {"noise": float("inf")}, "noise must be at least 0 and finite"),
    ],
)
def test_options_are_checked(make, options, told) -> None:
    with pytest.raises(ValueError, match=told):
        make(**options)
