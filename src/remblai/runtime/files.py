"""Files and folders that are complete or absent: written beside their place, synced, then renamed."""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from remblai.runtime.locks import lock

FAILING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""Errors of a disk that is full or broken; all others are errors of the path."""

WRITING = ".writing-"
"""What the name of a temporary folder begins with."""

TEMPORARY = re.compile(r"\.(.+)-[a-z0-9_]{8}(\.\w+)?")
"""The name of a temporary file: that of the file it becomes, with eight letters that `tempfile` draws."""


ELSEWHERE = "name another place with --out"
"""What to do where a place that was asked for cannot be written."""


class UnwritableError(ValueError):
    """A place that cannot be written: `reason` says why, without saying which option names the place."""

    def __init__(self, place: Path, reason: str | None, remedy: str = ELSEWHERE) -> None:
        super().__init__(f"{place} cannot be written ({reason}): {remedy}.")
        self.place, self.reason = place, reason


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """`cache` itself, or `remblai` in $XDG_CACHE_HOME, or in ~/.cache where that is not set."""
    if cache is not None:
        return Path(cache)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "remblai"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write; it replaces `path` when the block succeeds and is removed when it fails."""
    with explained(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = _reserve(path)
    try:
        yield temporary
        sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as problem:
        raise _full(problem, path) from None
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextlib.contextmanager
def whole_folder(path: Path, discard: Callable[[Path], None] = shutil.rmtree) -> Iterator[Path]:
    """Yields a temporary folder to fill; it replaces `path` when the block succeeds and is removed when it fails.

    A kill can leave it beside `path`, where the next call, or `sweep_folders`, removes it. Unlike a file, a folder
    cannot take the place of another: that one goes first, and a kill in between leaves neither.

    Args:
        path: of the folder; those above it are made.
        discard: removes the folder that was there before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_folders(path.parent)
    handle, temporary = reserve_folder(path.parent, WRITING)
    try:
        yield temporary
        for file in temporary.iterdir():
            sync(file)
        temporary.chmod(0o777 & ~_umask())
        sync(temporary)
        if path.exists():
            discard(path)
        temporary.rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)


def reserve_folder(parent: Path, prefix: str) -> tuple[int, Path]:
    """A new temporary folder, open and locked, so that `remove_unlocked` leaves it alone until the handle is closed."""
    while True:
        path = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        with contextlib.suppress(FileNotFoundError):  # it was swept between its making and its lock
            handle = os.open(path, os.O_RDONLY)
            lock(handle, wait=True)
            if path.exists():
                return handle, path
            os.close(handle)


def sweep_folders(parent: Path) -> None:
    """Removes folders of `whole_folder` that a kill left in `parent`; those being written are locked and stay.

    Args:
        parent: where to look; nothing is done where it is not there.
    """
    for path in parent.glob(f"{WRITING}*"):
        if path.is_dir() and not path.is_symlink():
            remove_unlocked(path)


def sweep(folder: Path, wrote: Callable[[str], bool]) -> None:
    """Removes temporary files of `whole` that a kill left in the folder; those being written are locked and stay.

    Args:
        folder: where to look; nothing is done where it is not there.
        wrote: whether the file of this name is one that remblai writes there.
    """
    for path in folder.glob(".*") if folder.is_dir() else ():
        match = TEMPORARY.fullmatch(path.name)
        if match and path.is_file() and not path.is_symlink() and wrote(f"{match[1]}{match[2]}"):
            remove_unlocked(path)


def remove_unlocked(path: Path) -> None:
    """Removes a temporary file or folder that a kill left; one that is being written is locked and stays."""
    folder = path.is_dir()
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        if lock(handle):
            shutil.rmtree(path) if folder else path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _reserve(path: Path) -> tuple[int, Path]:
    """A new temporary file beside the path, open and locked, so that `sweep` leaves it alone."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        lock(handle, wait=True)
        if Path(name).exists():  # or it was swept between its making and its lock
            return handle, Path(name)
        os.close(handle)


def place(name: str | os.PathLike[str], suffixes: tuple[str, ...] = (), option: str = "out") -> Path:
    """Where something is to be written: `~` is the home folder; the name is checked, nothing is made.

    Args:
        name: of a file, or of a folder where no suffixes are given.
        suffixes: of which the file has one.
        option: what errors call the name.

    Raises:
        ValueError: a name that is not UTF-8, is too long, names no user or has another suffix, or a folder.
    """
    if not isinstance(name, str | os.PathLike) or isinstance(text := os.fspath(name), bytes):
        raise ValueError(f"{option}: expected a path, got {name!r} of type {type(name).__name__}.")
    try:
        text.encode()
        path = Path(text).expanduser()
        folder = path.is_dir()
    except UnicodeEncodeError:
        raise ValueError(f"{option}: expected a name in UTF-8, got {os.fsencode(text)!r}: use another name.") from None
    except RuntimeError:
        raise ValueError(
            f"{option}: {text!r} names a user who has no home folder here: write the whole path."
        ) from None
    except (OSError, ValueError) as problem:
        words = getattr(problem, "strerror", None) or str(problem)
        raise ValueError(
            f"{option}: expected the name of a file, got {text[:60]!r} ({words}): use another name."
        ) from None
    if suffixes and path.suffix not in suffixes:
        raise ValueError(f"{option}: expected a name that ends in {_either(suffixes)}, got {text!r}.")
    if suffixes and folder:
        raise ValueError(f"{option}: expected the name of a file, {text} is a folder: use another name.")
    return path


def _either(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _full(problem: OSError, place: Path) -> OSError:
    """The same problem, which names the place where the disk is full or broken; NumPy's own errors have no number."""
    if problem.errno in FAILING or (problem.errno is None and "written" in str(problem)):
        words = problem.strerror or f"the disk is full ({problem})"
        return OSError(problem.errno or errno.ENOSPC, f"{words} while writing {place}; what was there before stays")
    return problem


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, whole or not at all; not-a-number is refused, for JSON has none."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")


@contextlib.contextmanager
def explained(place: Path, remedy: str = ELSEWHERE) -> Iterator[None]:
    """Names the place: one that cannot be written is bad input, a disk that fails is not.

    Args:
        place: that is written within the block.
        remedy: what its user can do where it cannot be written.

    Raises:
        UnwritableError: the place cannot be written.
        OSError: the disk is full or broken.
    """
    try:
        yield
    except UnwritableError as problem:  # of a file within, which does not know what it is part of
        raise UnwritableError(problem.place, problem.reason, remedy) from None
    except OSError as problem:
        if problem.errno in FAILING:
            raise _full(problem, place) from None
        raise UnwritableError(place, problem.strerror, remedy) from None


def sync(path: Path) -> None:
    """Makes sure that a file or a folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0o077)  # which lets nobody else read what another thread makes meanwhile
    os.umask(mask)
    return mask
