"""What the axes and the values of an array of images mean: read off where they say it, asked for where they do not."""

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from remblai.data.rows import chunks

Layout = Literal["nhw", "nhwc", "nchw", "nd"]
LAYOUTS: tuple[str, ...] = get_args(Layout)
MOST_CHANNELS = 4


def layout_of(shape: tuple[int, ...], asked: str | None, told: str) -> str:
    """Which layout an array of this shape has: nd, nhw, nhwc or nchw.

    Args:
        shape: of the array.
        asked: the layout that the user named, or None.
        told: what errors call the array.

    Raises:
        ValueError: a rank that no layout has, another rank than the named layout's, no axis or two axes of at most 4
            that may be channels.
    """
    if asked is not None and asked not in LAYOUTS:
        raise ValueError(f"unknown layout {asked!r}: expected one of {', '.join(LAYOUTS)}")
    if len(shape) not in {2, 3, 4}:
        mend = ": reshape a list of numbers to (n, 1)" if len(shape) == 1 else ""
        raise ValueError(f"{told} has shape {shape}; expected (n, h, w), (n, h, w, c), (n, c, h, w) or (n, d){mend}")
    if asked is not None:
        if len(asked) != len(shape):
            raise ValueError(f"{told} has shape {shape}, which is not of layout {asked}, {len(asked)} axes")
        return asked
    if len(shape) < 4:
        return "nd" if len(shape) == 2 else "nhw"
    first, last = 1 <= shape[1] <= MOST_CHANNELS, 1 <= shape[3] <= MOST_CHANNELS
    if first and last:
        raise ValueError(
            f"the layout of {told} is ambiguous: in shape {shape} both the second axis ({shape[1]}) and the last "
            f"({shape[3]}) may be channels. Say which: --layout nchw or --layout nhwc"
        )
    if not first and not last:
        raise ValueError(
            f"{told} has shape {shape}, where neither the second axis nor the last can be channels (1 to 4). "
            "If one is, say which: --layout nchw or --layout nhwc"
        )
    return "nchw" if first else "nhwc"


def planes(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """A view (n, c, h, w) of an array of images."""
    if layout == "nhw":
        return array[:, None]
    return array.transpose(0, 3, 1, 2) if layout == "nhwc" else array


def to_bytes(array: NDArray[Any], limits: tuple[float, float] | None, told: str) -> NDArray[np.uint8]:
    """An array of images as uint8, in pieces: no second copy of its own size is made.

    uint8 stays as it is; bool becomes 0 and 255; other whole numbers must lie in 0..255; floats in [0, 1], or in
    [-1, 1] when any is negative, are scaled to 0..255 and rounded.

    Args:
        array: any shape, first axis samples.
        limits: the range of the values, when the user names it: (low, high) becomes 0..255.
        told: what errors call the array.

    Raises:
        ValueError: values that are no real numbers, NaN, infinite, or outside the range.
    """
    check_numbers(array, told)
    if array.dtype == np.uint8 and limits is None:
        return np.ascontiguousarray(array)
    low, high = _range_of(array, limits, told)
    out = np.empty(array.shape, np.uint8)
    for part in _parts(array):
        scaled = (array[part].astype(np.float64) - low) * (255.0 / (high - low))
        out[part] = np.round(scaled)
    return out


def check_numbers(array: NDArray[Any], told: str) -> None:
    """Refuses what is not real and finite, with the place of the first bad value.

    Raises:
        ValueError: text, objects, complex numbers, NaN, infinity.
    """
    if array.dtype.kind not in "buif":
        raise ValueError(f"{told} holds {array.dtype}: expected real numbers")
    if array.dtype.kind != "f":
        return
    for part in _parts(array):
        finite = np.isfinite(array[part])
        if not finite.all():
            place = np.argwhere(~finite)[0]
            value = array[part][tuple(place)]
            place[0] += part.start
            raise ValueError(
                f"{told} holds {value} at position {tuple(place.tolist())}: remove or replace such samples"
            )


def _range_of(array: NDArray[Any], limits: tuple[float, float] | None, told: str) -> tuple[float, float]:
    lowest, highest = _extremes(array)
    if limits is not None:
        low, high = limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"range must be two finite numbers, low below high, got {low:g} {high:g}")
        if lowest < low or highest > high:
            raise ValueError(f"{told} holds values from {lowest:g} to {highest:g}, outside the range {low:g} {high:g}")
        return low, high
    if array.dtype.kind == "b":
        return 0.0, 1.0
    if array.dtype.kind in "ui":
        if lowest < 0 or highest > 255:
            raise ValueError(
                f"{told} holds whole numbers from {lowest:g} to {highest:g}; expected 0 to 255. Name their range: "
                "--range LOW,HIGH"
            )
        return 0.0, 255.0
    if lowest < -1 or highest > 1:
        raise ValueError(
            f"{told} holds floats from {lowest:g} to {highest:g}; expected [0, 1] or [-1, 1]. Name their range: "
            "--range LOW,HIGH"
        )
    return (-1.0, 1.0) if lowest < 0 else (0.0, 1.0)


def _extremes(array: NDArray[Any]) -> tuple[float, float]:
    found = [(float(array[part].min()), float(array[part].max())) for part in _parts(array) if array[part].size]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)


def _parts(array: NDArray[Any]) -> list[slice]:
    return list(chunks(len(array), 8 * max(1, array.size // max(1, len(array)))))
