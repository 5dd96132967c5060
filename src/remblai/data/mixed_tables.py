"""Data sets of tables with words, dates or gaps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import Dataset
from remblai.data.dates import dates_of
from remblai.data.field import TRUTH
from remblai.data.frames import FrameForm, chosen_columns
from remblai.data.mixed import REPEATED, Mixed
from remblai.data.number_text import numbers_of
from remblai.data.raw import Raw
from remblai.data.splits import WHOLE, Part, points
from remblai.data.table_head import NAMES_OF_COUNTS
from remblai.runtime.text import one_line


def mixed_table(
    name: str,
    source: str,
    raw: Raw,
    asked: Sequence[str] | None = None,
    label: str | None = None,
    labels: NDArray[Any] | None = None,
    notes: Sequence[str] = (),
    frame: Any = None,
) -> Dataset:
    """A data set of a table whose cells are not all finite numbers: see `mixed.Mixed`.

    Args:
        name: of the data set.
        source: what errors call the table.
        raw: its columns, as `raw.raw_table` reads them.
        asked: the names of those to take, in this order; None takes all.
        label: the column that holds the labels, which is no other.
        labels: (n,), of its rows.
        notes: what else to say about it.
        frame: the data frame that the table came as; its samples are data frames of pandas where it is a file.

    Raises:
        ValueError: no rows; a column that is missing, or that a model cannot learn.
    """
    raw = {column: cells for column, cells in raw.items() if label is None or column != one_line(label)}
    first = next(iter(raw), None)
    if asked is None and first in NAMES_OF_COUNTS and len(raw) > 1 and raw[first].dtype.kind == "O":
        raw = {column: cells for column, cells in raw.items() if column != first}
        notes = [*notes, "the first column, without a name, names the rows: it is left out"]
    names = [one_line(one) for one in chosen_columns(list(raw), asked, source)]
    raw = {column: raw[column] for column in names}
    if not raw or not len(raw[names[0]]):
        raise ValueError(f"{source} holds no rows or no columns: expected some")
    read_as = {column: as_numbers_or_dates(column, cells) for column, cells in raw.items()}
    raw = {column: cells for column, (cells, _) in read_as.items()}
    notes = [*notes, *[note for _, note in read_as.values() if note]]
    mixed = Mixed.of(raw, source, REPEATED if asked is None else 0)
    truths = [one.name for one in mixed.fields if one.kind == TRUTH]
    notes = [*notes, *[f"columns of true and false are read as 1 and 0: {', '.join(truths)}"] * bool(truths)]
    part = Part(mixed.numbers(raw), labels)
    if mixed.plain and frame is None:
        types = tuple(one.kind for one in mixed.fields)
        return points(name, {WHOLE: part}, names, notes, types=types)
    found = points(name, {WHOLE: part}, mixed.columns, [*notes, *mixed.notes(raw)], mixed=mixed)
    form = FrameForm("pandas", mixed.names, ("",) * len(names)) if frame is None else FrameForm.of_cells(frame, names)
    return replace(found, cells=raw, units=replace(found.units, frame=form))


def as_numbers_or_dates(name: str, cells: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Cells of text as the numbers or dates that all of them are, or as they are; and what to say about it.

    Numbers may have a currency, a unit, a decimal comma or marks between thousands, alike in all cells; dates the day
    first or last, where it is sure.

    Args:
        name: of the column.
        cells: (n,) numbers, dates, or text with None for a gap.
    """
    if cells.dtype.kind != "O":
        return cells, ""
    levels = sorted({str(one) for one in cells if one is not None})
    if (dates := dates_of(levels)) is not None:
        moments = {text: np.datetime64(round(days * 86_400e6), "us") for text, days in dates.days.items()}
        gap = np.datetime64("NaT", "us")
        found = np.array([gap if one is None else moments[one] for one in cells], "datetime64[us]")
        return found, f"column {name!r} is text that is read as dates ({dates.order})"
    if not (numbers := numbers_of(levels)):
        return cells, ""
    found = np.array([np.nan if one is None else numbers[one] for one in cells])
    return found, f"column {name!r} is text that is read as numbers: {levels[0]!r} as {numbers[levels[0]]:g}"
