"""Decoded images, kept: one array in a file that is memory-mapped, with a note beside it that has its checksum."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from remblai.data.rows import digest
from remblai.runtime.files import UnwritableError, cache_folder, sweep, whole, write_json

FORMAT = 2
KEPT = re.compile(r"[0-9a-f]{32}\.(npy|json)")
"""The names of the files in the cache."""
TYPES = ("uint8", "uint16", "int32", "float32")
Shape = tuple[int, ...]
Broken = list[tuple[int, str]]


class Allocate(Protocol):
    """Makes the array to fill."""

    def __call__(self, shape: Shape, dtype: str = "uint8", /) -> NDArray[Any]: ...


Fill = Callable[[Allocate], tuple[Broken, list[str]]]


@dataclass(frozen=True, eq=False)
class Entry:
    """A cached array (n, c, h, w), which of its rows could not be decoded, with the reasons, and notes about it."""

    array: NDArray[Any]
    broken: Broken
    notes: list[str]


def stored(key: Mapping[str, Any], fill: Fill, cache: str | os.PathLike[str] | None = None) -> Entry:
    """The array that `fill` makes, from the cache when it is there and whole, otherwise made now and kept.

    The array's file is written aside and renamed, its note last; a note that is missing or does not fit the array (cut
    short, changed bytes among those that `rows.digest` reads) makes it anew. The map is
    copy-on-write: the file never changes.

    Args:
        key: plain JSON values that say all the array depends on.
        fill: asks for the array with `allocate(shape, dtype)`, fills it, and returns the rows it could not, and notes.
        cache: the folder; see `runtime.files.cache_folder` for the default.

    Raises:
        ValueError: the folder cannot be written, or the disk is full.
    """
    name = hashlib.sha256(json.dumps({"format": FORMAT, **key}, sort_keys=True).encode()).hexdigest()[:32]
    path = cache_folder(cache) / f"{name}.npy"
    found = _read(path)
    if found is not None:
        return found
    try:
        sweep(path.parent, lambda name: KEPT.fullmatch(name) is not None)
        with whole(path) as temporary:
            broken, notes = fill(lambda shape, dtype="uint8": _allocate(temporary, shape, dtype))
            mark = digest(np.load(temporary, mmap_mode="r"))
        write_json(path.with_suffix(".json"), {"schema": 1, "digest": mark, "broken": broken, "notes": notes})
    except (OSError, UnwritableError) as error:
        reason = error.reason if isinstance(error, UnwritableError) else error.strerror
        raise ValueError(
            f"cannot write decoded images into the cache folder {path.parent}: {reason or error}. "
            "Make room or give another folder in the environment variable XDG_CACHE_HOME"
        ) from error
    return Entry(np.load(path, mmap_mode="c"), broken, notes)


def _allocate(path: Path, shape: Shape, dtype: str) -> NDArray[Any]:
    array: NDArray[Any] = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    if hasattr(os, "posix_fallocate"):  # a full disk must be an error here, not a bus error at some later write
        handle = os.open(path, os.O_RDWR)
        try:
            os.posix_fallocate(handle, 0, os.fstat(handle).st_size)
        finally:
            os.close(handle)
    return array


def _read(path: Path) -> Entry | None:
    note = path.with_suffix(".json")
    if not (path.is_file() and note.is_file()):
        return None
    try:
        kept = json.loads(note.read_text())
        array = np.load(path, mmap_mode="c", allow_pickle=False)
        broken = [(int(row), str(reason)) for row, reason in kept["broken"]]
        notes = [str(text) for text in kept["notes"]]
        good = array.dtype.name in TYPES and digest(array) == kept["digest"]
    except (OSError, EOFError, ValueError, KeyError, TypeError):  # damaged, so made anew: that is what the note is for
        return None
    return Entry(array, broken, notes) if good else None
