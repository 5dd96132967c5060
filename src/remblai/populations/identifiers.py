"""Columns that number or name the rows: any two tables differ in them, and that says nothing about the populations."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from remblai.populations.table import Column, Floats, Tables

ROWS = 20
"""Rows of each table, at least: of fewer, different values are no sign of an identifier."""


def without_identifiers(tables: Tables, kept: Collection[str]) -> Tables:
    """The tables without the columns that look like identifiers, with a note about each.

    Args:
        tables: both.
        kept: names of columns that stay in any case; a note says what they look like.
    """
    found = {column.name: why for column in tables.columns if (why := looks_like(column, tables.n))}
    out = tuple(name for name in found if name not in kept)
    if len(out) == len(tables.columns):
        out = ()  # nothing else could be compared
    left, stays = "it is left out unless --columns names it", "it is compared all the same"
    notes = tuple(
        f"column {name!r} looks like an identifier: {why}; {left if name in out else stays}"
        for name, why in found.items()
    )
    columns = tuple(one for one in tables.columns if one.name not in out)
    return replace(tables, columns=columns, notes=(*tables.notes, *notes), left_out=out)


def looks_like(column: Column, n: int) -> str:
    """Why a column looks like an identifier, in words; empty where it does not.

    Of whole numbers and of text: every value is different within each table. Of all numbers and dates: values rise, or
    fall, from every row to the next in both tables.

    Args:
        column: of both tables.
        n: rows of the first.
    """
    parts = column.values[:n], column.values[n:]
    if column.gaps.any() or min(map(len, parts)) < ROWS:
        return ""
    whole = column.levels is not None or bool((column.values == np.round(column.values)).all())
    if whole and not column.dates and all(len(np.unique(part)) == len(part) for part in parts):
        return "every value is different"
    if column.levels is None and _monotone(parts):
        return "its values rise or fall from each row to the next"
    return ""


def _monotone(parts: tuple[Floats, Floats]) -> bool:
    steps = [np.diff(part) for part in parts]
    return all((one > 0).all() for one in steps) or all((one < 0).all() for one in steps)
