"""Cells of a column as numbers and as text, and which of them are gaps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.moments import date_text
from remblai.data.table_cells import TRUTHS


def gaps(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which cells (n,) have no value."""
    tests = {"M": np.isnat, "f": np.isnan}
    found: NDArray[np.bool_] = tests.get(values.dtype.kind, _none)(values)
    return found


def _none(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([one is None for one in values], bool)


def as_numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """Numbers as they are, dates as days since 1970-01-01; all gaps of a column of text that has no value."""
    if values.dtype.kind == "M":
        return np.where(np.isnat(values), np.nan, values.astype("datetime64[us]").astype(np.int64) / 86_400e6)
    return values if values.dtype.kind == "f" else np.full(len(values), np.nan)


def written(cells: NDArray[Any], gap: str | None = None) -> NDArray[Any]:
    """Dates as text, as YYYY-MM-DD with a time where they have one, and gaps as `gap`; other cells as they are."""
    if cells.dtype.kind != "M":
        return cells
    return np.array([gap if np.isnan(days) else date_text(days) for days in as_numbers(cells)], object)


def as_truths(values: NDArray[Any]) -> NDArray[Any] | None:
    """Cells of true and false in any spelling, or of 1 and 0, as the texts True and False; None of all others."""
    known = values[~gaps(values)]
    if values.dtype.kind == "f" and len(known) and np.isin(known, (0.0, 1.0)).all():
        return np.array([None if np.isnan(one) else str(bool(one)) for one in values], object)
    if values.dtype.kind == "O" and len(known) and {str(one).lower() for one in set(known)} <= {*TRUTHS}:
        return np.array([None if one is None else str(one).capitalize() for one in values], object)
    return None


def level(value: Any) -> str | None:
    """A cell as text, as the same value is written in a table of text; None of a gap."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else date_text(float(as_numbers(np.array([value]))[0]))
    if isinstance(value, float):
        return None if np.isnan(value) else str(int(value)) if value.is_integer() else repr(float(value))
    return None if value is None else str(value)
