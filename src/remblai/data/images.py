"""Folders of images, at any depth."""

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import SPLITS, Dataset
from remblai.data.decode import Pictures, decode, frames
from remblai.data.layout import Limits, check_numbers, extremes, limits_of
from remblai.data.look import left_out
from remblai.data.mixing import permutation
from remblai.data.pages import Pages, hints, open_image, suffixes
from remblai.data.splits import SPLIT_NAMES, WHOLE, Part, images
from remblai.runtime.text import one_line

STRAY = "stray"
"""Of an image that is in none of the splits' folders."""
FILES_APART = 10
"""Files from which those of several frames are cut into splits as a whole."""
FRAMES_APART = (
    f"fewer than {FILES_APART} files: frames of one file are in several splits, and held-out ones are like them"
)


def image_folder(
    path: Path,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    range: Limits | None = None,
    pages: Pages | None = None,
    max_pixels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """A folder of images, at any depth; the first folder below it is the label, when there are two or more.

    Folders named train, validation (val, valid) and test are kept apart as splits, the class folders inside them. Grey
    and RGB mix: all images get the channels of the most general. Grey images of 16 or 32 bits keep their numbers; the
    range of 16-bit ones is that of the least number of bits that holds all, as 0 to 4095 for a scan of 12 bits.
    `index` of a split counts files by sorted name.

    Args:
        path: the folder.
        size: resize the shorter side to this many pixels and keep the middle square.
        crop: cut out the middle square of this many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; by default grey or RGB, with alpha where all images have it.
        range: the low and the high value of the images.
        pages: of files with several: first, frames (each page is an image) or channels.
        max_pixels: of one image; larger ones are refused as decompression bombs.
        skip_broken: leave out images that cannot be read or used, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: no images, a broken or unusable one (with its name), mixed sizes without `size`, an unreadable
            folder.
    """
    names, others = listing(path)
    pictures = Pictures(str(path), names, lambda number: open_image(path / names[number]), stamp(path, names))
    origin = np.arange(len(names))
    if pages == "frames":
        pictures, origin = frames(pictures, skip_broken, max_pixels)
    options: dict[str, Any] = {"size": size, "crop": crop, "channels": channels, "stack": pages == "channels"}
    found = decode(pictures, **options, max_pixels=max_pixels, skip_broken=skip_broken, cache=cache)
    limits, guess = picture_limits(found.array, range, str(path))
    split, stray = _splits(names)
    labels = _classes([name.split("/") for name in names] if split is None else _within(names, split))
    labels = None if labels is None else labels[origin]
    whole = np.flatnonzero(found.whole)
    of = np.array(_of_files(len(names), pages == "frames") if split is None else split)[origin]
    parts = {part: Part(found.array, labels, whole[of[whole] == part], limits) for part in dict.fromkeys(of.tolist())}
    parts.pop(STRAY, None)
    if pages == "frames" and split is None:
        stray = "all frames of a file are in one split" if WHOLE not in parts else FRAMES_APART
    notes = [*guess, *found.notes, left_out(others, hints()), stray]
    return replace(images(path.resolve().name, parts, notes=notes), files=tuple(map(_as_text, pictures.names)))


def consecutive(counts: Mapping[str, int]) -> dict[str, range]:
    """The numbers of the rows of each part, of parts that lie one after the other."""
    ends = np.cumsum([0, *counts.values()]).tolist()
    return {part: range(start, stop) for part, (start, stop) in zip(counts, pairwise(ends), strict=True)}


def pictures_by_part(
    name: str,
    pictures: Pictures,
    of: Mapping[str, Sequence[int]],
    labels: NDArray[Any] | None,
    classes: Sequence[str] | None,
    asked: Limits | None,
    notes: Sequence[str] = (),
    **options: Any,
) -> Dataset:
    """A data set of pictures whose source says which part each is of.

    Args:
        name: of the data set.
        pictures: of all parts, one after the other.
        of: the numbers of the pictures of each part.
        labels: (n,), of all pictures, or None.
        classes: the names of the labels 0, 1, ...; None makes them of the labels found.
        asked: the low and the high value of the images.
        notes: what else to say.
        **options: of `decode`.
    """
    found = decode(pictures, **options)
    limits, guess = picture_limits(found.array, asked, pictures.source)
    places = {part: np.asarray(rows, np.int64) for part, rows in of.items()}
    parts = {part: Part(found.array, labels, rows[found.whole[rows]], limits) for part, rows in places.items()}
    return images(name, parts, classes, [*guess, *found.notes, *notes])


def _as_text(name: str) -> str:
    """The name of a file as it is, for those who look it up; escaped only where it is not UTF-8, as no text can be."""
    return name if name.isprintable() or name.encode("utf-8", "replace").decode() == name else one_line(name)


def picture_limits(array: NDArray[Any], asked: Limits | None, source: str) -> tuple[Limits, list[str]]:
    """The values of decoded images that become 0 and 1, and what to say about them.

    Those of 16 bits: 0 and 2^k - 1 for the least k from 8 that holds every value. For others see `layout.limits_of`.
    """
    if asked is not None or array.dtype != np.uint16:
        return limits_of([array], asked, source), []
    check_numbers(array, source)
    bits = max(8, int(extremes([array])[1]).bit_length())
    limits = 0.0, float(2**bits - 1)
    words = f"images of 16 bits whose values need {bits}: read as 0 to {limits[1]:g}; --range LOW,HIGH sets another"
    return limits, [words] if bits < 16 else []


def listing(path: Path) -> tuple[list[str], list[str]]:
    """The images below a folder, and the other files: sorted names relative to it, links followed, no hidden files.

    Raises:
        ValueError: there are no images, or a folder cannot be read.
    """
    names: list[str] = []
    others: list[str] = []
    seen: set[str] = set()
    for where, folders, files in os.walk(path, followlinks=True, onerror=_unreadable):
        true = os.path.realpath(where)
        if true in seen:  # a link to a folder above would never end
            folders.clear()
            continue
        seen.add(true)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in files:
            if not name.startswith("."):
                full = (Path(where) / name).relative_to(path).as_posix()
                image = Path(name).suffix.lower() in suffixes() and _regular(Path(where) / name)
                (names if image else others).append(full)
    if not names:
        there = left_out(sorted(others), hints()) if others else "it is empty"
        raise ValueError(
            f"no images in the folder {one_line(str(path))}: {there}. Expected {', '.join(sorted(suffixes()))} at any "
            "depth"
        )
    return sorted(names), sorted(others)


def _unreadable(error: OSError) -> None:
    raise ValueError(
        f"the folder {one_line(str(error.filename))} cannot be read: {error.strerror}. Allow it, or move it elsewhere"
    )


def _regular(path: Path) -> bool:
    """False for pipes, sockets and devices, which may never end; a broken link is left to be named as broken."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def stamp(path: Path, names: Sequence[str]) -> dict[str, str]:
    """A key that changes when the files' names, sizes, times or places on the disk do."""
    key = hashlib.sha256()
    for name in names:
        key.update(os.fsencode(name))
        try:
            found = (path / name).stat()
        except OSError as error:  # named as broken when it is opened
            key.update(f"\0{error.errno}\n".encode())
            continue
        # the time of the last change of the entry is not set back, as that of the content can be
        key.update(f"\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}\0{found.st_ino}\n".encode())
    return {"path": str(path.resolve()), "files": key.hexdigest()}


def _splits(names: Sequence[str]) -> tuple[list[str] | None, str]:
    """The split of each image, where some lie in a folder train and all others, or some, in one of another split.

    Returns:
        The splits, `STRAY` for images in none of these folders, or None without such folders; and what to say about it.
    """
    found = [SPLIT_NAMES.get(name.split("/")[0].lower(), STRAY) if "/" in name else STRAY for name in names]
    strays = [name for name, part in zip(names, found, strict=True) if part == STRAY]
    named = {*found} - {STRAY}
    flat = not any(name.count("/") > 1 for name, part in zip(names, found, strict=True) if part != STRAY)
    beside = flat and any("/" in name for name in strays)  # folders of images side by side: train is a class of them
    if "train" not in named or (strays and len(named) == 1) or beside:
        like = sorted({name.split("/")[0] for name, part in zip(names, found, strict=True) if part != STRAY})
        words = f"folders called {', '.join(like)} are classes here: for splits train and test stand alone"
        return None, words if named else ""
    if not strays:
        return found, ""
    return found, (
        f"{len(strays)} images outside of the folders of the splits are left out, as {one_line(strays[0])}: move them "
        "into train or test"
    )


def _within(names: Sequence[str], split: Sequence[str]) -> list[list[str]]:
    """The path of each image below the folder of its split; of a stray, which is not read, that of the first."""
    paths = [name.split("/")[1:] for name in names]
    first = paths[next(place for place, part in enumerate(split) if part != STRAY)]
    return [first if part == STRAY else path for path, part in zip(paths, split, strict=True)]


def _of_files(count: int, together: bool) -> list[str]:
    """The part of each file: the whole, or splits of files where the frames of one must stay together."""
    if not together or count < FILES_APART:
        return [WHOLE] * count
    held = count // 10
    ranks = permutation(count).argsort().tolist()
    return [SPLITS[int(rank < held) + int(rank < 2 * held)] for rank in ranks]


def _classes(paths: Sequence[Sequence[str]]) -> np.ndarray[tuple[int], np.dtype[np.str_]] | None:
    if any(len(path) < 2 for path in paths):
        return None
    first = np.array([one_line(path[0]) for path in paths])
    return first if len(np.unique(first)) > 1 else None
