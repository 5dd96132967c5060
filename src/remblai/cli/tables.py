"""Columns that a command writes: .npz for programs, .csv, .tsv and .parquet for people and data frames."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from remblai.data.values import written
from remblai.runtime.files import whole

Columns = Mapping[str, Sequence[Any] | np.ndarray[Any, Any]]


def check_table(path: Path) -> None:
    """Refuses a file for which a package is missing, before anything is computed.

    Raises:
        ValueError: .parquet without pyarrow.
    """
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401  # an extra: only who writes .parquet needs it
        except ImportError as error:
            raise ValueError("writing .parquet needs the package pyarrow: pip install 'remblai[tables]'") from error


def write_table(path: Path, columns: Columns) -> None:
    """Writes columns (n,) of equal length under their names, whole or not at all.

    Args:
        path: of a .csv, .tsv, .parquet or .npz file; the last takes arrays (n, ...).
        columns: by name.
    """
    with whole(path) as temporary:
        if path.suffix == ".npz":
            arrays: dict[str, Any] = dict(columns)
            np.savez(temporary, **arrays)
            return
        if path.suffix == ".parquet":
            import pyarrow as arrow
            from pyarrow import parquet

            parquet.write_table(arrow.table({name: arrow.array(of) for name, of in columns.items()}), temporary)
            return
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerow(columns)
            writer.writerows(zip(*map(_text, columns.values()), strict=True))


def _text(column: Sequence[Any] | np.ndarray[Any, Any]) -> Sequence[Any]:
    """The cells of a column as they are written: dates as YYYY-MM-DD, nothing of gaps."""
    found: Sequence[Any] = written(column, "").tolist() if isinstance(column, np.ndarray) else column
    return found
