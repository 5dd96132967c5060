"""Folders of images, at any depth."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from remblai.data.dataset import Dataset
from remblai.data.decode import Pictures, decode
from remblai.data.splits import WHOLE, Part, images

_COMMON = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".bmp", ".dib", ".gif", ".webp", ".avif")
SUFFIXES = frozenset((*_COMMON, ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga"))
SPLIT_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}


def image_folder(
    path: Path,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """A folder of images, at any depth; the first folder below it is the label, when there are two or more.

    Folders named train, validation (val, valid) and test are kept apart as splits, the class folders inside them. Grey,
    RGB and alpha mix: all images get the channels of the most general. `index` of a split counts files by sorted name.

    Args:
        path: the folder.
        size: resize the shorter side to this many pixels and keep the middle square.
        crop: cut out the middle square of this many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA, instead of the most general of the images.
        skip_broken: leave out images that cannot be decoded, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: no images, a broken or unusable one (with its name), mixed sizes without `size`.
    """
    names = listing(path)
    pictures = Pictures(str(path), names, lambda number: Image.open(path / names[number]), stamp(path, names))
    found = decode(pictures, size=size, crop=crop, channels=channels, skip_broken=skip_broken, cache=cache)
    split = _splits(names)
    labels = _classes([name.split("/") if split is None else name.split("/")[1:] for name in names])
    whole = np.flatnonzero(found.whole)
    if split is None:
        return images(path.resolve().name, {WHOLE: Part(found.array, labels, whole)}, note=found.note)
    of = np.array(split)
    parts = {part: Part(found.array, labels, whole[of[whole] == part]) for part in dict.fromkeys(split)}
    return images(path.resolve().name, parts, note=found.note)


def listing(path: Path) -> list[str]:
    """The images below a folder: sorted names relative to it, links followed, hidden files left out.

    Raises:
        ValueError: there are none.
    """
    names: list[str] = []
    others: list[str] = []
    seen: set[str] = set()
    for where, folders, files in os.walk(path, followlinks=True):
        true = os.path.realpath(where)
        if true in seen:  # a link to a folder above would never end
            folders.clear()
            continue
        seen.add(true)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in files:
            if not name.startswith("."):
                full = (Path(where) / name).relative_to(path).as_posix()
                (names if Path(name).suffix.lower() in SUFFIXES else others).append(full)
    if not names:
        there = f"it holds {len(others)} other files, as {sorted(others)[0]}" if others else "it is empty"
        raise ValueError(
            f"no images in the folder {path}: {there}. Expected {', '.join(sorted(SUFFIXES))} at any depth"
        )
    return sorted(names)


def stamp(path: Path, names: Sequence[str]) -> dict[str, str]:
    """A key that changes when the files' names, sizes or times do.

    Raises:
        ValueError: a file is missing.
    """
    told = hashlib.sha256()
    for name in names:
        try:
            found = (path / name).stat()
        except OSError as error:
            raise ValueError(f"{name} cannot be read in {path}: {error.strerror}") from error
        told.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return {"path": str(path.resolve()), "files": told.hexdigest()}


def _splits(names: Sequence[str]) -> list[str] | None:
    """The split of each image, when all lie in folders named like splits, train among them; None otherwise."""
    found = [SPLIT_FOLDERS.get(name.split("/")[0].lower(), "") if "/" in name else "" for name in names]
    return found if all(found) and "train" in found else None


def _classes(paths: Sequence[Sequence[str]]) -> np.ndarray[tuple[int], np.dtype[np.str_]] | None:
    if any(len(path) < 2 for path in paths):
        return None
    first = np.array([path[0] for path in paths])
    return first if len(np.unique(first)) > 1 else None
