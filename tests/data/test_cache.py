"""The cache: made once, checked, healed, whole or not there."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from remblai.data import cache
from remblai.data.cache import Allocate, Broken, stored

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 1), dtype=np.uint8)


class Maker:
    def __init__(self, broken: Broken | None = None) -> None:
        self.calls = 0
        self.broken = broken or []

    def __call__(self, allocate: Allocate) -> tuple[Broken, list[str]]:
        self.calls += 1
        allocate(PICTURES.shape)[:] = PICTURES
        return self.broken, ["a note"]


def test_made_once_and_read_again(tmp_path: Path) -> None:
    make = Maker([(3, "why")])
    first = stored({"a": 1}, make, tmp_path)
    again = stored({"a": 1}, make, tmp_path)
    assert make.calls == 1
    for entry in (first, again):
        assert np.array_equal(entry.array, PICTURES)
        assert (entry.broken, entry.notes) == ([(3, "why")], ["a note"])
    stored({"a": 2}, make, tmp_path)
    assert make.calls == 2


def test_the_file_is_never_written_through_the_array(tmp_path: Path) -> None:
    make = Maker()
    stored({}, make, tmp_path).array[:] = 0
    assert np.array_equal(stored({}, make, tmp_path).array, PICTURES)
    assert make.calls == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "note", "no note", "empty"])
def test_damage_is_found_and_healed(tmp_path: Path, damage: str) -> None:
    make = Maker()
    stored({}, make, tmp_path)
    (path,) = tmp_path.glob("*.npy")
    note, content = path.with_suffix(".json"), bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[:-10])
    elif damage == "flip":
        content[-1] ^= 1
        path.write_bytes(content)
    elif damage == "note":
        note.write_text(json.dumps({"schema": 1}))
    elif damage == "no note":
        note.unlink()
    else:
        path.write_bytes(b"")
    assert np.array_equal(stored({}, make, tmp_path).array, PICTURES)
    assert make.calls == 2
    assert np.array_equal(stored({}, make, tmp_path).array, PICTURES)
    assert make.calls == 2


def test_nothing_is_left_when_making_fails(tmp_path: Path) -> None:
    def fails(allocate: Allocate) -> Broken:
        allocate((2, 2, 2, 1))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        stored({}, fails, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache.os, "posix_fallocate", full)
    with pytest.raises(
        ValueError, match=r"cannot write decoded images into the cache folder .*No space left.*XDG_CACHE_HOME"
    ):
        stored({}, Maker(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    with pytest.raises(ValueError, match="cannot write decoded images into the cache folder"):
        stored({}, Maker(), tmp_path / "f" / "cache")
