"""The cells of tables as text: numbers, true and false, and what is wrong with those that are neither."""

import csv
import gzip
import re
import shlex
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remblai.config.convert import quoted
from remblai.runtime.text import one_line

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
TRUTHS = {"true": 1.0, "false": 0.0}
"""Words that are numbers, in columns that have no others."""


class Form(NamedTuple):
    """How a table is written: the mark between cells, whether its first line holds names, the lines before numbers."""

    separator: str
    named: bool
    skipped: int


def open_text(path: Path) -> IO[str]:
    """The text of the file, unpacked where its name ends in .gz."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig")
    return path.open(newline="", encoding="utf-8-sig")


def numbers(
    path: Path, form: Form, places: Sequence[int], taken: Sequence[int] | None
) -> tuple[NDArray[np.float64], list[int]]:
    """The cells as numbers (n, d), and the places of those columns that are true and false.

    Args:
        path: of the table.
        form: how it is written.
        places: of the columns that are read.
        taken: the same, or None where these are all.

    Raises:
        ValueError: a cell that is no finite number, or a row of another length, with its line and column.
    """
    truths: list[int] = []
    try:
        table = _read(path, form, taken, truths)
    except UnicodeError:
        raise
    except (ValueError, OverflowError) as error:
        truths = _columns_of(path, form, places, _is_truth)
        others = [place for place in places if place not in truths]
        found = complaint(path, form.separator, form.named, others, TRUTHS)  # another word among true and false, first
        found = found or complaint(path, form.separator, form.named, others)
        if found is not None or not truths:
            unread = found or ValueError(f"{path} cannot be read: {error}")
            raise _with_advice(unread, path, form, places) from error
        table = _read(path, form, taken, truths)
    found = complaint(path, form.separator, form.named, places) if not np.isfinite(table).all() else None
    if found is not None:
        raise found
    return table, truths


def _read(path: Path, form: Form, taken: Sequence[int] | None, truths: Sequence[int]) -> NDArray[np.float64]:
    converters: Any = {place: lambda cell: TRUTHS[cell.strip().lower()] for place in truths}
    with open_text(path) as file:
        table: NDArray[np.float64] = np.loadtxt(
            file, delimiter=form.separator, skiprows=form.skipped, ndmin=2, comments=None, quotechar='"',
            usecols=taken, converters=converters or None, encoding=None,
        )  # fmt: skip
    return table


def _columns_of(path: Path, form: Form, places: Sequence[int], right: Callable[[str], bool]) -> list[int]:
    """The places of the columns all of whose cells are right."""
    left = set(places)
    with open_text(path) as file:
        rows = (row for row in csv.reader(file, delimiter=form.separator) if any(cell.strip() for cell in row))
        for number, row in enumerate(rows):
            if number or not form.named:
                left = {place for place in left if place < len(row) and right(row[place])}
            if not left:
                return []
    return sorted(left)


def _with_advice(error: ValueError, path: Path, form: Form, places: Sequence[int]) -> ValueError:
    """The error with the names of the columns that can be read, where there are any; slow."""
    whole = sorted({place for right in (_is_truth, _is_finite) for place in _columns_of(path, form, places, right)})
    if not form.named or not whole:
        return error
    with open_text(path) as file:
        head = next(row for row in csv.reader(file, delimiter=form.separator) if any(cell.strip() for cell in row))
    names = ",".join(quoted(one_line(head[place])) for place in whole)
    return ValueError(f"{error}. Of numbers alone are: --columns {shlex.quote(names)}")


def _is_truth(cell: str) -> bool:
    return cell.strip().lower() in TRUTHS


def _is_finite(cell: str) -> bool:
    return is_number(cell) and bool(np.isfinite(float(cell)))


def is_number(cell: str) -> bool:
    """Whether the text is a number as numpy reads it; nan and inf are, 1_000 is none."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def complaint(
    path: Path, separator: str, named: bool, places: Sequence[int], right: Container[str] = ()
) -> ValueError | None:
    """What is wrong with the first row of another length, or bad cell of the columns at these places; slow.

    Args:
        path: of the table.
        separator: between cells.
        named: whether the first line holds names.
        places: of the columns.
        right: words that are no bad cells.
    """
    width, head = 0, list[str]()
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=separator)
        rows = ((reader.line_num, row) for row in reader if len(row) > 1 or any(cell.strip() for cell in row))
        for number, (line, row) in enumerate(rows):
            width, head = width or len(row), head or row
            if len(row) != width:
                return ValueError(f"{path}, line {line}: {len(row)} cells, where the first row has {width}")
            for place in places:
                cell = row[place]
                if (named and number == 0) or cell.strip().lower() in right:
                    continue
                if not _is_finite(cell):
                    name = f" ({head[place]!r})" if named else ""
                    words = [
                        head[other] for other in places if named and row[other].strip() and not is_number(row[other])
                    ]
                    return _bad_cell(f"{path}, line {line}, column {place + 1}{name}", cell, words)
    return None


def _bad_cell(where: str, cell: str, words: Sequence[str]) -> ValueError:
    """The error for a cell that is no finite number: a word, a gap, or one that is none.

    Args:
        where: the cell is.
        cell: what it holds.
        words: names of the columns that hold words in its row.
    """
    if DECIMAL_COMMA.fullmatch(cell.strip()):
        point = cell.strip().replace(",", ".")
        return ValueError(
            f"{one_line(where)}: expected a decimal point, as in {point}, got the comma in {cell.strip()!r}: save the "
            "table with decimal points"
        )
    if cell.strip() and not is_number(cell):
        return ValueError(
            f"{one_line(where)}: expected a finite number, got {one_line(cell[:80])!r}. Leave columns of words out by "
            f"--columns{_listed(words)}; `remblai drift` compares words too"
        )
    shown = repr(one_line(cell[:80])) if cell.strip() else "an empty cell"
    return ValueError(
        f"{one_line(where)}: expected a finite number, got {shown}. Remove such rows, or choose columns with --columns"
    )


def _listed(words: Sequence[str]) -> str:
    return f" (in this row: {', '.join(map(one_line, words))})" if len(words) > 1 else ""
