"""The column of a table that holds each row's class."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.config.registry import unknown

GAPS = ("", "nan", "<na>")
"""What an empty cell is as text, in a file or in a frame."""
WHOLE = re.compile(r"0|-?[1-9]\d*")
"""A whole number as it is written, of which another text is another number."""
LABEL_NAMES = ("labels", "label", "y", "target", "targets", "fine_label", "cls")
"""What arrays, items and columns of labels are called, the first one that is there being taken."""


class NoLabelColumn(ValueError):
    """A table lacks the column of labels that was asked for."""


class NoColumnNames(ValueError):
    """A table has no line of names, and columns were asked for by name."""


def label_place(names: Sequence[str], label: str, source: str) -> int:
    """Which of the columns is that of the labels.

    Raises:
        NoLabelColumn: none has that name.
        ValueError: it is the only one.
    """
    if label not in names:
        raise NoLabelColumn(
            unknown(f"label column of {source}:", label, names)
            if names
            else f"{source} names no columns: label applies to tables with a line of names"
        )
    if len(names) == 1:
        raise ValueError(f"{source} has no column beside {label!r}: expected at least one of numbers")
    return list(names).index(label)


def as_labels(values: Sequence[Any], what: str) -> NDArray[Any]:
    """Classes from the cells of a column: whole numbers where all are written as such, else words.

    Codes as 0123 are words: as numbers some would be one class.

    Raises:
        ValueError: a cell is empty, or holds several values.
    """
    if several := [one for one in values if isinstance(one, list | tuple | dict | np.ndarray)]:
        raise ValueError(
            f"{what}: expected one class in each row, got {str(several[0])[:60]} of type "
            f"{type(several[0]).__name__}: several at once are not supported"
        )
    words = ["" if value is None or str(value).strip().lower() in GAPS else str(value).strip() for value in values]
    gaps = sum(not word for word in words)
    if gaps:
        raise ValueError(f"{what}: expected a class in each row, got {gaps} empty cells. Fill or drop such rows")
    digits = [word.removesuffix(".0") for word in words]
    whole = all(WHOLE.fullmatch(word) for word in digits)
    numbers = [int(word) for word in digits] if whole else []
    fit = all(abs(number) < 2**63 for number in numbers)
    return np.array(numbers, dtype=np.int64) if whole and fit else np.array(words)
