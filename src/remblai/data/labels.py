"""The column of a table that holds each row's class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.config.registry import unknown

GAPS = ("", "nan", "none", "<na>")
"""What an empty cell is as text, in a file or in a frame."""


def label_place(names: Sequence[str], label: str, source: str) -> int:
    """Which of the columns is that of the labels.

    Raises:
        ValueError: none has that name, or it is the only one.
    """
    if label not in names:
        raise (
            unknown(f"label column of {source}:", label, names)
            if names
            else ValueError(f"{source} names no columns: label applies to tables with a line of names")
        )
    if len(names) == 1:
        raise ValueError(f"{source} has no column beside {label!r}: expected at least one of numbers")
    return list(names).index(label)


def as_labels(values: Sequence[Any], what: str) -> NDArray[Any]:
    """Classes from the cells of a column: whole numbers where all of them are, else words.

    Raises:
        ValueError: a cell is empty.
    """
    words = ["" if str(value).strip().lower() in GAPS else str(value).strip() for value in values]
    gaps = sum(not word for word in words)
    if gaps:
        raise ValueError(f"{what}: expected a class in each row, got {gaps} empty cells. Fill or drop such rows")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return np.array(words)
    whole = all(number.is_integer() for number in numbers)
    return np.array([int(number) for number in numbers]) if whole else np.array(words)
