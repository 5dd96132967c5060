"""Tables in .parquet files."""

from pathlib import Path

import numpy as np

from remblai.data.chosen import chosen_columns, picked
from remblai.data.column_types import FLOAT
from remblai.data.dataset import Dataset
from remblai.data.labels import as_labels, label_place
from remblai.data.mixed_tables import mixed_table
from remblai.data.raw import raw_table
from remblai.data.rows import check_memory
from remblai.data.tables import NUMBER, chosen_table
from remblai.runtime.text import one_line


def parquet(path: Path, *, columns: tuple[str, ...] | None = None, label: str | None = None) -> Dataset:
    """A table in a .parquet file; words, dates and gaps become columns of numbers, as of tables in text.

    Args:
        path: the file.
        columns: the names of those to take, in this order; None takes all.
        label: the name of the column that holds each row's class, a number or a word.

    Raises:
        ValueError: the package pyarrow is not installed; a damaged file; a column that is missing, or that a model
            cannot learn; more numbers than there is memory.
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
    labels = None
    if label is not None:
        labels = as_labels(table.column(label).to_pylist(), f"{path}, column {one_line(label)!r}")
    out = np.empty((table.num_rows, len(names)))
    for place, name in enumerate(names):
        column = table.column(name)
        of = arrow.types
        if column.null_count or not (
            of.is_integer(column.type) or of.is_floating(column.type) or of.is_boolean(column.type)
        ):
            return mixed_table(path.stem, str(path), raw_table(path, names, text=True), picked(columns), None, labels)
        out[:, place] = column.to_numpy()
    if not np.isfinite(out).all():
        return mixed_table(path.stem, str(path), raw_table(path, names, text=True), picked(columns), None, labels)
    kinds = [np.dtype(table.schema.field(name).type.to_pandas_dtype()).name for name in names]
    types = None if set(kinds) <= {FLOAT} else kinds
    return chosen_table(path.stem, str(path), out, names, picked(columns) and tuple(names), labels=labels, types=types)
