"""Locks on files and folders: they hold between processes and end with the process that has them."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within it no other process may enter for the same folder. The lock is on the folder itself and ends with the
    process; a file system without locks has none.

    Raises:
        ValueError: another process is within.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not lock(handle):
            raise ValueError(
                f"{folder} is in use: expected no other process that trains into it, got one: wait until it ends, or "
                "name another --out."
            )
        yield
    finally:
        os.close(handle)


def lock(handle: int, wait: bool = False) -> bool:
    """Locks an open file or folder for this handle alone; whether that was possible. Closing the handle unlocks it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
