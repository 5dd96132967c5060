"""Many pictures to one array: decoded once, on every core, and kept in the cache."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from remblai.data.cache import Allocate, Broken, stored
from remblai.data.form import Form, form_of
from remblai.data.pages import most_pixels, page_count
from remblai.data.pixels import MODES, UnfitError, facts, pixels
from remblai.data.workers import each
from remblai.runtime.text import one_line


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures not decoded yet.

    Args:
        source: what errors call the place they come from.
        names: of each picture, for errors.
        open: number of a picture -> the picture, opened by Pillow.
        key: plain JSON values that change whenever the pictures do.
        plain: whether all are known to be 8-bit pictures of one page, so that no header need be read.
        paged: whether each is one page of its file.
    """

    source: str
    names: Sequence[str]
    open: Callable[[int], Image.Image]
    key: Mapping[str, Any]
    plain: bool = False
    paged: bool = False


@dataclass(frozen=True, eq=False)
class Decoded:
    """Pictures as one array.

    Args:
        array: (n, c, h, w) uint8, uint16, int32 or float32, memory-mapped.
        whole: (n,) bool: False where a broken picture was skipped.
        notes: what was read how, and which ones were skipped, in sentences.
    """

    array: NDArray[Any]
    whole: NDArray[np.bool_]
    notes: list[str]


