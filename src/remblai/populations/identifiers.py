"""Columns that number or name the rows: any two tables differ in them, and that says nothing about the populations."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from remblai.populations.table import Column, Floats, Tables

ROWS = 20
"""Rows of each table, at least: of fewer, different values are no sign of an identifier."""
SPARSE = 4
"""Times as many whole numbers as there are rows, at most, that the range of numbers of rows has."""
LARGE = 2.0**40
"""Whole numbers from here on are hashes and codes, no counts or amounts."""


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

    Of text: every value is different within each table. Of whole numbers: the same, and they fill at least a quarter of
    the range that they are in, or are too large for counts and amounts. Of whole numbers and dates: values rise, or
    fall, from every row to the next in both tables. Amounts in whole units whose values happen to differ stay.

    Args:
        column: of both tables.
        n: rows of the first.
    """
    parts = column.values[:n], column.values[n:]
    if column.gaps.any() or min(map(len, parts)) < ROWS:
        return ""
    if column.levels is None and not (column.values == np.round(column.values)).all():
        return ""
    if column.levels is None and _monotone(parts):
        return "its values rise or fall from each row to the next"
    different = all(len(np.unique(part)) == len(part) for part in parts)
    if different and not column.dates and (column.levels is not None or _numbered(column.values)):
        return "every value is different"
    return ""


def _numbered(values: Floats) -> bool:
    """Whether different whole numbers are numbers of rows, such as 1 to n in any order, or of a hash."""
    extent = float(values.max() - values.min()) + 1
    largest = float(abs(values).max())
    # beyond 2^53 every float is whole: numbers such as 1.76e30 are measurements, and of both signs they are too
    return extent <= SPARSE * len(values) or (LARGE <= largest < 2.0**64 and float(values.min()) >= 0.0)


def _monotone(parts: tuple[Floats, Floats]) -> bool:
    steps = [np.diff(part) for part in parts]
    return all((one > 0).all() for one in steps) or all((one < 0).all() for one in steps)
