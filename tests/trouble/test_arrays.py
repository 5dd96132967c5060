"""Arrays into `train` and back: what a user gives is what he gets.

pythae #36 and PR #108, pycave #7 (arrays, loaders and frames), CycleGAN #565 and the README's "in the data's own range
and layout" (CT in Hounsfield units, floats in [-1, 1]).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from remblai import data, train

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (120, 8, 8), dtype=np.uint8)
TABLE = RNG.normal(size=(120, 3))
QUIET: dict[str, Any] = {"steps": 3, "evaluate_every": 0, "quiet": True}


@pytest.mark.parametrize(
    "given",
    [
        lambda _: IMAGES,
        lambda _: torch.from_numpy(IMAGES),
        lambda _: TABLE,
        lambda _: pandas.DataFrame(TABLE, columns=["a", "b", "c"]),
        lambda _: TensorDataset(torch.from_numpy(TABLE).float()),
        lambda _: DataLoader(TensorDataset(torch.from_numpy(TABLE).float()), batch_size=10),
        lambda _: data.load("digits"),
    ],
    ids=["array", "tensor", "table", "frame", "dataset", "loader", "loaded"],
)
@pytest.mark.usefixtures("bare")
def test_train_takes_what_users_have(given: Callable[[None], Any], tmp_path: Path) -> None:
    run = train("vae", data=given(None), out=tmp_path / "run", **QUIET)
    assert len(run.sample(4)) == 4


@pytest.mark.parametrize(
    ("images", "options"),
    [
        (RNG.integers(-1024, 3000, (120, 8, 8)).astype(np.int16), {"range": (-1024, 3071)}),
        ((RNG.random((120, 8, 8, 3)) * 2 - 1).astype(np.float32), {}),
        (RNG.random((120, 8, 8)), {}),
        (IMAGES, {}),
    ],
    ids=["int16", "float in -1..1", "float64", "uint8"],
)
@pytest.mark.usefixtures("bare")
def test_arrays_come_back_as_they_went_in(images: np.ndarray, options: dict[str, Any], tmp_path: Path) -> None:
    run = train("vae", data=images, data_options=options, out=tmp_path / "run", **QUIET)
    assert run.encode(images[:5]).shape[0] == 5
    for again in (run.sample(5), run.reconstruct(images[:5])):
        assert again.dtype == images.dtype
        assert again.shape == images[:5].shape
        low, high = options.get("range", (float(images.min()), float(images.max())))
        assert again.min() >= low - 1e-3
        assert again.max() <= max(high, 1.0) + 1e-3 if images.dtype != np.uint8 else True
