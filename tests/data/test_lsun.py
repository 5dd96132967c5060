"""LSUN on small made-up databases."""

import io
import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from remblai.data import load


def made(path: Path, n: int, bad: bool = False) -> None:
    path.mkdir(parents=True)
    with lmdb.open(str(path), map_size=1 << 24) as database, database.begin(write=True) as view:
        for i in range(n):
            file = io.BytesIO()
            Image.fromarray(np.full((70 + i, 90, 3), 10 * i, np.uint8)).save(file, "WEBP", lossless=True)
            view.put(f"{i:040x}".encode(), b"hello" if bad and i == 1 else file.getvalue())


def test_pair_of_databases(tmp_path: Path) -> None:
    root = tmp_path / "lsun"
    made(root / "bedroom_train_lmdb", 20)
    made(root / "bedroom_val_lmdb", 4)
    data = load(root)
    assert (data.name, data.shape, data.classes) == ("lsun", (3, 64, 64), None)
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 4, 2)
    shown = data.units.restore(data.validation[:])
    assert (shown == 10 * data.validation.index.numpy()[:, None, None, None]).all()
    assert load(root, size=16).shape == (3, 16, 16)
    one = load(root / "bedroom_train_lmdb")
    assert (one.name, len(one.train), len(one.test)) == ("bedroom_train", 16, 2)


def test_range(tmp_path: Path) -> None:
    root = tmp_path / "lsun"
    made(root / "bedroom_train_lmdb", 20)
    made(root / "bedroom_val_lmdb", 4)
    data = load(root, range=(0, 200))
    assert data.units.limits == (0, 200)
    for split in (data.train, data.validation):
        assert np.allclose(split[:], split.index.numpy()[:, None, None, None] / 20)
    with pytest.raises(ValueError, match="values from 0 to 190, outside the range 0 100"):
        load(root, range=(0, 100))
    with pytest.raises(ValueError, match="--max-pixels 6300 raises the limit"):
        load(root, max_pixels=6000)


def test_several_categories(tmp_path: Path) -> None:
    for name in ("bedroom", "church"):
        made(tmp_path / "l" / f"{name}_train_lmdb", 2)
    with pytest.raises(ValueError, match="several train sets, bedroom_train_lmdb and church_train_lmdb: name one"):
        load(tmp_path / "l")


def test_broken_and_damaged_and_empty(tmp_path: Path) -> None:
    made(tmp_path / "a_train_lmdb", 5, bad=True)
    with pytest.raises(ValueError, match=f"{1:040x} in .*a_train_lmdb cannot be decoded"):
        load(tmp_path / "a_train_lmdb")
    assert "1 broken images skipped" in load(tmp_path / "a_train_lmdb", skip_broken=True).notes[-1]
    made(tmp_path / "b_train_lmdb", 0)
    with pytest.raises(ValueError, match="is empty"):
        load(tmp_path / "b_train_lmdb")
    (tmp_path / "b_train_lmdb" / "data.mdb").write_bytes(b"hello" * 5000)
    with pytest.raises(ValueError, match="cannot be read as an lmdb database"):
        load(tmp_path / "b_train_lmdb")


def test_cut_database_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """A page that is missing would end the process with a bus error."""
    made(tmp_path / "a_train_lmdb", 25)
    file = tmp_path / "a_train_lmdb" / "data.mdb"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"a_train_lmdb cannot be read as an lmdb database: data\.mdb has .* bytes of"):
        load(tmp_path / "a_train_lmdb")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "a_train_lmdb", 3)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(ValueError, match=r"pip install 'remblai\[lsun\]'"):
        load(tmp_path / "a_train_lmdb")
