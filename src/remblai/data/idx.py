"""Folders of idx files as MNIST and its kin come, plain or gzipped."""

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import Dataset
from remblai.data.rows import check_memory
from remblai.data.splits import Part, images

_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)-(?P<kind>images|labels)[-.]idx(?P<rank>[13])-ubyte(\.gz)?"
)
UNSIGNED_BYTE = 0x08
MOST_PACKED = 1032
"""How many bytes gzip makes of one, at most."""


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


def is_idx(path: Path) -> bool:
    """Whether a folder holds files called like train-images-idx3-ubyte, or that with .gz."""
    return path.is_dir() and any("images" in key for key in _files(path))


def idx(path: Path) -> Dataset:
    """MNIST and its kin: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., each plain or .gz.

    Args:
        path: the folder.

    Raises:
        ValueError: no train images, a file cut short or not of the format, labels that do not fit.
    """
    files = _files(path)
    parts: dict[str, Part] = {}
    for part in ("train", "test"):
        if f"{part} images" in files:
            pictures = read(files[f"{part} images"], 3)
            labels = read(files[f"{part} labels"], 1) if f"{part} labels" in files else None
            parts[part] = Part(pictures[:, None], labels)
    if "train" not in parts:
        raise ValueError(f"{path} holds no train images: expected train-images-idx3-ubyte, or that with .gz")
    return images(path.resolve().name, parts)


def _files(path: Path) -> dict[str, Path]:
    """Part and kind -> file; a plain file is taken before the same one gzipped."""
    found: dict[str, Path] = {}
    prefixes: dict[str, str] = {}
    for file in sorted(path.iterdir()):
        match = _NAME.fullmatch(file.name)
        if match is None or not file.is_file():
            continue
        key = f"{'train' if match['part'] == 'train' else 'test'} {match['kind']}"
        if prefixes.setdefault(key, match["prefix"]) != match["prefix"]:
            raise ValueError(
                f"{path} holds several sets, {found[key].name} and {file.name}: put each in its own folder"
            )
        found.setdefault(key, file)
    return found


def read(path: Path, rank: int) -> NDArray[np.uint8]:
    """One idx file: two zeros, type 8 for bytes, the rank, each axis's length as 4 bytes big-endian, the data.

    Args:
        path: the file, gzipped when its name ends in .gz.
        rank: how many axes are expected: 3 for images, 1 for labels.

    Raises:
        ValueError: another type or rank, a file cut short, too long or damaged.

    Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", the file formats.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _array(path, file, rank)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read, it is damaged or cut short: {error}. Fetch it again") from error


def _array(path: Path, file: _Bytes, rank: int) -> NDArray[np.uint8]:
    head = file.read(4 + 4 * rank)
    if head[:4] != bytes([0, 0, UNSIGNED_BYTE, rank]) or len(head) < 4 + 4 * rank:
        raise ValueError(
            f"{path} is not an idx file of unsigned bytes with {rank} axes: it begins with {head[:4].hex(' ')}"
        )
    shape = tuple(int(size) for size in np.frombuffer(head, ">u4", rank, 4))
    expected = math.prod(shape)
    if expected <= path.stat().st_size * (MOST_PACKED if path.suffix == ".gz" else 1):
        check_memory(expected, str(path))  # else the head promises what the file cannot hold: read to say so
    data = bytearray()  # grown as the file is read: a damaged head may promise more than any memory holds
    while len(data) <= expected and (piece := file.read(1 << 24)):
        data += piece
    if len(data) != expected:
        wrong, size = ("too long", "more") if len(data) > expected else ("cut short", f"only {len(data)}")
        raise ValueError(
            f"{path} is {wrong}: its head promises {shape}, {expected} bytes of data, and it holds {size}. "
            "Fetch it again"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)
