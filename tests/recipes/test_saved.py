"""Every recipe of the table, from `remblai.train` to the model that `remblai.load` gives back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import settled

import remblai
from remblai.config.registry import flatten
from remblai.data import load
from remblai.recipes import RECIPES

WANTED: dict[str, Any] = {
    "latent": 3,
    "network.width": 8,
    "velocity.width": 8,
    "sampling_steps": 3,
    "critic.width": 8,
    "penalty.width": 8,
    "code": 3,
    "features": 4,
    "hidden": 5,
    "chains": 8,
    "binarise": "threshold",
    "critic_steps": 1,
    "warm_start": 0,
    "batch_size": 16,
    "steps": 3,
}
N = 6


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", RECIPES)
def test_a_loaded_run_draws_decodes_and_encodes_what_the_trained_one_does(tmp_path: Path, name: str) -> None:
    how = settled(name, WANTED)
    options = flatten(how.to_json()["arguments"]) | how.loop
    trained = remblai.train(name, data="digits", out=tmp_path / "run", quiet=True, evaluate_every=0, **options)
    loaded = remblai.load(tmp_path / "run")
    images = loaded.sample(N, seed=1)
    assert (images.shape, images.dtype) == ((N, 8, 8), np.uint8)
    assert np.array_equal(images, trained.sample(N, seed=1))
    assert images.std() > 0
    if loaded.decodes:
        z = loaded.prior_sample(N)
        assert np.array_equal(loaded.decode(z), trained.decode(z))
    else:
        with pytest.raises(ValueError, match="no codes"):
            loaded.decode(np.zeros((N, 3)))
    x = load("digits").units.restore(load("digits").test[:N])
    if loaded.encodes:
        codes = loaded.encode(x)
        assert codes.shape[0] == N
        assert np.array_equal(codes, trained.encode(x))
        assert loaded.reconstruct(x).shape == (N, 8, 8)
    else:
        with pytest.raises(ValueError, match="no encoder"):
            loaded.encode(x)
