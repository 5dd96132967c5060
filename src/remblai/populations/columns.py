"""A column of both tables from its cells in each: numbers, dates, or categories."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.dates import dates_of
from remblai.data.moments import date_text
from remblai.data.number_text import FEWEST, numbers_of
from remblai.data.table_cells import is_number
from remblai.data.values import as_numbers, as_truths, gaps, level
from remblai.populations.table import Column

FEW = 20
"""Different numbers up to which a column that is numbers in one table and text in the other is one of categories."""
LARGEST = 1e150
"""The largest size of a number whose squares, summed over rows, are in float64."""


def column_of(name: str, a: NDArray[Any], b: NDArray[Any], names: tuple[str, str]) -> tuple[Column | None, str]:
    """The column of both tables, or None where it has no value; and what to say about it.

    Args:
        name: of the column.
        a: its cells (n,) in the first table: numbers, dates, or text with None for a gap.
        b: in the second.
        names: of the tables.

    Raises:
        ValueError: dates in one table and numbers in the other, many numbers or dates beside text, or numbers that are
            too large.
    """
    sides, note = [a, b], ""
    known = [~gaps(one) for one in sides]
    if not any(one.any() for one in known):
        return None, f"column {name!r} has no value in either table and is left out"
    for one, source in zip(known, names, strict=True):
        note = note or ("" if one.any() else f"column {name!r} has no value in {source}")
    if "O" in {one.dtype.kind for one in sides}:
        truths = [one for one in map(as_truths, sides) if one is not None]
        sides = truths if len(truths) == len(sides) else sides
    if {one.dtype.kind for one in sides} == {"M", "O"}:
        sides, read_as = _both_dates(name, sides)
        note = "; ".join(filter(None, (note, read_as)))
    elif {one.dtype.kind for one in sides} == {"f", "O"}:
        sides, read_as = _both_numbers(name, sides, names)
        note = "; ".join(filter(None, (note, read_as)))
    kinds = [one.dtype.kind for one, has in zip(sides, known, strict=True) if has.any()]
    if set(kinds) == {"f", "M"}:
        raise ValueError(
            f"drift: column {name!r}: expected dates in both tables or numbers in both, got "
            f"{' and '.join('dates' if one == 'M' else 'numbers' for one in kinds)}: correct the cells, or choose "
            "others with --columns."
        )
    numeric = [one in "fM" for one in kinds]
    if all(numeric):
        values = np.concatenate([as_numbers(one) for one in sides])
        if (largest := np.nanmax(np.abs(values))) > LARGEST:
            raise ValueError(
                f"drift: column {name!r}: expected numbers whose squares float64 holds, got values as large as "
                f"{largest:.3g}: take another unit, or choose others with --columns."
            )
        return Column(name, values, dates="M" in kinds), note
    for side, has, source in zip(sides, known, names, strict=True):
        if has.any() and side.dtype.kind in "fM" and len(np.unique(side[has])) > FEW:
            raise ValueError(
                f"drift: column {name!r}: expected numbers in both tables or text in both, got "
                f"{'numbers' if side.dtype.kind == 'f' else 'dates'} in {source} and text in the other, as "
                f"{_first_text(sides)!r}: correct the cells that are text, or choose others with --columns."
            )
    texts = [np.array([level(one) for one in side], object) for side in sides]
    both = np.concatenate(texts)
    levels = sorted({one for one in both if one is not None})
    if not any(numeric) and (found := _read_as(name, levels, both)):
        return found[0], f"{note}; {found[1]}" if note else found[1]
    place = {level: float(number) for number, level in enumerate(levels)}
    values = np.array([np.nan if one is None else place[one] for one in both])
    kind = "dates" if "M" in kinds else "numbers"
    mixed = f"column {name!r} is {kind} in one table and text in the other: compared as categories"
    return Column(name, values, tuple(levels)), note or (mixed if any(numeric) else "")


def _both_dates(name: str, sides: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], str]:
    """The cells of a table of dates and of one of text, which become dates where they are written so; and a note."""
    place, levels = _text_of(sides)
    found = dates_of(levels)
    if found is None:
        return sides, ""
    moments = {text: np.datetime64(round(days * 86_400e6), "us") for text, days in found.days.items()}
    gap = np.datetime64("NaT", "us")
    sides[place] = np.array([gap if one is None else moments[one] for one in sides[place]], "datetime64[us]")
    return sides, f"column {name!r} is text in one table that is read as dates ({found.order})"


def _both_numbers(name: str, sides: list[NDArray[Any]], names: tuple[str, str]) -> tuple[list[NDArray[Any]], str]:
    """The cells of a table of numbers and of one of text, which become numbers where they are written so; and a note.

    So are those with a currency, a unit, a decimal comma or marks between thousands, alike in all cells.
    """
    place, levels = _text_of(sides)
    found = numbers_of(levels) if len(levels) >= FEWEST else None
    if not found:
        return sides, ""
    sides[place] = np.array([np.nan if one is None else found[one] for one in sides[place]])
    words = f"column {name!r} of {names[place]} is text that is read as numbers: {levels[0]!r} as {found[levels[0]]:g}"
    return sides, words


def _text_of(sides: list[NDArray[Any]]) -> tuple[int, list[str]]:
    """Which of the sides is text, and its different texts."""
    (place,) = (place for place, one in enumerate(sides) if one.dtype.kind == "O")
    return place, sorted({one for one in sides[place] if one is not None})


def _first_text(sides: list[NDArray[Any]]) -> str:
    """A cell of text that is no number, or the first one."""
    texts = [one for side in sides if side.dtype.kind == "O" for one in side if one is not None]
    return str(next((one for one in texts if not is_number(one)), texts[0] if texts else ""))


def _read_as(name: str, levels: list[str], texts: NDArray[Any]) -> tuple[Column, str] | None:
    """A column of text whose different texts are dates or numbers as such, and what to say of it."""
    dates = dates_of(levels)
    known = numbers_of(levels) if dates is None else dates.days
    if not known:
        return None
    values = np.array([np.nan if one is None else known[one] for one in texts])
    if dates is not None:
        words = f"dates ({dates.order}): {levels[0]!r} as {date_text(known[levels[0]])}"
    else:
        words = f"numbers: {levels[0]!r} as {known[levels[0]]:g}"
    return Column(name, values, dates=dates is not None), f"column {name!r} is text that is read as {words}"
