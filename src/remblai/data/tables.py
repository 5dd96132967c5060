"""Tables of numbers: .csv and .parquet."""

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import Dataset
from remblai.data.splits import WHOLE, Part, points

SEPARATORS = ",;\t"


def csv_table(path: Path) -> Dataset:
    """A table of numbers as text: a row a line, split by commas, semicolons or tabs, with a line of names or without.

    Args:
        path: the file.

    Raises:
        ValueError: no rows; a cell that is not a finite number or a row of another length, with its line and column.
    """
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        first, second = [*itertools.islice((line for line in file if line.strip()), 2), "", ""][:2]
    if not first:
        raise ValueError(f"{path} is empty: expected rows of numbers")
    separator = max(SEPARATORS, key=first.count) if any(mark in first for mark in SEPARATORS) else ","
    head = [cell.strip() for cell in next(csv.reader([first], delimiter=separator))]
    named = not any(_number(cell) for cell in head)
    if named and not second:
        raise ValueError(f"{path} holds one line of text, {first.strip()!r}: expected rows of numbers below it")
    try:
        table = np.loadtxt(
            path, delimiter=separator, skiprows=_lines_before(path) + named, ndmin=2, comments=None, quotechar='"',
            encoding="utf-8-sig",
        )  # fmt: skip
    except ValueError as error:
        raise _complaint(path, separator, named) or ValueError(f"{path} cannot be read: {error}") from error
    complaint = _complaint(path, separator, named) if not np.isfinite(table).all() else None
    if complaint is not None:
        raise complaint
    if named and table.shape[1] != len(head):
        raise ValueError(f"{path} names {len(head)} columns and its rows have {table.shape[1]} cells")
    return points(path.stem, {WHOLE: Part(table)}, head if named else None)


def _lines_before(path: Path) -> int:
    """Empty lines at the top, which skiprows counts and the reader does not."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return next((number for number, line in enumerate(file) if line.strip()), 0)


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _complaint(path: Path, separator: str, named: bool) -> ValueError | None:
    """What is wrong with the first bad cell or row; slow, and only asked for when something is."""
    width = 0
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file, delimiter=separator)
        rows = ((reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
        for number, (line, row) in enumerate(rows):
            width = width or len(row)
            if len(row) != width:
                return ValueError(f"{path}, line {line}: {len(row)} cells, where the first row has {width}")
            for column, cell in enumerate(row, 1):
                if not (named and number == 0) and not (_number(cell) and np.isfinite(float(cell))):
                    told = repr(cell) if cell.strip() else "an empty cell"
                    return ValueError(
                        f"{path}, line {line}, column {column}: expected a finite number, got {told}. "
                        "Leave such rows or columns out"
                    )
    return None


def parquet(path: Path) -> Dataset:
    """A table of numbers in a .parquet file; every column must be of numbers.

    Args:
        path: the file.

    Raises:
        ValueError: the package pyarrow is not installed; a damaged file; a column that is no numbers or has gaps.
    """
    try:
        import pyarrow as arrow  # an extra: only who reads .parquet needs it
        from pyarrow import parquet as files
    except ImportError as error:
        raise ValueError("reading .parquet needs the package pyarrow: pip install 'remblai[tables]'") from error
    try:
        table = files.ParquetFile(path).read()
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Expected a whole .parquet file") from error
    names: Sequence[str] = table.column_names
    if table.num_rows == 0 or not names:
        raise ValueError(f"{path} holds no rows or no columns: expected numbers")
    out = np.empty((table.num_rows, len(names)))
    for place, name in enumerate(names):
        kind = table.schema.field(place).type
        if not (arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_boolean(kind)):
            raise ValueError(f"{path}, column {name!r}: expected numbers, got {kind}. Leave the column out")
        if table.column(place).null_count:
            raise ValueError(
                f"{path}, column {name!r}: {table.column(place).null_count} cells are empty. Fill or drop them"
            )
        out[:, place] = table.column(place).to_numpy()
    _finite(path, out, names)
    return points(path.stem, {WHOLE: Part(out)}, names)


def _finite(path: Path, table: NDArray[np.float64], names: Sequence[str]) -> None:
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{path}, column {names[column]!r}, row {row + 1}: expected a finite number, got {table[row, column]}"
        )
