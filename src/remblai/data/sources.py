"""Points as the data have them: kept where two data sets are compared, and what is known of them elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from remblai.data.rows import Rows
from remblai.data.units import Units

KEPT: ContextVar[bool] = ContextVar("KEPT", default=False)
ERROR = 2.0**-23
"""By which a standardised number may be off once it is restored from float32, as a share of it."""


@contextmanager
def kept_sources() -> Iterator[None]:
    """Within it the rows of points that are loaded have a copy of these as the data have them.

    Equal numbers of two data sets are equal there, and not once each was standardised by its own moments. It takes as
    much memory again, which a training has no use for.
    """
    token = KEPT.set(True)
    try:
        yield
    finally:
        KEPT.reset(token)


def source_of(array: NDArray[Any]) -> NDArray[Any] | None:
    """A copy of points (n, d) within `kept_sources`, which later changes of the array or its file leave as it is."""
    return np.array(array) if KEPT.get() else None


def given_rows(units: Units, rows: Rows, places: NDArray[np.int64] | slice = slice(None)) -> NDArray[Any]:
    """The points (n, d) as the data have them; where that was not kept, in as many decimal places as float32 knows.

    Args:
        units: of the data.
        rows: of points.
        places: of the rows that are wanted.
    """
    if rows.source is not None:
        return rows.source[places]
    restored = units.exact.restore(torch.from_numpy(np.ascontiguousarray(rows.array[places])))
    if units.mean is None or restored.dtype != np.float64:
        return restored
    flat = restored.reshape(len(restored), *units.shape)  # a split may have no row
    error = 2.0 * ERROR * np.abs(flat - np.asarray(units.mean))
    with np.errstate(divide="ignore"):
        digits = np.where(error > 0, np.floor(-np.log10(error)), 17).clip(-300, 17).astype(np.int64)
    for count in np.unique(digits):
        chosen = digits == count
        flat[chosen] = np.round(flat[chosen], int(count))
    return flat.reshape(restored.shape)
