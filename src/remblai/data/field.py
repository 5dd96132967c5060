"""A column of a table as columns of numbers that a model can learn, and back."""

import math
import warnings
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.column_types import FLOAT, types_of
from remblai.data.dates import dates_of
from remblai.data.layout import cast
from remblai.data.moments import is_date, moment
from remblai.data.number_text import numbers_of
from remblai.data.table_cells import TRUTHS, is_number
from remblai.data.values import as_numbers, gaps, level
from remblai.runtime.text import one_line

Floats = NDArray[np.float64]

WORDS, TRUTH, DAYS, TIMES = "words", "bool", "days", "times"
"""Kinds of cells that are no numbers; a date is one of days where no cell of its column has a time."""
EXAMPLES = 16
"""Texts of a column that are kept, at first: more where they do not show how its numbers or dates are written."""
KINDS = (WORDS, TRUTH, DAYS, TIMES, FLOAT, "int64", "uint64")
"""The kinds of cells that there are."""
IS, IS_EMPTY = " = ", " is empty"
"""What stands after a column's name in those of its columns of numbers: before each word, and for its gaps."""
DAY = 86_400.0
"""Seconds of a day."""


@dataclass(frozen=True)
class Field:
    """One column of a table, and which columns of numbers stand for it.

    Attributes:
        name: of the column.
        kind: of its cells: words, bool, days, times or a type of numbers.
        words: of a column of words: the different ones, each a column of 0 and 1.
        gaps: whether cells are empty, which one more column of 0 and 1 says.
        typical: the mean of its numbers, which stands in an empty cell.
        examples: texts that show how numbers or dates are written, where not as in programs: new ones are read alike.
    """

    name: str
    kind: str = FLOAT
    words: tuple[str, ...] = ()
    gaps: bool = False
    typical: float = 0.0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, cells: NDArray[Any], worded: bool = False) -> "Field":
        """The field of a column.

        Args:
            name: of the column.
            cells: (n,) numbers with NaN, dates with NaT, or text with None for a gap.
            worded: whether its cells are words whatever they look like, as categories are.
        """
        empty = gaps(cells)
        known, some = cells[~empty], bool(empty.any())
        levels = sorted({str(one) for one in known}) if cells.dtype.kind == "O" else []
        kind, examples = _written(levels, worded) if cells.dtype.kind == "O" else (cells.dtype.kind, ())
        if kind == WORDS:
            return cls(name, WORDS, tuple(levels), some)
        start = cls(name, {"M": TIMES, "f": FLOAT}.get(kind, kind), (), some, 0.0, examples)
        numbers = start._read(known)
        whole = types_of(numbers[:, None]) if len(numbers) else None
        kind = {"M": DAYS if whole else TIMES, "f": whole[0] if whole else FLOAT}.get(kind, kind)
        return cls(name, kind, (), some, float(numbers.mean()) if len(numbers) else 0.0, examples)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns of numbers."""
        named = [f"{self.name}{IS}{word}" for word in self.words] or [self.name]
        return (*named, *[f"{self.name}{IS_EMPTY}"] * self.gaps)

    def numbers(self, cells: NDArray[Any]) -> Floats:
        """The cells (n,) as columns of numbers (n, k).

        Raises:
            ValueError: empty cells of a field that has none, or cells of another kind.
        """
        empty = gaps(cells)
        if empty.any() and not self.gaps:
            raise ValueError(
                f"column {self.name!r}: expected none empty, as in the data of the run, got {int(empty.sum()):,} empty "
                "cells: fill them, or leave such rows out"
            )
        marks = [empty[:, None].astype(np.float64)] * self.gaps
        if self.kind == WORDS:
            texts = np.array([level(one) for one in cells], object)
            ones = (texts[:, None] == np.array(self.words, object)).astype(np.float64)
            self._warn(texts, ones.any(1) | empty)
            return np.concatenate([ones, *marks], 1)
        values = np.full(len(cells), self.typical)
        values[~empty] = self._read(cells[~empty])
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
        numbers = self.snapped(values)[:, 0]
        empty = values[:, -1] >= 0.5 if self.gaps else np.zeros(len(values), bool)
        if self.kind in (DAYS, TIMES):
            found = (numbers * DAY).round().astype("datetime64[s]").astype("datetime64[us]")
            found[empty] = np.datetime64("NaT")
            return found
        typed = numbers.astype(np.dtype(self.kind))
        if not self.gaps:
            return typed
        return np.array([None if gap else one for one, gap in zip(typed.tolist(), empty, strict=True)], object)

    def snapped(self, values: Floats) -> Floats:
        """Columns of numbers (n, k) as they are after `cells`: words and marks of gaps are 0 or 1."""
        if self.kind == WORDS:
            return np.asarray(np.eye(values.shape[1])[values.argmax(1)])
        numbers, marks = values[:, 0], (values[:, 1:] >= 0.5).astype(np.float64)
        if self.kind == DAYS:
            numbers = np.rint(numbers)
        elif self.kind == TIMES:
            numbers = np.rint(numbers * DAY) / DAY
        else:
            numbers = cast(numbers, np.dtype(self.kind)).astype(np.float64)
        return np.concatenate([np.where(marks[:, :1].any(1), self.typical, numbers)[:, None], marks], 1)

    def _read(self, cells: NDArray[Any]) -> Floats:
        """Cells (n,) without gaps as numbers: true and false as 1 and 0, dates as days since 1970-01-01.

        Raises:
            ValueError: cells of another kind than those of the field.
        """
        dated = self.kind in (DAYS, TIMES)
        if cells.dtype.kind == "O":
            found = _read_texts([str(one) for one in cells], self.kind, self.examples)
            if isinstance(found, str):
                raise self._expected(found)
            return found
        if dated != (cells.dtype.kind == "M") and len(cells):
            raise self._expected(f"{cells[0]}")
        numbers = as_numbers(cells) if cells.dtype.kind in "fM" else cells.astype(np.float64)
        if self.kind == TRUTH and not np.isin(numbers, (0.0, 1.0)).all():
            raise self._expected(f"{numbers[~np.isin(numbers, (0.0, 1.0))][0]:g}")
        return numbers

    def _expected(self, got: str) -> ValueError:
        kinds = {DAYS: "dates", TIMES: "dates", TRUTH: "true or false"}
        written = f" written as {self.examples[0]!r}" if self.examples else ""
        return ValueError(
            f"column {self.name!r}: expected {kinds.get(self.kind, 'numbers')}{written}, got {one_line(got)!r}"
        )

    def _warn(self, texts: NDArray[Any], known: NDArray[np.bool_]) -> None:
        if known.all():
            return
        warnings.warn(
            f"column {self.name!r}: {int((~known).sum()):,} cells hold what the data of the run do not, as "
            f"{one_line(str(texts[int(known.argmin())]))!r}: read as none of its words",
            stacklevel=2,
        )


def _written(levels: Sequence[str], worded: bool) -> tuple[str, tuple[str, ...]]:
    """What different texts are, words, "f" numbers, "M" dates or bool, and examples where their form must be known."""
    if worded or not levels:
        return (WORDS if worded else "f"), ()
    if all(map(is_number, levels)):
        return "f", ()
    if {one.lower() for one in levels} <= {*TRUTHS}:
        return TRUTH, ()
    if all(map(is_date, levels)):
        return "M", ()
    for kind in ("M", "f"):
        if (known := _in_form(levels, kind)) is not None:
            return kind, _examples(levels, known, kind)
    return WORDS, ()


def _in_form(levels: Sequence[str], kind: str) -> dict[str, float] | None:
    """The numbers that texts are, or the days, where all are written in one form; None where not."""
    if kind == "f":
        return numbers_of(levels)
    dates = dates_of(levels)
    return None if dates is None else dates.days


def _examples(levels: Sequence[str], known: dict[str, float], kind: str) -> tuple[str, ...]:
    """Few of the texts from which the form of all follows."""
    count = EXAMPLES
    while count < len(levels):
        chosen = tuple(levels[round(place)] for place in np.linspace(0, len(levels) - 1, count))
        chosen = tuple(dict.fromkeys(chosen))
        if (found := _in_form(chosen, kind)) is not None and all(found[one] == known[one] for one in chosen):
            return chosen
        count *= 2
    return tuple(levels)


def _read_texts(texts: Sequence[str], kind: str, examples: tuple[str, ...]) -> Floats | str:
    """The numbers or days that texts are; the first text that is none where one is not."""
    if kind not in (DAYS, TIMES, TRUTH) and not examples:
        numbers = _plain(texts)
        if numbers is not None:
            return numbers
    levels = sorted(set(texts))
    found: dict[str, float] = {}
    for one in levels:
        if kind == TRUTH and one.lower() in TRUTHS:
            found[one] = TRUTHS[one.lower()]
        elif kind in (DAYS, TIMES) and is_date(one):
            found[one] = float(as_numbers(np.array([moment(one)], "datetime64[us]"))[0])
        elif kind not in (DAYS, TIMES, TRUTH) and not examples and is_number(one):
            found[one] = float(one)
    rest = [one for one in levels if one not in found]
    if rest and examples:
        found |= _as_examples(rest, examples, "M" if kind in (DAYS, TIMES) else "f")
    wrong = next((one for one in levels if one not in found or not math.isfinite(found[one])), None)
    return wrong if wrong is not None else np.array([found[one] for one in texts], np.float64)


def _as_examples(texts: list[str], examples: tuple[str, ...], kind: str) -> dict[str, float]:
    """What texts are that are written as the examples are, up to the first one that is not."""
    own = _in_form(examples, kind) or {}

    def read(some: list[str]) -> dict[str, float]:
        known = _in_form(sorted({*examples, *some}), kind) or {}
        return known if all(known.get(one) == value for one, value in own.items()) else {}

    if known := read(texts):
        return known
    return read(texts[: bisect_left(range(1, len(texts) + 1), True, key=lambda count: not read(texts[:count]))])


def _plain(texts: Sequence[str]) -> Floats | None:
    """The numbers that texts are as programs write them, all at once; None where one is none, or not finite."""
    try:
        numbers = np.array(texts, object).astype(np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() and not any("_" in one for one in texts) else None


def field_from_json(saved: Any) -> Field:
    """The field whose attributes are saved in plain JSON values.

    Raises:
        ValueError: they are not.
    """
    match saved:
        case {"name": str(name), "kind": str(kind), "words": list(words), "gaps": bool(marks), "typical": typical}:
            numbers = isinstance(typical, int | float) and math.isfinite(typical)
            if kind not in KINDS or not numbers or (kind == WORDS) != bool(words):
                raise ValueError(f"expected a kind of cells, its words and a typical number, got {saved!r}")
            examples = tuple(map(str, saved.get("examples") or ()))
            return Field(name, kind, tuple(map(str, words)), marks, float(typical), examples)
    raise ValueError(f"expected a column's name, kind, words, gaps and typical number, got {saved!r}")
