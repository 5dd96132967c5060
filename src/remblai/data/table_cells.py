"""The cells of tables as text."""

import csv
import gzip
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from remblai.runtime.text import one_line

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
TRUTHS = {"true": 1.0, "false": 0.0}
"""Words that are numbers, in columns that have no others."""
SEEN = 10_000
"""Rows in which columns of codes are looked for."""
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


def coded_columns(path: Path, separator: str) -> set[int]:
    """The places of columns with a whole number with leading zeros among the first `SEEN` rows of a table as text."""
    with open_text(path) as file:
        rows = itertools.islice(csv.reader(file, delimiter=separator), 1, SEEN)
        return {place for row in rows for place, cell in enumerate(row) if PADDED.fullmatch(cell.strip())}


def lost_zeros(names: Sequence[str]) -> list[str]:
    """What to say of columns of numbers that have leading zeros; nothing of none."""
    return [
        f"columns of numbers lose their leading zeros: {', '.join(names)}. Where they are codes and no numbers, put a "
        "letter before each, or pass a frame with categories"
    ] * bool(names)


def numbers(path: Path, form: Form, taken: list[int] | None) -> NDArray[np.float64] | None:
    """The cells as finite numbers (n, d), read fast; None where one is none, or rows are of different lengths.

    Args:
        path: of the table.
        form: how it is written.
        taken: the places of the columns, or None for all.
    """
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
