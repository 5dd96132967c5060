"""Tables of numbers in .parquet files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from remblai.data.column_types import FLOAT
from remblai.data.dataset import Dataset
from remblai.data.frames import chosen_columns
from remblai.data.labels import as_labels, label_place
from remblai.data.rows import check_memory
from remblai.data.tables import NUMBER, chosen_table
from remblai.runtime.text import one_line


def parquet(path: Path, *, columns: tuple[str, ...] | None = None, label: str | None = None) -> Dataset:
    """A table of numbers in a .parquet file; every column that is taken must be of numbers.

    Args:
        path: the file.
        columns: the names of those to take, in this order; None takes all.
        label: the name of the column that holds each row's class, a number or a word.

    Raises:
        ValueError: the package pyarrow is not installed; a damaged file; a column that is missing, holds no numbers or
            has gaps; more numbers than there is memory.
    """
    try:
        import pyarrow as arrow  # an extra: only who reads .parquet needs it
        from pyarrow import parquet as files
    except ImportError as error:
        raise ValueError("reading .parquet needs the package pyarrow: pip install 'remblai[tables]'") from error
    try:
        file = files.ParquetFile(path)
        present = list(file.schema_arrow.names)
        own = [] if label is None else [present.pop(label_place(present, label, str(path)))]
        names = chosen_columns(present, columns, str(path))
        check_memory(file.metadata.num_rows * len(names) * NUMBER, str(path))
        table = file.read(columns=names + own)
    except (arrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} cannot be read: {reason}. Expected a whole .parquet file") from error
    if table.num_rows == 0 or not names:
        raise ValueError(f"{path} holds no rows or no columns: expected numbers")
    out = np.empty((table.num_rows, len(names)))
    for place, name in enumerate(names):
        column = table.column(name)
        if not (
            arrow.types.is_integer(column.type)
            or arrow.types.is_floating(column.type)
            or arrow.types.is_boolean(column.type)
        ):
            raise ValueError(
                f"{path}, column {one_line(name)!r}: expected numbers, got {column.type}. Choose others with --columns"
            )
        if column.null_count:
            raise ValueError(
                f"{path}, column {one_line(name)!r}: {column.null_count} cells are empty. Fill or drop them"
            )
        out[:, place] = column.to_numpy()
    _finite(path, out, names)
    labels = None
    if label is not None:
        labels = as_labels(table.column(label).to_pylist(), f"{path}, column {one_line(label)!r}")
    kinds = [np.dtype(table.schema.field(name).type.to_pandas_dtype()).name for name in names]
    types = None if set(kinds) <= {FLOAT} else kinds
    return chosen_table(path.stem, str(path), out, names, columns and tuple(names), labels=labels, types=types)


def _finite(path: Path, table: NDArray[np.float64], names: Sequence[str]) -> None:
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{path}, column {names[column]!r}, row {row + 1}: expected a finite number, got {table[row, column]}"
        )
