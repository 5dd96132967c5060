"""Columns, and channels of codes, in units of their deviation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.rows import chunks

ROUNDING = 8 * np.finfo(np.float64).eps
"""What a column varies by, as a share of its size, up to which it may be rounding alone."""
ROUNDING_OF_SINGLES = 2 * float(np.finfo(np.float32).eps)
"""The same of numbers in float32, whose neighbours are so far apart."""
NARROW = 1e-6
"""The same share below which sums from 0 on would lose its digits."""
Names = Sequence[str] | None
"""Of columns, where they have any."""


def standardised(
    points: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(points - mean) / deviation, where a constant column, of deviation 0, is only shifted."""
    return (points - mean) / np.where(deviation == 0, 1.0, deviation)


def by_channel(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers (k,), one a channel, as they are taken with codes (n, k, h, w)."""
    return numbers[:, None, None]


def moments(
    array: NDArray[Any], rows: NDArray[np.int64], names: Names, rounding: float = ROUNDING
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each column over `rows`, in two passes; what varies by rounding errors only is constant.

    Columns that vary little beside their size are summed from their first value on: the sum itself would round it away.

    Args:
        array: (n, d).
        rows: whose moments these are.
        names: of the columns, for errors.
        rounding: what a column varies by, as a share of its size, up to which it may be rounding alone.

    Returns:
        the means (d,) and the deviations (d,), 0 of a constant column.

    Raises:
        ValueError: values too large.
    """
    ordered = np.sort(rows)
    low, high = _ends(array, ordered)
    extent, size = high - low, np.maximum(np.abs(low), np.abs(high))
    first = np.where(extent < NARROW * size, array[ordered[0]].astype(np.float64), 0.0)
    total = np.zeros(array.shape[1])
    squares = np.zeros(array.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is refused below
        for part in chunks(len(ordered), 8 * array.shape[1]):
            total += (array[ordered[part]].astype(np.float64) - first).sum(0)
        mean = total / len(ordered)
        for part in chunks(len(ordered), 8 * array.shape[1]):
            squares += ((array[ordered[part]].astype(np.float64) - first - mean) ** 2).sum(0)
    deviation = np.sqrt(squares / len(ordered))
    if not np.isfinite(deviation).all():
        column = int(np.flatnonzero(~np.isfinite(deviation))[0])
        raise _too_large(array, column, names)
    constant = extent <= rounding * size
    return np.where(constant, array[ordered[0]], first + mean), np.where(constant, 0.0, deviation)


def _ends(array: NDArray[Any], rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the largest value of each column over rows."""
    low, high = np.full(array.shape[1], np.inf), np.full(array.shape[1], -np.inf)
    for part in chunks(len(rows), 8 * array.shape[1]):
        values = array[rows[part]].astype(np.float64)
        low, high = np.minimum(low, values.min(0)), np.maximum(high, values.max(0))
    return low, high


def standardise(
    array: NDArray[Any], mean: NDArray[np.float64], deviation: NDArray[np.float64], names: Names
) -> NDArray[np.float32]:
    """The rows (n, d) standardised, a block at a time."""
    out = np.empty(array.shape, np.float32)
    for part in chunks(len(array), 8 * array.shape[1]):
        with np.errstate(over="ignore"):  # what is too large is refused below
            out[part] = standardised(array[part].astype(np.float64), mean, deviation)
        if not np.isfinite(out[part]).all():
            raise _too_large(array, int(np.argwhere(~np.isfinite(out[part]))[0, 1]), names)
    return out


def _too_large(array: NDArray[Any], column: int, names: Names) -> ValueError:
    largest, name = np.abs(array[:, column]).max(), repr(names[column]) if names else column + 1
    return ValueError(
        f"column {name} of the data holds values as large as {largest:g}, too large to be "
        "standardised: use another unit, or remove such rows"
    )
