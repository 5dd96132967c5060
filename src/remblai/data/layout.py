"""What the axes and the values of an array of images mean: read off where they say it, asked for where they do not."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from remblai.data.rows import chunks, spread

Layout = Literal["nhw", "nhwc", "nchw", "nd", "flat"]
LAYOUTS: tuple[str, ...] = get_args(Layout)
NAME_IT = "Name their range: --range LOW,HIGH; in Python range=(LOW, HIGH) of data.load, or of data_options"
MOST_CHANNELS = 4
MOST_UNEQUAL = 3
"""Arrays (n, a, b) whose sides differ by a larger factor may be series of a few values: their layout is asked for."""
ROUNDING = 1e-4
"""Share of the range by which floats may lie outside it."""

Limits = tuple[float, float]
BYTES: Limits = (0.0, 255.0)


def layout_of(shape: tuple[int, ...], asked: str | None, what: str, bytes_: bool = True) -> str:
    """Which layout an array of this shape has: nd, nhw, nhwc, nchw, or flat, points of any rank and numbers
    (n,).

    Args:
        shape: of the array.
        asked: the layout that the user named, or None.
        what: the name of the array in errors.
        bytes_: whether the values are bytes, which are those of images; other numbers may be series (n, t, c).

    Raises:
        ValueError: a rank that no layout has, another rank than the named layout's, no axis or two axes of at most 4
            that may be channels, or (n, a, b) that may be a series.
    """
    if asked is not None and asked not in LAYOUTS:
        raise ValueError(f"unknown layout {asked!r}: expected one of {', '.join(LAYOUTS)}")
    if (asked == "flat" and len(shape) >= 2) or (asked is None and len(shape) == 1):
        return "flat"
    if asked in {None, "flat"} and len(shape) not in {2, 3, 4}:
        raise ValueError(
            f"{what} has shape {shape}; expected images (n, h, w), (n, h, w, c) or (n, c, h, w), points (n, d) or "
            "numbers (n,)" + (": --layout flat takes any rank as points" if len(shape) else "")
        )
    if asked is not None:
        if len(asked) != len(shape):
            raise ValueError(
                f"{what} has shape {shape}, which is not of layout {asked}, {len(asked)} axes: name its own axes, or "
                "leave the layout out"
            )
        return asked
    if len(shape) == 2:
        return "nd"
    if len(shape) == 3:
        short, long = sorted(shape[1:])
        if not bytes_ and 0 < short * MOST_UNEQUAL < long:
            raise ValueError(
                f"{what} has shape {shape}, which may be series of {short} values or images of {shape[1]}x{shape[2]} "
                "pixels. Say which: --layout flat takes series as points, --layout nhw takes images"
            )
        return "nhw"
    first, last = 1 <= shape[1] <= MOST_CHANNELS, 1 <= shape[3] <= MOST_CHANNELS
    if first and last:
        raise ValueError(
            f"the layout of {what} is ambiguous: in shape {shape} both the second axis ({shape[1]}) and the last "
            f"({shape[3]}) may be channels. Say which: --layout nchw or --layout nhwc"
        )
    if not first and not last:
        raise ValueError(
            f"{what} has shape {shape}, where neither the second axis nor the last can be channels (1 to 4). "
            "If one is, say which: --layout nchw or --layout nhwc; volumes are taken as points by --layout flat"
        )
    return "nchw" if first else "nhwc"


def planes(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """A view (n, c, h, w) of an array of images."""
    if layout == "nhw":
        return array[:, None]
    return array.transpose(0, 3, 1, 2) if layout == "nhwc" else array


def to_layout(array: NDArray[Any], layout: str) -> NDArray[Any]:
    """The inverse of `planes`: (n, c, h, w) in the layout nhw, nhwc or nchw, contiguous."""
    if layout == "nhw":
        return array[:, 0]
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if layout == "nhwc" else array


def native(array: NDArray[Any], what: str = "the array") -> NDArray[Any]:
    """The array in a type that a tensor can hold: itself where that is so, without a copy.

    Numbers of another byte order and long floats are converted; so are uint32 and uint64, to int64 of the same values.

    Raises:
        ValueError: uint64 values of 2^63 or more.
    """
    kind = array.dtype.newbyteorder("=")
    if kind.name == "uint64" and array.max(initial=0) > np.iinfo(np.int64).max:
        raise ValueError(
            f"{what} holds uint64 values up to {array.max()}: expected at most 2^63 - 1. Subtract an offset, or pass "
            "them as floats"
        )
    other = {"uint32": "int64", "uint64": "int64", np.dtype(np.longdouble).name: "float64"}
    return array.astype(other.get(kind.name, kind), copy=False)


def cast(values: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Values as the data's type: rounded and kept within its range where it has whole numbers."""
    if kind.kind == "b":
        return values >= 0.5
    if kind.kind in "ui":
        limits = np.iinfo(kind)
        # the largest 64-bit number is no float: the next one below it is
        highest = float(limits.max) if limits.bits < 64 else math.nextafter(float(limits.max), 0)
        values = np.rint(values).clip(float(limits.min), highest)
    cast: NDArray[Any] = values.astype(kind, copy=False)
    return cast