def decode(
    pictures: Pictures,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    stack: bool = False,
    max_pixels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Decoded:
    """Decodes pictures once; the next call with the same ones and options reads the cache.

    Args:
        pictures: what to decode.
        size: resize the shorter side to this and keep the middle square.
        crop: cut out the middle square of so many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; None takes grey or RGB, with alpha where all have it.
        stack: the pages of each file become its channels.
        max_pixels: of one picture; larger ones are refused as decompression bombs.
        skip_broken: leave out pictures that cannot be read or used, instead of refusing them.
        cache: the cache folder; see `runtime.files.cache_folder`.

    Raises:
        ValueError: no pictures, one that cannot be decoded or used (with its name), mixed sizes without `size`.
    """
    for option, value, least in (("size", size, 2), ("crop", crop, 2)):
        if value is not None and value < least:
            raise ValueError(f"{option} must be at least {least} pixels, got {value}")
    if channels is not None and channels not in MODES:
        raise ValueError(f"channels must be 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA), got {channels}")
    if stack and channels is not None:
        raise ValueError("channels and pages: with pages as channels, each page is one: leave channels out")

    def fill(allocate: Allocate) -> tuple[Broken, list[str]]:
        with most_pixels(max_pixels):
            return _fill(pictures, allocate, size=size, crop=crop, channels=channels, stack=stack, skip=skip_broken)

    key = {
        **pictures.key,
        "size": size,
        "crop": crop,
        "channels": channels,
        "stack": stack,
        "names": len(pictures.names),
    }
    if max_pixels is not None:  # without it the key is that of caches made before the option
        key["max_pixels"] = max_pixels
    entry = stored(key, fill, cache)
    if entry.broken and not skip_broken:
        row, reason = entry.broken[0]
        raise refused(pictures, row, reason)
    good = np.ones(len(pictures.names), bool)
    good[[row for row, _ in entry.broken]] = False
    return Decoded(entry.array, good, [*entry.notes, *_skipped(pictures, entry.broken)])


def frames(pictures: Pictures, skip: bool, max_pixels: int | None = None) -> tuple[Pictures, NDArray[np.int64]]:
    """Every page of every file as a picture of its own, and the file that each comes from.

    Args:
        pictures: the files.
        skip: whether files that cannot be read are left to `decode`, as one picture each, instead of refused.
        max_pixels: of one page.
    """

    def pages(number: int) -> int:
        with pictures.open(number) as image:
            return page_count(image)

    broken: dict[int, str] = {}
    with most_pixels(max_pixels):
        counts = dict(_each(pictures, pages, range(len(pictures.names)), broken, skip=skip, what="counting pages"))
    places = [(file, page) for file in range(len(pictures.names)) for page in range(counts.get(file, 1))]

    def opened(number: int) -> Image.Image:
        file, page = places[number]
        image = pictures.open(file)
        image.seek(page)
        return image

    names = [f"{pictures.names[file]}[{page}]" for file, page in places]
    paged = Pictures(pictures.source, names, opened, {**pictures.key, "pages": "frames"}, paged=True)
    return paged, np.array([file for file, _ in places])


def refused(pictures: Pictures, number: int, reason: str) -> ValueError:
    """The error for a picture that cannot be read or used."""
    return ValueError(
        f"{one_line(pictures.names[number])} in {one_line(pictures.source)} {one_line(reason)}. Repair or remove "
        "it, or pass --skip-broken to leave such images out"
    )


def _fill(
    pictures: Pictures,
    allocate: Allocate,
    *,
    size: int | None,
    crop: int | None,
    channels: int | None,
    stack: bool,
    skip: bool,
) -> tuple[Broken, list[str]]:
    n = len(pictures.names)
    broken: dict[int, str] = {}
    form = _form(pictures, size or crop, channels, stack, skip, broken)
    h, w, c = form.shape
    array = allocate((n, c, h, w), form.depth)  # planes, as networks read them: no batch is turned round

    def write(number: int) -> None:
        with pictures.open(number) as image:
            found = _pages(image, form, size, crop) if stack else pixels(image, c, size, crop, form.depth)
        if found.shape != form.shape:
            raise UnfitError(f"decodes to {found.shape}, where {form.shape} is expected")
        array[number] = found.transpose(2, 0, 1)

    todo = [number for number in range(n) if number not in broken]
    for _ in _each(pictures, write, todo, broken, skip=skip, what="decoding images"):
        pass
    if len(broken) == n:
        raise ValueError(f"none of the {n} images in {pictures.source} can be used: the first {broken[0]}")
    notes = list(form.notes)
    if c in (2, 4) and not stack and all((array[i, -1] == 255).all() for i in range(n) if i not in broken):
        notes.append(f"alpha is 255 throughout: --channels {c - 1} leaves it out")
    return sorted(broken.items()), notes


def _pages(image: Image.Image, form: Form, size: int | None, crop: int | None) -> NDArray[Any]:
    """The pages of a file as channels (h, w, pages)."""
    planes = []
    for page in range(page_count(image)):
        image.seek(page)
        planes.append(pixels(image.copy(), 1, size, crop, form.depth))
    return np.concatenate(planes, -1)


def _form(
    pictures: Pictures, side: int | None, channels: int | None, stack: bool, skip: bool, broken: dict[int, str]
) -> Form:
    """What all pictures become; their headers are read only where the options do not say it."""
    if pictures.plain and side is not None and channels is not None:
        return Form((side, side, channels), "uint8", ())

    def header(number: int) -> Any:
        with pictures.open(number) as image:
            found = facts(image)
        return replace(found, pages=1) if pictures.paged else found

    known = dict(_each(pictures, header, range(len(pictures.names)), broken, skip=skip, what="reading headers"))
    if not known:
        raise ValueError(f"none of the {len(broken)} images in {pictures.source} can be used: the first {broken[0]}")
    return form_of(known, pictures.names, pictures.source, side, channels, stack)


def _each(
    pictures: Pictures,
    work: Callable[[int], Any],
    numbers: Sequence[int],
    broken: dict[int, str],
    *,
    skip: bool,
    what: str,
) -> Any:
    """Runs `work` over the pictures; damaged and unfit ones are refused, or noted in `broken`."""
    for number, result, reason in each(work, numbers, what):
        if reason is None:
            yield number, result
        elif skip:
            broken[number] = reason
        else:
            raise refused(pictures, number, reason)


def _skipped(pictures: Pictures, broken: Broken) -> list[str]:
    if not broken:
        return []
    shown = ", ".join(pictures.names[row] for row, _ in broken[:5])
    return [one_line(f"{len(broken)} broken images skipped: {shown}{', ...' if len(broken) > 5 else ''}")]
