"""Folders of pictures as they are found: levels, masks, channels, pages, foreign files, too few of them.

stylegan2 threads on 16-bit data, CycleGAN #565, DALLE-pytorch #426 (masks), fastai #488 and InvokeAI #2715 (HEIC),
tabnet #537 (two pictures), pytorch/vision #109 (files that are no pictures).
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from remblai import data, train

Y, X = np.mgrid[:16, :16]


def _wave(i: int) -> np.ndarray:
    return np.asarray((np.sin(X / 3 + i) + np.cos(Y / 4 - i) + 2) / 4)


def _folder(path: Path, pictures: list[Image.Image], suffix: str = "png") -> Path:
    path.mkdir()
    for i, picture in enumerate(pictures):
        picture.save(path / f"{i:02d}.{suffix}")
    return path


def _all(dataset: data.Dataset) -> torch.Tensor:
    return torch.cat([dataset.split(name)[:] for name in data.SPLITS])


@pytest.mark.parametrize(("low", "high"), [(0, 4095), (1000, 1300)], ids=["12 bits", "a window"])
def test_levels_of_16_bit_files_are_kept(low: int, high: int, tmp_path: Path) -> None:
    levels = [(low + _wave(i) * (high - low)).astype(np.uint16) for i in range(20)]
    dataset = data.load(_folder(tmp_path / "scans", [Image.fromarray(one) for one in levels]))
    found = _all(dataset)
    assert len(found.unique()) == len(np.unique(levels))
    assert any("16" in note or "range" in note for note in dataset.notes)


def test_small_floats_are_kept(tmp_path: Path) -> None:
    pictures = [Image.fromarray((_wave(i) * 1e-3).astype(np.float32)) for i in range(20)]
    found = _all(data.load(_folder(tmp_path / "small", pictures, "tif")))
    assert len(found.unique()) > 100


def test_masks_of_0_and_1_are_0_and_1(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 2, (16, 16), dtype=np.uint8)) for _ in range(20)]
    assert _all(data.load(_folder(tmp_path / "masks", pictures))).unique().tolist() == [0.0, 1.0]


def test_one_picture_with_transparency_does_not_make_four_channels_of_all(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(20)]
    pictures[3] = pictures[3].convert("RGBA")
    dataset = data.load(_folder(tmp_path / "mixed", pictures))
    assert dataset.shape[0] == 3


def test_pictures_of_a_kind_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(12)]
    folder = _folder(tmp_path / "phone", pictures)
    for i in range(15):
        (folder / f"IMG_{i}.XYZ").write_bytes(b"not a picture")
    (folder / "readme.txt").write_text("hello")
    dataset = data.load(folder)
    assert any("15" in note and "xyz" in note.lower() for note in dataset.notes)


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_pictures_are_refused_before_training(count: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(count)]
    with pytest.raises(ValueError, match="at least"):
        train("vae", data=_folder(tmp_path / "few", pictures), out=tmp_path / "run", steps=2, quiet=True)
    assert not (tmp_path / "run").exists()
