"""Decoded images, kept: one uint8 array in a file that is memory-mapped, with a note beside it that vouches for it."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.rows import digest
from remblai.runtime.files import UnwritableError, whole, write_json

FORMAT = 1
Shape = tuple[int, ...]
Allocate = Callable[[Shape], NDArray[np.uint8]]
Broken = list[tuple[int, str]]


@dataclass(frozen=True, eq=False)
class Entry:
    """A cached array (n, c, h, w) uint8 and which of its rows could not be decoded, with the reasons."""

    array: NDArray[np.uint8]
    broken: Broken


def folder(cache: str | os.PathLike[str] | None) -> Path:
    """`cache` itself, or `remblai` in $XDG_CACHE_HOME, or in ~/.cache where that is not set."""
    if cache is not None:
        return Path(cache)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "remblai"


def stored(
    key: Mapping[str, Any], fill: Callable[[Allocate], Broken], cache: str | os.PathLike[str] | None = None
) -> Entry:
    """The array that `fill` makes, from the cache when it is there and whole, otherwise made now and kept.

    The array's file is written aside and renamed, its note last; a note that is missing or does not fit the array (cut
    short, changed bytes among those that `rows.digest` reads) makes it anew. The map is
    copy-on-write: the file never changes.

    Args:
        key: plain JSON values that say all the array depends on.
        fill: asks for the array with `allocate(shape)`, fills it, and returns the rows it could not.
        cache: the folder; see `folder` for the default.

    Raises:
        ValueError: the folder cannot be written, or the disk is full.
    """
    name = hashlib.sha256(json.dumps({"format": FORMAT, **key}, sort_keys=True).encode()).hexdigest()[:32]
    path = folder(cache) / f"{name}.npy"
    found = _read(path)
    if found is not None:
        return found
    try:
        with whole(path) as temporary:
            broken = fill(lambda shape: _allocate(temporary, shape))
            mark = digest(np.load(temporary, mmap_mode="r"))
        write_json(path.with_suffix(".json"), {"schema": 1, "digest": mark, "broken": broken})
    except (OSError, UnwritableError) as error:
        reason = error.reason if isinstance(error, UnwritableError) else error.strerror
        raise ValueError(
            f"cannot write decoded images into the cache folder {path.parent}: {reason or error}. "
            "Make room or give another folder in the environment variable XDG_CACHE_HOME"
        ) from error
    return Entry(np.load(path, mmap_mode="c"), broken)


def _allocate(path: Path, shape: Shape) -> NDArray[np.uint8]:
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
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
        told = json.loads(note.read_text())
        array = np.load(path, mmap_mode="c", allow_pickle=False)
        broken = [(int(row), str(reason)) for row, reason in told["broken"]]
        good = array.dtype == np.uint8 and digest(array) == told["digest"]
    except (OSError, EOFError, ValueError, KeyError, TypeError):  # damaged, so made anew: that is what the note is for
        return None
    return Entry(array, broken) if good else None
