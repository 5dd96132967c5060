"""Cells as columns of a data frame: gaps, time zones, and types that have gaps."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

ZONE = re.compile(r"time_zone='([^']+)'")
"""The time zone in the name of a type of polars."""
SIZES = (8, 16, 32, 64)
NULLABLE = {"bool": "boolean"} | {f"int{n}": f"Int{n}" for n in SIZES} | {f"uint{n}": f"UInt{n}" for n in SIZES}
"""The types of pandas that have gaps, by those of numpy that have none."""


def with_gaps(cells: NDArray[Any]) -> NDArray[Any]:
    """Numbers with None for a gap as floats with NaN; other cells as they are."""
    if cells.dtype.kind != "O" or any(isinstance(one, str | bool) for one in cells):
        return cells
    return np.array([np.nan if one is None else float(one) for one in cells])


def in_zone(series: Any, kind: str) -> Any:
    """Times of polars in UTC in the time zone of a type, where it has one."""
    zone = ZONE.search(kind)
    return series if zone is None else series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone.group(1))


def nullable(name: str, column: Any) -> str:
    """The type of a pandas column, or that which has gaps too where numpy's has none and the column some."""
    return NULLABLE.get(name, name) if column.isna().any() else name
