"""Data sets of tables with words, dates or gaps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.chosen import chosen_columns
from remblai.data.column_types import FLOAT
from remblai.data.dataset import Dataset
from remblai.data.field import TRUTH, Field
from remblai.data.frames import FrameForm, categories
from remblai.data.mixed import REPEATED, Mixed
from remblai.data.raw import Raw
from remblai.data.splits import WHOLE, Part, points
from remblai.data.table_head import NAMES_OF_COUNTS
from remblai.data.values import gaps
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
    fields: Mixed | None = None,
) -> Dataset:
    """A data set of a table whose cells are not all finite numbers: see `mixed.Mixed`.

    Args:
        name: of the data set.
        source: what errors call the table.
        raw: its columns, as `raw.raw_table` reads them, text as it is written.
        asked: the names of those to take, in this order; None takes all.
        label: the column that holds the labels, which is no other.
        labels: (n,), of its rows.
        notes: what else to say about it.
        frame: the data frame that the table came as; its samples are data frames of pandas where it is a file.
        fields: how its columns are read, as those of other data; None looks at them.

    Raises:
        ValueError: no rows; a column that is missing, or that a model cannot learn.
    """
    raw = {column: cells for column, cells in raw.items() if label is None or column != one_line(label)}
    first = next(iter(raw), None)
    if asked is None and first in NAMES_OF_COUNTS and len(raw) > 1 and _names_or_counts(raw[first]):
        raw = {column: cells for column, cells in raw.items() if column != first}
        notes = [*notes, "the first column, without a name, names or counts the rows: it is left out"]
    names = [one_line(one) for one in chosen_columns(list(raw), asked, source)]
    raw = {column: raw[column] for column in names}
    if not raw or not len(raw[names[0]]) or all(gaps(cells).all() for cells in raw.values()):
        raise ValueError(f"{source} holds no rows, no columns or no values: expected some")
    worded = categories(frame) if frame is not None else ()
    mixed = fields or Mixed.of(raw, source, REPEATED if asked is None else 0, worded)
    truths = [one.name for one in mixed.fields if one.kind == TRUTH]
    notes = [*notes, *[f"columns of true and false are read as 1 and 0: {', '.join(truths)}"] * bool(truths)]
    notes = [*notes, *mixed.lost_zeros(raw)]
    part = Part(mixed.numbers(raw), labels)
    if mixed.plain and frame is None and fields is None:
        types = tuple(one.kind for one in mixed.fields)
        return points(name, {WHOLE: part}, names, notes, types=types)
    found = points(name, {WHOLE: part}, mixed.columns, [*notes, *mixed.notes(raw)], mixed=mixed)
    form = FrameForm("pandas", mixed.names, ("",) * len(names)) if frame is None else FrameForm.of_cells(frame, names)
    said = found.notes if fields is None else ()  # of other data it was said when these were looked at
    return replace(found, cells=raw, units=replace(found.units, frame=form), notes=said)


def _names_or_counts(cells: NDArray[Any]) -> bool:
    """Whether the cells of a column without a name are words or dates, or count the rows from 0."""
    known = Field.of("", cells)
    counts = known.kind in (FLOAT, "int64", "uint64")
    return not counts or np.array_equal(known.numbers(cells)[:, 0], np.arange(len(cells)))
