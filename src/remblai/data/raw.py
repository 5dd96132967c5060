"""One table as it is read: columns by name: numbers with NaN for a gap, dates with NaT, or text with None."""

import csv
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.chosen import chosen_columns, picked
from remblai.data.frames import categories, column_names, is_frame
from remblai.data.moments import is_date, moment, utc
from remblai.data.rows import check_memory
from remblai.data.table_cells import PADDED, is_number, rows_of
from remblai.data.table_head import EMPTY, NAMES_OF_COUNTS, first_lines
from remblai.runtime.text import one_line

Raw = Mapping[str, NDArray[Any]]
TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
"""How the names of files of tables end."""
CELL = 200
"""Bytes of memory that a cell of text takes while a table is read, about."""


def raw_table(source: Any, columns: Sequence[str] | None, text: bool = False) -> Raw:
    """The columns of a .csv, .tsv or .parquet file, or of a data frame of pandas or polars.

    Args:
        source: the path, or the frame.
        text: leave text as it is written, whatever it looks like.
        columns: the names of those to take; None takes all but one that counts the rows.

    Raises:
        ValueError: what cannot be read, a column that is missing, or values that are infinite.
    """
    what = "the data frame" if is_frame(source) else str(source)
    try:
        found = _frame(source, columns) if is_frame(source) else _file(Path(source).expanduser(), columns, text)
    except UnicodeError as error:
        raise ValueError(f"{what} is not UTF-8 text ({error}): save it as UTF-8") from error
    except (csv.Error, EOFError, OSError) as error:
        raise ValueError(f"{what} cannot be read: {error}. Expected a whole table") from error
    raw = {name: typed(of, f"{what}, column {one_line(name)!r}", text) for name, of in found.items()}
    if picked(columns) is None and len(raw) > 1:
        name, first = next(iter(raw.items()))
        if name in NAMES_OF_COUNTS and first.dtype.kind == "f" and np.array_equal(first, np.arange(len(first))):
            del raw[name]
    return {one_line(name): values for name, values in raw.items()}


def text_of(source: Any) -> Raw | None:
    """The columns of a table, its text as it is written; None of what is no file of a table, and no data frame.

    Args:
        source: a path, or data in memory.
    """
    named = (
        isinstance(source, str | Path) and str(source).lower().endswith(TABLES) and Path(source).expanduser().is_file()
    )
    return raw_table(source, None, text=True) if named or is_frame(source) else None


def _file(path: Path, columns: Sequence[str] | None, text: bool) -> dict[str, Any]:
    if path.suffix.lower() != ".parquet":
        found = _text(path, text)
        return {name: found[name] for name in chosen_columns(list(found), columns, str(path))}
    try:
        import pyarrow as arrow  # an extra: only who reads .parquet needs it
        from pyarrow import parquet
    except ImportError as error:
        raise ValueError("reading .parquet needs the package pyarrow: pip install 'remblai[tables]'") from error
    try:
        table = parquet.read_table(path, columns=chosen_columns(parquet.read_schema(path).names, columns, str(path)))
    except arrow.ArrowException as error:
        raise ValueError(f"{path} cannot be read: {' '.join(str(error).split())}. Expected a whole file") from error
    return {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.schema.names}


def _text(path: Path, text: bool) -> dict[str, Any]:
    """The cells of a .csv or .tsv file, plain or gzipped."""
    check_memory(path.stat().st_size * CELL // 8, str(path))
    separator, head, named, _ = first_lines(path)
    rows = rows_of(path, separator)[1][named:]
    names = head if named else [f"column {place}" for place in range(1, len(head) + 1)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{path} has two columns of the name {one_line(twice)!r}: rename one")
    cells = zip(*rows, strict=True) if rows else [()] * len(names)
    return {name: _cells(column, text) for name, column in zip(names, cells, strict=True)}


def _cells(column: Sequence[str], text: bool) -> NDArray[Any]:
    """Cells of text as numbers where all are and `text` is not asked for, or as they are; what is empty is a gap."""
    stripped = [cell.strip() for cell in column]
    cells = [(cell, cell.lower() not in EMPTY) for cell in stripped]
    if not text and all(is_number(cell) and not PADDED.fullmatch(cell) for cell, one in cells if one):
        return np.array([float(cell) if one else np.nan for cell, one in cells])
    return np.array([cell if one else None for cell, one in cells], object)


def _dated(texts: NDArray[Any]) -> NDArray[Any]:
    """Text with None for a gap as dates where all of it is ISO dates, else as it is."""
    different = set(texts) - {None}
    if not different or not all(map(is_date, different)):
        return texts
    moments = {one: moment(one) for one in different}
    return np.array([moments.get(one, "NaT") for one in texts], "datetime64[us]")


def _frame(frame: Any, columns: Sequence[str] | None) -> dict[str, Any]:
    labels = dict(zip(column_names(frame), frame.columns, strict=True))  # refuses two columns of one name
    of_categories = categories(frame)
    found = {}
    for name in chosen_columns(list(labels), columns, "the data frame"):
        values = np.asarray(frame[labels[name]].to_numpy())
        if name in of_categories:
            values = np.array([None if _gap(one) else str(one) for one in values], object)
        found[name] = values
    return found


def _gap(value: Any) -> bool:
    """Whether it is None, NaN, NaT or the NA of pandas."""
    not_a_number = isinstance(value, float | np.floating) and np.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType") or bool(not_a_number)


def typed(values: NDArray[Any], what: str, text: bool) -> NDArray[Any]:
    """Numbers as float64, dates, and text of ISO dates where not left as text, as datetime64[us], all else as text.

    Raises:
        ValueError: infinite numbers, or cells that hold lists or the like.
    """
    kind = values.dtype.kind
    if kind == "O" and {str} <= set(map(type, values)) <= {str, type(None)}:  # as files have it, in one pass
        odd = {one: one_line(one) for one in set(values) - {None} if not one.isprintable()}
        found = np.array([odd.get(one, one) for one in values], object) if odd else values
        return found if text else _dated(found)
    if kind in "iuf":
        numbers = values.astype(np.float64)
    elif kind == "M":
        return values.astype("datetime64[us]")
    elif kind == "O" and all(_gap(one) or _is_number(one) for one in values):
        numbers = np.array([np.nan if _gap(one) else float(one) for one in values])
    elif kind == "O" and all(_gap(one) or isinstance(one, date) for one in values):
        return np.array(["NaT" if _gap(one) else _moment(one) for one in values], "datetime64[us]")
    elif kind in "bOUT":
        if any(isinstance(one, list | dict | set | np.ndarray) for one in values):
            raise ValueError(f"{what}: expected numbers, text or booleans, got lists: leave it out with --columns")
        every = [(type(one), one) for one in values.tolist()]
        texts = {pair: None if _gap(pair[1]) else one_line(str(pair[1])) for pair in set(every)}
        found = np.array([texts[pair] for pair in every], object)
        return found if text else _dated(found)
    else:
        raise ValueError(f"{what}: expected numbers, text, dates or booleans, got {values.dtype}: leave it out")
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax()) + 1
        raise ValueError(f"{what}, row {row}: expected finite numbers or gaps, got infinity: remove such rows.")
    return numbers


def _moment(value: date) -> date:
    """A date, or a time without its zone, which is that of UTC."""
    return utc(value) if isinstance(value, datetime) else value


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool | np.bool_ | str | np.ndarray)
