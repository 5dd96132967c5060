"""Files of numpy as arrays: .npy and .npz, never pickled objects."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.rows import check_memory
from remblai.runtime.text import one_line

_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    SyntaxError,
    ArithmeticError,
    LookupError,
    RuntimeError,
    AttributeError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy's readers and the zip's raise at a damaged, encrypted or odd file."""


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a .npy file, memory-mapped.

    Raises:
        ValueError: a damaged file, or pickled objects.
    """
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path} is not a .npy file, though it is called so: expected one array")
    return array


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file by their names.

    Raises:
        ValueError: a damaged file, pickled objects, more data than there is memory.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is damaged or cut short: expected a whole file that numpy.savez wrote")
    try:
        with zipfile.ZipFile(path) as members:
            unpacked = sum(member.file_size for member in members.infolist())
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    check_memory(unpacked, str(path))
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: _get(path, stored, key) for key in stored}
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _get(path: Path, stored: Mapping[str, NDArray[Any]], key: str) -> NDArray[Any]:
    try:
        found = stored[key]
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{path} holds {one_line(key)}, which is no array: expected a file that numpy.savez wrote")
    return found


def _unreadable(path: Path, error: Exception) -> ValueError:
    if "Object arrays" in str(error) or "Python objects" in str(error):  # numpy's words for a pickle within
        return ValueError(f"{path} holds pickled objects, which are never read, for they could run code: save numbers")
    if "pickled data" in str(error):  # numpy takes whatever is not its own for a pickle
        return ValueError(f"{path} cannot be read: it is no array of numpy's. Expected a file that numpy.save wrote")
    if "encrypted" in str(error):
        return ValueError(f"{path} cannot be read: it is encrypted. Expected a file that numpy.savez wrote")
    reason = one_line(str(error)[:200]) or type(error).__name__
    return ValueError(f"{path} cannot be read: {reason}. Expected a whole file that numpy.save or numpy.savez wrote")
