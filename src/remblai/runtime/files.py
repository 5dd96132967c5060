"""Files that are whole or not there: written beside their place, synced, then renamed."""

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FAILING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""A disk that is full or broken; every other problem is one of the path."""


class UnwritableError(ValueError):
    """A place that cannot be written: `reason` says why, without saying which option names the place."""

    def __init__(self, place: Path, reason: str | None) -> None:
        super().__init__(f"{place} cannot be written ({reason}): name another place with --out.")
        self.reason = reason


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write; it takes `path`'s place when the block ends well and vanishes when it fails."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, whole or not at all; not-a-number is refused, for JSON has none."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")


@contextlib.contextmanager
def explained(place: Path) -> Iterator[None]:
    """Tells a place that cannot be written, which is bad input, from a disk that fails, and names the place.

    Raises:
        UnwritableError: the place cannot be written.
        OSError: the disk is full or broken.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno in FAILING:
            words = f"{problem.strerror} while writing {place}; what was there before stays"
            raise OSError(problem.errno, words) from None
        raise UnwritableError(place, problem.strerror) from None


def sync(path: Path) -> None:
    """Makes sure that a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
