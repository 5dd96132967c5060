"""Normal scores within a graph against those of the data."""

import numpy as np
import pytest
import torch

from remblai.data.normal_scores import NormalScores, fitted
from remblai.deploy.scores import FromScores, ToScores


@pytest.fixture(scope="module")
def scores() -> NormalScores:
    rng = np.random.default_rng(0)
    spike = np.where(rng.random(700) < 0.9, 0.0, rng.exponential(size=700))
    table = np.stack([spike, rng.integers(0, 2, 700), rng.lognormal(9, 2, 700), rng.normal(size=700).round(1)], 1)
    found = fitted(table, left=[1])
    assert found is not None
    assert found.columns == (0, 2, 3)
    return found


def points() -> np.ndarray:
    rng = np.random.default_rng(1)
    inside = np.stack([rng.exponential(size=90), np.zeros(90), rng.lognormal(9, 2, 90), rng.normal(size=90)], 1)
    inside[:30, 0], inside[:, 3] = 0.0, inside[:, 3].round(1)
    return np.concatenate([inside, [[-3.0, 0, -1e6, -40.0], [1e3, 1, 1e9, 99.0]]])


def test_of_data(scores: NormalScores) -> None:
    found = ToScores(scores)(torch.from_numpy(points()))
    assert found.numpy() == pytest.approx(scores.of(points()), abs=1e-9)


def test_of_a_model(scores: NormalScores) -> None:
    x = 3 * np.random.default_rng(2).normal(size=(500, 4))
    found = FromScores(scores)(torch.from_numpy(x))
    expected = scores.back(x[:, list(scores.columns)])
    assert found.numpy() == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (found[:, 0] == 0).numpy().mean() > 0.5
