"""Tables of numbers as text: .csv and .tsv, plain or gzipped."""

import csv
import gzip
import itertools
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.column_types import types_of
from remblai.data.dataset import Dataset
from remblai.data.frames import chosen_columns
from remblai.data.idx import MOST_PACKED
from remblai.data.labels import as_labels, label_place
from remblai.data.rows import check_memory
from remblai.data.splits import WHOLE, Part, points
from remblai.data.table_cells import Form, complaint, is_number, numbers, open_text
from remblai.runtime.text import one_line

SEPARATORS = ",;\t"
EMPTY = {"", "na", "n/a", "nan", "null", "none", "-", "?"}
"""What stands for a gap: in a first line of numbers it is a bad cell, and no name."""
QUOTED = re.compile(r'"[^"]*"')
FIRST_YEAR, LAST_YEAR = 1800, 2200
"""Whole numbers between them, which follow each other beside a word, are names of columns."""
SMALL = 64 << 20
"""Files that unpack to fewer bytes are read without a count of their cells."""
NUMBER = 16
"""Bytes of memory that a cell takes while a table is read: the number, and the list that it is read into."""
NAMES_OF_COUNTS = ("", "Unnamed: 0", "__index_level_0__")
"""What the column that counts the rows is called where a data frame was saved with its index."""


def csv_table(path: Path, *, columns: tuple[str, ...] | None = None, label: str | None = None) -> Dataset:
    """A table of numbers as text: a row a line, split by commas, semicolons or tabs, with a line of names or without.

    A first line is one of names where a cell of it is a word, or where it counts 0, 1, 2, ... as data frames without
    names are written. A first column without a name that counts or names the rows is left out.

    Args:
        path: the file.
        columns: the names of those to take, in this order.
        label: the name of the column that holds each row's class, a number or a word.

    Raises:
        ValueError: no rows; a cell that is not a finite number or a row of another length, with its line and column;
            text that is not UTF-8; a column that is missing; a damaged .gz; more numbers than there is memory.
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


def first_lines(path: Path) -> tuple[str, list[str], bool, str]:
    """How a table as text begins: its separator, the cells of its first line, whether these are names, the second line.

    A line break in quotes is no end of the line.

    Raises:
        ValueError: an empty file.
    """
    with open_text(path) as file:
        lines = (line for line in file if line.strip())
        first = "".join(_to_the_quote(lines))
        second = next(lines, "")
    if not first:
        raise ValueError(f"{path} is empty: expected rows of numbers")
    plain = QUOTED.sub("", first)
    separator = max(SEPARATORS, key=plain.count) if any(mark in plain for mark in SEPARATORS) else ","
    head = [cell.strip() for cell in next(csv.reader(first.splitlines(keepends=True), delimiter=separator))]
    below = [cell.strip() for cell in next(csv.reader([second], delimiter=separator), [])]
    return separator, head, is_head(head, below), second


def _to_the_quote(lines: Iterator[str]) -> Iterator[str]:
    """The next line, and those after it until every quote in them has its other one."""
    quotes = 0
    for line in lines:
        yield line
        quotes += line.count('"')
        if quotes % 2 == 0:
            return


def _csv_table(path: Path, asked: tuple[str, ...] | None, label: str | None) -> Dataset:
    separator, head, named, second = first_lines(path)
    if named and not second:
        raise ValueError(
            f"{path} holds one line of text, {one_line(separator.join(head)[:80])!r}: expected rows of numbers below it"
        )
    if asked is not None and not named:
        raise ValueError(f"{path} names no columns: columns applies to tables with a line of names")
    labels, places = None, list(range(len(head)))
    if label is not None:
        place = label_place(head if named else [], label, str(path))
        labels = as_labels(_cells(path, separator, head, place), f"{path}, column {one_line(label)!r}")
        places.remove(place)
    unnamed = asked is None and named and len(places) > 1 and places[0] == 0 and head[0] in NAMES_OF_COUNTS
    if unnamed and not all(map(is_number, _cells(path, separator, head, 0))):
        places = places[1:]
    if asked is not None:
        present = [head[place] for place in places]
        places = [places[present.index(name)] for name in chosen_columns(present, asked, str(path))]
        ragged = complaint(path, separator, named, ())
        if ragged is not None:  # numpy reads the columns that are taken, however many a row has beyond them
            raise ragged
    taken = None if len(places) == len(head) and asked is None else places
    table, truths = numbers(path, Form(separator, named, _lines_before(path, named)), places, taken)
    named_so = ", ".join(one_line(head[place]) if named else str(place + 1) for place in truths)
    notes = [f"columns of true and false are read as 1 and 0: {named_so}"] * bool(truths)
    if unnamed and places[0] == 1:
        notes.append("the first column, without a name, names the rows: it is left out")
    head = [head[place] for place in places]
    if named and table.shape[1] != len(head):
        raise ValueError(f"{path} names {len(head)} columns and its rows have {table.shape[1]} cells")
    if named and all(map(is_number, head)):
        notes.append(f"the first line, {separator.join(head)}, is read as the names of the columns")
    name = path.stem.removesuffix(".csv").removesuffix(".tsv")  # of a file that ends in .csv.gz
    types = types_of(table, [place for place, own in enumerate(places) if own in truths])
    return chosen_table(name, str(path), table, head if named else None, asked, notes, labels, types)


def _cells(path: Path, separator: str, head: Sequence[str], place: int) -> list[str]:
    """The cells of one column, of a table with a line of names."""
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=separator)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)][1:]
    for line, row in rows:
        if len(row) != len(head):
            raise ValueError(f"{path}, line {line}: {len(row)} cells, where the first row has {len(head)}")
    return [row[place] for _, row in rows]


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


def is_head(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the first line holds names: no number at all, a word above a number, or numbers that count columns."""
    numbers = [is_number(cell) for cell in first]
    if not any(numbers):
        return True
    if all(numbers):
        return _counts(first, second)
    words = [place for place, number in enumerate(numbers) if not number]
    if len(second) != len(first) or any(first[place].lower() in EMPTY for place in words):
        return False
    return all(is_number(second[place]) for place in words) or _are_years(
        [cell for cell, number in zip(first, numbers, strict=True) if number]
    )


def _are_years(cells: Sequence[str]) -> bool:
    """Whether two numbers or more are years in a row."""
    years = [int(cell) for cell in cells if cell.isdecimal() and len(cell) == 4]  # digits of a year
    follow = all(after == before + 1 for before, after in itertools.pairwise(years))
    return len(years) == len(cells) > 1 and follow and FIRST_YEAR <= years[0] <= LAST_YEAR


def _counts(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether numbers are names: 0, 1, 2 ..., or whole ones that rise by 1, such as years, above decimal fractions."""
    values = [float(cell) for cell in first]
    whole = all(map(_is_whole, first))
    if whole and values == list(range(len(first))) and len(first) > 1:
        return True
    rise = all(after == before + 1 for before, after in itertools.pairwise(values))
    decimal = len(second) == len(first) and all(is_number(cell) and not _is_whole(cell) for cell in second)
    return whole and rise and decimal and (len(first) > 1 or first[0] == "0")


def _is_whole(cell: str) -> bool:
    return cell.lstrip("+-").isdecimal()


def _lines_before(path: Path, named: bool) -> int:
    """Empty lines at the top, which skiprows counts and the reader does not, and those of the names."""
    with open_text(path) as file:
        empty, first = next(((number, line) for number, line in enumerate(file) if line.strip()), (0, ""))
        return empty + (len(list(_to_the_quote(itertools.chain([first], file)))) if named else 0)
