"""The cells of tables as text."""

import csv
import gzip
import re
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remblai.runtime.text import one_line

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
TRUTHS = {"true": 1.0, "false": 0.0}
"""Words that are numbers, in columns that have no others."""


PIECE, LONGEST = 1 << 24, 64
"""Bytes of a file that are looked at together, and the longest cell that is cut between two of them."""
PADDED = re.compile(r"0\d+")
"""A code, such as a postal one: as a number it would lose its zeros, and two codes may be one number."""


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


def rows_of(path: Path, separator: str) -> tuple[list[int], list[list[str]]]:
    """The rows of a table that are not empty, with the number of the line that each ends on.

    Raises:
        ValueError: a row of another length than the first.
    """
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=separator)
        found = [(reader.line_num, row) for row in reader if len(row) > 1 or any(cell.strip() for cell in row)]
    for line, row in found:
        if len(row) != len(found[0][1]):
            raise ValueError(
                f"{one_line(str(path))}, line {line}: {len(row)} cells, where the first row has {len(found[0][1])}"
            )
    return [line for line, _ in found], [row for _, row in found]


def has_codes(path: Path, separator: str) -> bool:
    """Whether a cell of a table as text is a whole number with leading zeros."""
    end = rf'[{separator}"\r\n]'
    code = re.compile(rf"{end} *{PADDED.pattern} *{end}".encode())
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        before = b"\n"
        while piece := file.read(PIECE):
            if code.search(before + piece):
                return True
            before = piece[-LONGEST:]
    return code.search(before + b"\n") is not None


def numbers(path: Path, form: Form, taken: list[int] | None) -> NDArray[np.float64] | None:
    """The cells as finite numbers (n, d), read fast; None where one is none, or a code, or rows differ in length.

    Args:
        path: of the table.
        form: how it is written.
        taken: the places of the columns, or None for all.
    """
    if has_codes(path, form.separator):
        return None
    try:
        with open_text(path) as file:
            table: NDArray[np.float64] = np.loadtxt(
                file, delimiter=form.separator, skiprows=form.skipped, ndmin=2, comments=None, quotechar='"',
                usecols=taken, encoding=None,
            )  # fmt: skip
    except UnicodeError:
        raise
    except (ValueError, OverflowError):
        return None
    return table if np.isfinite(table).all() else None


def is_number(cell: str) -> bool:
    """Whether the text is a number as numpy reads it; nan and inf are, 1_000 is none."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
