"""Many pictures to one array: decoded once, on every core, and kept in the cache."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from remblai.data.cache import Allocate, Broken, stored
from remblai.data.pixels import DAMAGE, MODES, Facts, UnfitError, facts, pixels

T = TypeVar("T")
BLOCK = 32


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures not decoded yet.

    Args:
        source: what errors call the place they come from.
        names: of each picture, for errors.
        open: number of a picture -> the picture, opened by Pillow.
        key: plain JSON values that change whenever the pictures do.
    """

    source: str
    names: Sequence[str]
    open: Callable[[int], Image.Image]
    key: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Pictures as one array.

    Args:
        array: (n, c, h, w) uint8, memory-mapped.
        whole: (n,) bool: False where a broken picture was skipped.
        note: which ones were skipped, in words; empty when none.
    """

    array: NDArray[np.uint8]
    whole: NDArray[np.bool_]
    note: str


def decode(
    pictures: Pictures,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Decoded:
    """Decodes pictures once; the next call with the same ones and options reads the cache.

    Args:
        pictures: what to decode.
        size: resize the shorter side to this and keep the middle square.
        crop: cut out the middle square of so many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA; None takes the least that holds every picture.
        skip_broken: leave out pictures that cannot be decoded, instead of refusing them.
        cache: the cache folder; see `cache.folder`.

    Raises:
        ValueError: no pictures, one that cannot be decoded or used (with its name), mixed sizes without `size`.
    """
    for option, value, least in (("size", size, 2), ("crop", crop, 2)):
        if value is not None and value < least:
            raise ValueError(f"{option} must be at least {least} pixels, got {value}")
    if channels is not None and channels not in MODES:
        raise ValueError(f"channels must be 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA), got {channels}")

    def fill(allocate: Allocate) -> Broken:
        return _fill(pictures, allocate, size=size, crop=crop, channels=channels, skip=skip_broken)

    entry = stored({**pictures.key, "size": size, "crop": crop, "channels": channels}, fill, cache)
    if entry.broken and not skip_broken:
        raise _refused(pictures, *entry.broken[0])
    good = np.ones(len(pictures.names), bool)
    good[[row for row, _ in entry.broken]] = False
    return Decoded(entry.array, good, _skipped(pictures, entry.broken))


def _fill(
    pictures: Pictures, allocate: Allocate, *, size: int | None, crop: int | None, channels: int | None, skip: bool
) -> Broken:
    n = len(pictures.names)
    broken: dict[int, str] = {}
    shape = _shape(pictures, size or crop, channels, skip, broken)
    array = allocate((n, shape[2], *shape[:2]))  # planes, as networks read them: no batch is turned round

    def write(number: int) -> None:
        with pictures.open(number) as image:
            found = pixels(image, shape[2], size, crop)
        if found.shape != shape:
            raise OSError(f"decodes to {found.shape}, but its header says {shape}")
        array[number] = found.transpose(2, 0, 1)

    todo = [number for number in range(n) if number not in broken]
    for _ in _each(pictures, write, todo, broken, skip=skip, told="decoding images"):
        pass
    if len(broken) == n:
        raise ValueError(f"none of the {n} images in {pictures.source} can be decoded: {broken[0]}")
    return sorted(broken.items())


def _shape(
    pictures: Pictures, side: int | None, channels: int | None, skip: bool, broken: dict[int, str]
) -> tuple[int, int, int]:
    """The shape (h, w, c) of all pictures; their headers are read only where the options do not say it."""
    if side is not None and channels is not None:
        return side, side, channels

    def header(number: int) -> Facts:
        with pictures.open(number) as image:
            return facts(image)

    known = dict(_each(pictures, header, range(len(pictures.names)), broken, skip=skip, told="reading headers"))
    if not known:
        raise ValueError(f"none of the {len(broken)} images in {pictures.source} can be decoded: {broken[0]}")
    h, w = (side, side) if side is not None else _one_size(pictures, known)
    colour, alpha = any(of.colour for of in known.values()), any(of.alpha for of in known.values())
    return h, w, channels or (3 if colour else 1) + (1 if alpha else 0)


def _one_size(pictures: Pictures, known: Mapping[int, Facts]) -> tuple[int, int]:
    examples = {(of.height, of.width): number for number, of in reversed(list(known.items()))}
    if len(examples) == 1:
        return next(iter(examples))
    counts = Counter((of.height, of.width) for of in known.values())
    told = ", ".join(
        f"{w}x{h} ({count}, as {pictures.names[examples[h, w]]})" for (h, w), count in counts.most_common(3)
    )
    raise ValueError(
        f"the images in {pictures.source} have {len(counts)} different sizes, width x height: {told}"
        f"{', ...' if len(counts) > 3 else ''}. A model needs one: --size N resizes the shorter side to N and keeps "
        "the middle square"
    )


def _each(
    pictures: Pictures,
    work: Callable[[int], T],
    numbers: Sequence[int],
    broken: dict[int, str],
    *,
    skip: bool,
    told: str,
) -> Iterator[tuple[int, T]]:
    """Runs `work` over the pictures on every core, in order; damaged ones are refused, or noted in `broken`."""

    def block(part: Sequence[int]) -> list[tuple[int, T] | _Damage]:
        return [_tried(pictures, work, number) for number in part]

    parts = [numbers[first : first + BLOCK] for first in range(0, len(numbers), BLOCK)]
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        with tqdm(total=len(numbers), desc=told, unit="image", file=sys.stderr, disable=None, delay=0.5) as bar:
            for results in pool.map(block, parts):
                for result in results:
                    if not isinstance(result, _Damage):
                        yield result
                    elif skip:
                        broken[result.number] = result.reason
                    else:
                        raise _refused(pictures, result.number, result.reason)
                bar.update(len(results))
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Damage:
    number: int
    reason: str


def _tried(pictures: Pictures, work: Callable[[int], T], number: int) -> tuple[int, T] | _Damage:
    try:
        return number, work(number)
    except UnfitError as error:
        raise ValueError(f"{pictures.names[number]} in {pictures.source} {error}") from error
    except DAMAGE as error:
        return _Damage(number, str(error) or type(error).__name__)


def _refused(pictures: Pictures, number: int, reason: str) -> ValueError:
    return ValueError(
        f"{pictures.names[number]} in {pictures.source} cannot be decoded: {reason}. Mend or remove it, or pass "
        "--skip-broken to leave such images out"
    )


def _skipped(pictures: Pictures, broken: Broken) -> str:
    if not broken:
        return ""
    shown = ", ".join(pictures.names[row] for row, _ in broken[:5])
    return f"{len(broken)} broken images skipped: {shown}{', ...' if len(broken) > 5 else ''}"