def limits_of(arrays: Sequence[NDArray[Any]], asked: Limits | None, what: str) -> Limits:
    """The values that become 0 and 1: those of the type of the numbers, or those that the user names.

    uint8 and other whole numbers: 0 and 255, which they must lie between; 0 and 1 where there is nothing else, as in
    bool and masks. Floats: 0 and 1, or -1 and 1 where any is negative. Rounding errors up to 1e-4 of the range pass.

    Args:
        arrays: images of one type, first axis samples.
        asked: low and high, where the user names them.
        what: the name of the arrays in errors.

    Raises:
        ValueError: values that are no real numbers, NaN, infinite, or outside the range.
    """
    kind = arrays[0].dtype
    if kind == np.uint8 and asked is None and max(int(spread(array).max(initial=0)) for array in arrays) > 1:
        return 0.0, 255.0  # known without reading all of a file of any size
    for array in arrays:
        check_numbers(array, what)
    lowest, highest = extremes(arrays)
    if asked is not None:
        low, high = asked
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"range must be two finite numbers, low below high, got {low:g} {high:g}")
        slack = ROUNDING * (high - low) * (kind.kind == "f")
        if lowest < low - slack or highest > high + slack:
            raise ValueError(
                f"{what} holds values from {lowest:g} to {highest:g}, outside the range {low:g} {high:g}: name a range "
                "that holds them all"
            )
        return float(low), float(high)
    if kind.kind == "b" or (kind.kind in "ui" and lowest >= 0 and highest == 1):
        return 0.0, 1.0
    if kind.kind in "ui":
        if lowest < 0 or highest > 255:
            raise ValueError(f"{what} holds whole numbers from {lowest:g} to {highest:g}; expected 0 to 255. {NAME_IT}")
        return 0.0, 255.0
    if lowest < -1 - 2 * ROUNDING or highest > 1 + ROUNDING:
        raise ValueError(f"{what} holds floats from {lowest:g} to {highest:g}; expected [0, 1] or [-1, 1]. {NAME_IT}")
    return float_limits(lowest)


def float_limits(lowest: float) -> Limits:
    """The range of floats whose least value this is, where nothing else is known of it."""
    return (-1.0, 1.0) if lowest < -ROUNDING else (0.0, 1.0)


def check_numbers(array: NDArray[Any], what: str) -> None:
    """Refuses what is not real and finite, with the place of the first bad value.

    Raises:
        ValueError: text, objects, complex numbers, NaN, infinity.
    """
    if array.dtype.kind not in "buif":
        raise ValueError(f"{what} holds {array.dtype}: expected real numbers")
    if array.dtype.kind != "f":
        return
    for part in _parts(array):
        finite = np.isfinite(array[part])
        if not finite.all():
            place = np.argwhere(~finite)[0]
            value = array[part][tuple(place)]
            place[0] += part.start
            raise ValueError(
                f"{what} holds {value} at position {tuple(place.tolist())}: remove or replace such samples"
            )


def extremes(arrays: Sequence[NDArray[Any]]) -> Limits:
    """The least and the largest value; (0, 0) of nothing."""
    found = [(float(a[part].min()), float(a[part].max())) for a in arrays for part in _parts(a) if a[part].size]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)


def _parts(array: NDArray[Any]) -> list[slice]:
    return list(chunks(len(array), 8 * max(1, array.size // max(1, len(array)))))
