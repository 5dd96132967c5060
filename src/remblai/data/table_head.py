"""How tables as text begin: the mark between cells, and whether the first line holds names."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from remblai.data.table_cells import is_number, open_text

SEPARATORS = ",;\t"
EMPTY = {"", "na", "n/a", "nan", "null", "none", "-", "?"}
"""What stands for a gap: in a first line of numbers it is a bad cell, and no name."""
QUOTED = re.compile(r'"[^"]*"')
FIRST_YEAR, LAST_YEAR = 1800, 2200
"""Whole numbers between them, which follow each other beside a word, are names of columns."""
NAMES_OF_COUNTS = ("", "Unnamed: 0", "__index_level_0__")
"""What the column that counts the rows is called where a data frame was saved with its index."""


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
    """Whether numbers are names: 0, 1, 2 ..., or whole ones that rise by 1 (years), above fractions or words."""
    values = [float(cell) for cell in first]
    whole = all(map(_is_whole, first))
    if whole and values == list(range(len(first))) and len(first) > 1:
        return True
    rise = all(after == before + 1 for before, after in itertools.pairwise(values))
    below = len(second) == len(first) and all(cell.lower() not in EMPTY and not _is_whole(cell) for cell in second)
    return whole and rise and below and (len(first) > 1 or first[0] == "0")


def _is_whole(cell: str) -> bool:
    return cell.lstrip("+-").isdecimal()


def lines_before(path: Path, named: bool) -> int:
    """Empty lines at the top, which skiprows counts and the reader does not, and those of the names."""
    with open_text(path) as file:
        empty, first = next(((number, line) for number, line in enumerate(file) if line.strip()), (0, ""))
        return empty + (len(list(_to_the_quote(itertools.chain([first], file)))) if named else 0)
