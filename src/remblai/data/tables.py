"""Tables as text: .csv and .tsv, plain or gzipped."""

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.chosen import chosen_columns, picked
from remblai.data.column_types import types_of
from remblai.data.dataset import Dataset
from remblai.data.idx import MOST_PACKED
from remblai.data.labels import NoColumnNames, as_labels, label_place
from remblai.data.mixed_tables import mixed_table
from remblai.data.raw import raw_table
from remblai.data.rows import check_memory
from remblai.data.splits import WHOLE, Part, points
from remblai.data.table_cells import Form, coded_columns, is_number, lost_zeros, numbers, rows_of
from remblai.data.table_head import NAMES_OF_COUNTS, SEPARATORS, first_lines, lines_before
from remblai.runtime.text import one_line

SMALL = 64 << 20
"""Files that unpack to fewer bytes are read without a count of their cells."""
NUMBER = 16
"""Bytes of memory that a cell takes while a table is read: the number, and the list that it is read into."""


def csv_table(path: Path, *, columns: tuple[str, ...] | None = None, label: str | None = None) -> Dataset:
    """A table as text: a row a line, split by commas, semicolons or tabs, with a line of names or without.

    Words become a column of 0 and 1 for each, dates days, and empty cells are marked: see `mixed.Mixed`.

    A first line is one of names where a cell of it is a word, or where it counts 0, 1, 2, ... as data frames without
    names are written. A first column without a name that counts or names the rows is left out.

    Args:
        path: the file.
        columns: the names of those to take, in this order.
        label: the name of the column that holds each row's class, a number or a word.

    Raises:
        ValueError: no rows; a row of another length; a column that is missing, or that a model cannot learn; text that
            is not UTF-8; a damaged .gz; more numbers than there is memory.
    """
    try:
        _check_size(path)
        return _csv_table(path, columns, label)
    except UnicodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}): save it as UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as a table: {error}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read, it is damaged or cut short: {error}. Fetch it again") from error


def _check_size(path: Path) -> None:
    """Refuses a table of more numbers than fit into memory; only the cells of a large file are counted.

    Raises:
        ValueError: there are more.
    """
    packed = path.suffix.lower() == ".gz"
    size = path.stat().st_size
    if size * (MOST_PACKED if packed else 1) < SMALL:
        return
    cells = 0
    with gzip.open(path) if packed else path.open("rb") as file:
        while piece := file.read(1 << 24):
            cells += piece.count(b"\n") + sum(piece.count(mark.encode()) for mark in SEPARATORS)
            check_memory(cells * NUMBER, str(path))


def _csv_table(path: Path, asked: tuple[str, ...] | None, label: str | None) -> Dataset:
    separator, head, named, second = first_lines(path)
    if named and not second:
        raise ValueError(
            f"{path} holds one line of text, {one_line(separator.join(head)[:80])!r}: expected rows of numbers below it"
        )
    if asked is not None and not named:
        option = "exclude" if picked(asked) is None else "columns"
        raise NoColumnNames(f"{path} names no columns: {option} applies to tables with a line of names")
    labels, places = None, list(range(len(head)))
    if label is not None:
        place = label_place(head if named else [], label, str(path))
        labels = as_labels(_cells(path, separator, place), f"{path}, column {one_line(label)!r}")
        places.remove(place)
    if asked is not None:
        present = [head[place] for place in places]
        places = [places[present.index(name)] for name in chosen_columns(present, asked, str(path))]
        rows_of(path, separator)  # numpy reads the columns that are taken, however many a row has beyond them
    unnamed = picked(asked) is None and named and len(places) > 1 and places[0] == 0 and head[0] in NAMES_OF_COUNTS
    if unnamed and not all(map(is_number, _cells(path, separator, 0))):
        places = places[1:]
    taken = None if len(places) == len(head) and asked is None else places
    table = numbers(path, Form(separator, named, lines_before(path, named)), taken)
    name = path.stem.removesuffix(".csv").removesuffix(".tsv")  # of a file that ends in .csv.gz
    if table is None:
        left_out = asked if picked(asked) is None else None
        return mixed_table(name, str(path), raw_table(path, left_out, text=True), picked(asked), label, labels)
    notes = ["the first column, without a name, names the rows: it is left out"] * (unnamed and places[0] == 1)
    head = [head[place] for place in places]
    if named and table.shape[1] != len(head):
        raise ValueError(f"{path} names {len(head)} columns and its rows have {table.shape[1]} cells")
    if named and all(map(is_number, head)):
        notes.append(f"the first line, {separator.join(head)}, is read as the names of the columns")
    coded = coded_columns(path, separator)
    every = head if named else [f"column {place + 1}" for place in places]
    notes += lost_zeros([one_line(one) for one, place in zip(every, places, strict=True) if place in coded])
    return chosen_table(name, str(path), table, head if named else None, picked(asked), notes, labels, types_of(table))


def _cells(path: Path, separator: str, place: int) -> list[str]:
    """The cells of one column, of a table with a line of names."""
    return [row[place] for row in rows_of(path, separator)[1][1:]]


def chosen_table(
    name: str,
    source: str,
    table: NDArray[Any],
    names: Sequence[str] | None,
    asked: Sequence[str] | None,
    notes: Sequence[str] = (),
    labels: NDArray[Any] | None = None,
    types: Sequence[str] | None = None,
) -> Dataset:
    """A data set of the columns that are asked for; without such a choice, of all but one that counts the rows.

    Args:
        name: of the data set.
        source: what errors call the table.
        table: (n, d).
        names: of its columns, or None.
        asked: the names of those to take, in this order.
        notes: what else to say about it.
        labels: (n,), of its rows.
        types: of the columns of the table; None is floats.
    """
    if names is None:
        return points(name, {WHOLE: Part(table)}, notes=notes, types=None if types is None else tuple(types))
    wanted = list(chosen_columns(names, asked, source))
    places = [names.index(one) for one in wanted] if asked is not None else list(range(len(names)))
    counts = names[0] in NAMES_OF_COUNTS and len(names) > 1
    if asked is None and counts and np.array_equal(table[:, 0], np.arange(len(table))):
        places = places[1:]
        notes = [*notes, "the first column, which has no name and counts the rows, is left out"]
    if places != list(range(len(names))):
        table = np.ascontiguousarray(table[:, places])
    kept = None if types is None else tuple(types[place] for place in places)
    return points(name, {WHOLE: Part(table, labels)}, [one_line(names[place]) for place in places], notes, types=kept)
