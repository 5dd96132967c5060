"""The types of the columns of a table: whole numbers stay whole, and true and false stay so, in what a model makes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.layout import cast

WHOLE = 2.0**53
"""Numbers below which every whole one is a float64."""
FLOAT = "float64"


def types_of(table: NDArray[np.float64]) -> tuple[str, ...] | None:
    """The type of each column of numbers (n, d) that were text: whole (unsigned where none is below 0), or float64.

    None where all are float64.
    """
    found = []
    for column in table.T:
        whole = bool(np.all(column == np.rint(column)) and np.all(np.abs(column) < WHOLE))
        kind = "int64" if column.min(initial=0.0) < 0.0 else "uint64"  # of counts none is below 0
        found.append(kind if whole else FLOAT)
    return None if set(found) <= {FLOAT} else tuple(found)


def typed(values: NDArray[Any], types: Sequence[np.dtype[Any]] | None) -> list[NDArray[Any]]:
    """The columns of values (n, d), each in its type; whole numbers are rounded."""
    if types is None:
        return list(values.T)
    return [cast(column, kind) for column, kind in zip(values.T, types, strict=True)]


def rounded(values: NDArray[Any], types: Sequence[np.dtype[Any]] | None) -> NDArray[Any]:
    """The values (n, d) in their own type, with whole numbers in the columns of such types."""
    if types is None:
        return values
    return np.stack(typed(values, types), 1).astype(values.dtype)
