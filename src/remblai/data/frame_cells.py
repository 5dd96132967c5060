"""Cells as columns of a data frame: gaps, time zones, and types that have gaps."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.values import level, written

ZONE = re.compile(r"time_zone='([^']+)'")
"""The time zone in the name of a type of polars."""
TEXT = ("str", "object", "large_string")
"""How the names of types of text begin."""
SIZES = (8, 16, 32, 64)
NULLABLE = {"bool": "boolean"} | {f"int{n}": f"Int{n}" for n in SIZES} | {f"uint{n}": f"UInt{n}" for n in SIZES}
"""The types of pandas that have gaps, by those of numpy that have none."""


def with_gaps(cells: NDArray[Any]) -> NDArray[Any]:
    """Numbers with None for a gap as floats with NaN; other cells as they are."""
    if cells.dtype.kind != "O" or any(isinstance(one, str | bool) for one in cells):
        return cells
    return np.array([np.nan if one is None else float(one) for one in cells])


def levels_of(column: Any) -> dict[str, Any] | None:
    """All categories of a column in their order, and whether it counts; None of other columns.

    Those of categories that JSON has no value for are left to the samples, too.
    """
    if not str(column.dtype).startswith(("category", "Enum")):
        return None
    values = [one.item() if hasattr(one, "item") else one for one in column.dtype.categories]
    if not all(isinstance(one, str | int | float) for one in values):
        return None
    return {"values": values, "ordered": bool(getattr(column.dtype, "ordered", False))}


def as_levels(cells: NDArray[Any], values: Sequence[Any]) -> tuple[NDArray[Any], list[Any]]:
    """Cells of text as the categories that they are the text of, None of gaps; and all categories.

    Cells of other categories, as where a frame has fewer than the model's data, are added to them.
    """
    by_text = {level(value): value for value in values}
    whole = bool(by_text) and all(isinstance(value, int) for value in values)
    for text in dict.fromkeys(str(one) for one in cells if one is not None):
        by_text.setdefault(text, int(text) if whole and text.lstrip("-").isdigit() else text)
    found = [None if one is None else by_text[str(one)] for one in cells]
    return np.array(found, object), list(by_text.values())


def as_text(cells: NDArray[Any], kind: str) -> NDArray[Any]:
    """Dates as text, where the data's own column held dates as text; other cells as they are."""
    return written(cells) if kind.lower().startswith(TEXT) else cells


def in_zone(series: Any, kind: str) -> Any:
    """Times of polars in UTC in the time zone of a type, where it has one."""
    zone = ZONE.search(kind)
    return series if zone is None else series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone.group(1))


def nullable(kind: Any, column: Any) -> Any:
    """The type of a pandas column, or that which has gaps too where numpy's has none and the column some."""
    return NULLABLE.get(kind, kind) if isinstance(kind, str) and column.isna().any() else kind
