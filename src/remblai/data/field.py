"""A column of a table as columns of numbers that a model can learn, and back."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.column_types import FLOAT, types_of
from remblai.data.layout import cast
from remblai.data.table_cells import TRUTHS
from remblai.data.values import as_numbers, gaps, level
from remblai.runtime.text import one_line

Floats = NDArray[np.float64]

WORDS, TRUTH, DAYS, TIMES = "words", "bool", "days", "times"
"""Kinds of cells that are no numbers; a date is one of days where no cell of its column has a time."""


@dataclass(frozen=True)
class Field:
    """One column of a table, and which columns of numbers stand for it.

    Attributes:
        name: of the column.
        kind: of its cells: words, bool, days, times or a type of numbers.
        words: of a column of words: the different ones, each a column of 0 and 1.
        gaps: whether cells are empty, which one more column of 0 and 1 says.
        typical: the mean of its numbers, which stands in an empty cell.
    """

    name: str
    kind: str = FLOAT
    words: tuple[str, ...] = ()
    gaps: bool = False
    typical: float = 0.0

    @classmethod
    def of(cls, name: str, cells: NDArray[Any]) -> "Field":
        """The field of the cells of a column, as `raw.raw_table` reads them."""
        empty = gaps(cells)
        known = cells[~empty]
        if cells.dtype.kind == "O":
            words = tuple(sorted({str(one) for one in known}))
            if not {one.lower() for one in words} <= {*TRUTHS}:
                return cls(name, WORDS, words, bool(empty.any()))
        numbers = _numbers(known)
        whole = types_of(numbers[:, None])
        kinds = {"O": TRUTH, "M": DAYS if whole else TIMES}
        kind = kinds.get(cells.dtype.kind, whole[0] if whole and len(numbers) else FLOAT)
        return cls(name, kind, (), bool(empty.any()), float(numbers.mean()) if len(numbers) else 0.0)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns of numbers."""
        named = [f"{self.name} = {word}" for word in self.words] or [self.name]
        return (*named, *[f"{self.name} is empty"] * self.gaps)

    def numbers(self, cells: NDArray[Any]) -> Floats:
        """The cells (n,) as columns of numbers (n, k).

        Raises:
            ValueError: empty cells of a field that has none, or words where numbers are expected.
        """
        empty = gaps(cells)
        marks = [empty[:, None].astype(np.float64)] * self.gaps
        if self.kind == WORDS:
            texts = np.array([level(one) for one in cells], object)
            ones = (texts[:, None] == np.array(self.words, object)).astype(np.float64)
            self._warn(texts, ones.any(1) | (empty & self.gaps))
            return np.concatenate([ones, *marks], 1)
        if empty.any() and not self.gaps:
            raise ValueError(
                f"column {self.name!r}: expected none empty, as in the data of the run, got {int(empty.sum()):,} empty "
                "cells: fill them, or leave such rows out"
            )
        values = np.full(len(cells), self.typical)
        try:
            values[~empty] = _numbers(cells[~empty])
        except ValueError as problem:
            raise ValueError(f"column {self.name!r}: {problem}") from None
        return np.concatenate([values[:, None], *marks], 1)

    def cells(self, values: Floats) -> NDArray[Any]:
        """Columns of numbers (n, k) as cells (n,): the word of the largest column, whole numbers rounded, None of gaps.

        Args:
            values: those of data, or what a model makes of them.
        """
        if self.kind == WORDS:
            words = np.array([*self.words, *[None] * self.gaps], object)
            chosen: NDArray[Any] = words[values.argmax(1)]
            return chosen
        numbers, empty = values[:, 0], values[:, -1] >= 0.5 if self.gaps else np.zeros(len(values), bool)
        if self.kind in (DAYS, TIMES):
            days = np.rint(numbers) if self.kind == DAYS else numbers
            found = (days * 86_400).round().astype("datetime64[s]").astype("datetime64[us]")
            found[empty] = np.datetime64("NaT")
            return found
        typed = cast(numbers, np.dtype(self.kind))
        if not self.gaps:
            return typed
        return np.array([None if gap else one for one, gap in zip(typed.tolist(), empty, strict=True)], object)

    def snapped(self, values: Floats) -> Floats:
        """Columns of numbers (n, k) as they are after `cells`: words and marks of gaps are 0 or 1."""
        return self.numbers(self.cells(values))

    def _warn(self, texts: NDArray[Any], known: NDArray[np.bool_]) -> None:
        if known.all():
            return
        first = texts[int(known.argmin())]
        shown = "an empty one" if first is None else repr(one_line(str(first)))
        warnings.warn(
            f"column {self.name!r}: {int((~known).sum()):,} cells hold what the data of the run do not, as {shown}: "
            "read as none of its words",
            stacklevel=2,
        )


def field_from_json(saved: Any) -> Field:
    """The field whose attributes are saved in plain JSON values.

    Raises:
        ValueError: they are not.
    """
    match saved:
        case {"name": str(name), "kind": str(kind), "words": list(words), "gaps": bool(marks), "typical": typical}:
            if kind not in (WORDS, DAYS, TIMES) and np.dtype(kind).kind not in "buif":
                raise ValueError(f"expected a kind of cells or a type of numbers, got {kind!r}")
            return Field(name, kind, tuple(map(str, words)), marks, float(typical))
    raise ValueError(f"expected a column's name, kind, words, gaps and typical number, got {saved!r}")


def _numbers(cells: NDArray[Any]) -> Floats:
    """Cells without gaps as numbers: true and false as 1 and 0, dates as days since 1970-01-01.

    Raises:
        ValueError: another word.
    """
    if cells.dtype.kind in "biu":
        return cells.astype(np.float64)
    if cells.dtype.kind != "O":
        return as_numbers(cells)
    found = [TRUTHS.get(str(one).lower()) if isinstance(one, str | bool) else float(one) for one in cells]
    if None in found:
        raise ValueError(f"expected numbers, got {one_line(str(cells[found.index(None)]))!r}")
    return np.array(found, np.float64)
