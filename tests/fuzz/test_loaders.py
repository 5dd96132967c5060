"""Damaged files of every format: a data set that is finite, or a ValueError that names the file."""

import gzip
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from remblai import data

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 8, 8), dtype=np.uint8)
TABLE = RNG.normal(size=(20, 3))


def _idx(images: np.ndarray) -> bytes:
    return struct.pack(">BBBB3I", 0, 0, 8, 3, *images.shape) + images.tobytes()


def _pictures(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for i, image in enumerate(IMAGES):
            Image.fromarray(image).save(folder / f"{i:02d}.{suffix}")
        return folder / f"07.{suffix}"

    return write


def _npz(folder: Path) -> Path:
    np.savez(folder / "x.npz", images=IMAGES, labels=np.arange(20) % 3)
    return folder / "x.npz"


def _npy(folder: Path) -> Path:
    np.save(folder / "x.npy", IMAGES)
    return folder / "x.npy"


def _csv(folder: Path) -> Path:
    pandas.DataFrame(TABLE, columns=["a", "b", "c"]).to_csv(folder / "x.csv", index=False)
    return folder / "x.csv"


def _parquet(folder: Path) -> Path:
    pandas.DataFrame(TABLE, columns=["a", "b", "c"]).to_parquet(folder / "x.parquet")
    return folder / "x.parquet"


def _folder_of_idx(folder: Path) -> Path:
    for name in ("train", "t10k"):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(_idx(IMAGES))
    return folder / "train-images-idx3-ubyte"


def _folder_of_idx_gz(folder: Path) -> Path:
    for name in ("train", "t10k"):
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(IMAGES), mtime=0))
    return folder / "train-images-idx3-ubyte.gz"


WRITERS = {
    "png": _pictures("png"),
    "jpg": _pictures("jpg"),
    "tif": _pictures("tif"),
    "npz": _npz,
    "npy": _npy,
    "csv": _csv,
    "parquet": _parquet,
    "idx": _folder_of_idx,
    "idx.gz": _folder_of_idx_gz,
}
DAMAGE = st.tuples(
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=8),
    st.one_of(st.none(), st.floats(0, 1)),
)
"""Bytes that are replaced, at shares of the length, and the share at which the file is cut."""


@pytest.mark.parametrize("kind", list(WRITERS))
@given(damage=DAMAGE)
def test_a_damaged_file(
    kind: str, damage: tuple[list[tuple[float, int]], float | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("data")
    path = WRITERS[kind](folder)
    content, (bytes_at, cut) = bytearray(path.read_bytes()), damage
    for share, byte in bytes_at:
        content[int(share * len(content))] = byte
    path.write_bytes(bytes(content if cut is None else content[: int(cut * len(content))]))
    source = folder if kind in ("png", "jpg", "tif", "idx", "idx.gz") else path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = data.load(source, cache=folder / "cache")
    except ValueError as problem:
        assert str(problem)
        assert "\n" not in str(problem)
    else:
        for name in data.SPLITS:
            assert torch.isfinite(dataset.split(name)[:]).all()
