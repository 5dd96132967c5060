"""idx files: made-up ones, damaged ones, and MNIST where it is."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from remblai.data import load

RNG = np.random.default_rng(0)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def folder(path: Path, packed: bool = False, mark: str = "-") -> tuple[Path, dict[str, np.ndarray]]:
    path = path / "fashion"
    path.mkdir()
    arrays = {}
    for part, n in (("train", 50), ("t10k", 12)):
        arrays[part] = RNG.integers(0, 256, (n, 5, 4), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for kind, array in ((f"images{mark}idx3", arrays[part]), (f"labels{mark}idx1", labels)):
            name = path / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
            name.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    return path, arrays


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mark", ["-", "."])
def test_plain_and_gzipped(tmp_path: Path, packed: bool, mark: str) -> None:
    path, arrays = folder(tmp_path, packed, mark)
    data = load(path)
    assert (data.name, data.shape, data.classes) == ("fashion", (1, 5, 4), [str(i) for i in range(10)])
    assert (len(data.train), len(data.validation), len(data.test)) == (45, 5, 12)
    assert np.array_equal(data.units.restore(data.test[:]), arrays["t10k"][data.test.index.numpy()])
    assert np.array_equal(data.units.restore(data.validation[:]), arrays["train"][data.validation.index.numpy()])
    assert data.test.labels is not None
    assert torch.equal(data.test.labels, data.test.index % 10)


def test_train_alone_and_without_labels(tmp_path: Path) -> None:
    path, _ = folder(tmp_path)
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-labels-idx1-ubyte"):
        (path / name).unlink()
    data = load(path)
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 5, 5)
    assert data.train.labels is None


@pytest.mark.parametrize("packed", [False, True])
def test_cut_short(tmp_path: Path, packed: bool) -> None:
    path, _ = folder(tmp_path, packed)
    file = path / f"train-images-idx3-ubyte{'.gz' if packed else ''}"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte.* cut short.*Fetch it again"):
        load(path)


def test_damaged(tmp_path: Path) -> None:
    path, _ = folder(tmp_path)
    file = path / "train-images-idx3-ubyte"
    whole = file.read_bytes()
    for damaged, told in (
        (whole + b"x", "too long"),
        (whole[:6], "is not an idx file"),
        (
            b"\x00\x00\x0d\x03" + whole[4:],
            "is not an idx file of unsigned bytes with 3 axes: it begins with 00 00 0d 03",
        ),
        (whole[:4] + b"\xff" * 12 + whole[16:], "cut short: its head promises"),
    ):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=told):
            load(path)
    file.rename(path / "train-images-idx3-ubyte.gz")
    with pytest.raises(ValueError, match="damaged or cut short"):
        load(path)


def test_several_sets_in_one_folder(tmp_path: Path) -> None:
    path, _ = folder(tmp_path)
    (path / "emnist-train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(ValueError, match="several sets"):
        load(path)


def test_no_train_images(tmp_path: Path) -> None:
    path, _ = folder(tmp_path)
    (path / "train-images-idx3-ubyte").unlink()
    with pytest.raises(ValueError, match="no train images"):
        load(path)


def test_mnist(real_data: Path) -> None:
    data = load(real_data / "mnist")
    assert (len(data.train), len(data.validation), len(data.test)) == (55_000, 5_000, 10_000)
    assert data.classes == list("0123456789")
    stored = data.train.rows.array
    head = bytes([0, 0, 8, 3]) + struct.pack(">3I", 60_000, 28, 28)
    assert hashlib.sha256(
        gzip.decompress((real_data / "mnist/train-images-idx3-ubyte.gz").read_bytes())
    ).hexdigest() == (hashlib.sha256(head + stored.tobytes()).hexdigest())
    assert abs(float(stored.mean()) / 255 - 0.1307) < 1e-4  # the mean that everyone normalises MNIST by
