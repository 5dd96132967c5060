"""Tables with words, dates and gaps as columns of numbers that a model can learn, and back."""

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.config.convert import quoted
from remblai.data.chosen import chosen_columns
from remblai.data.field import DAYS, TIMES, TRUTH, WORDS, Field, Floats, field_from_json
from remblai.data.moments import date_text
from remblai.data.raw import Raw
from remblai.data.table_cells import DECIMAL_COMMA, PADDED, is_number, lost_zeros
from remblai.data.values import as_truths, gaps, level
from remblai.runtime.text import one_line

MOST_WORDS = 50
"""Different words of a column, each of which is a column of 0 and 1, at most."""
REPEATED = 2
"""Rows to each different word, at least, in a table whose columns were not chosen: words that hardly repeat name it."""
JUDGED = 40
"""Rows from which words are judged by how often they repeat."""
MANY = 20
"""Different numbers above which a column with a few words is one of numbers with cells to correct."""


@dataclass(frozen=True)
class Mixed:
    """The fields of a table."""

    fields: tuple[Field, ...]

    @classmethod
    def of(cls, raw: Raw, source: str, repeated: int = 0, worded: Collection[str] = ()) -> "Mixed":
        """The fields of a table as `raw.raw_table` reads it, its text as it is written.

        Args:
            raw: the table.
            source: what errors call it.
            repeated: rows to each different word of a column, at least; below it the words name the rows.
            worded: the columns whose cells are words whatever they look like.

        Raises:
            ValueError: a column of too many different words, or of numbers with a few words; made names that clash.
        """
        try:
            fields = [Field.of(name, cells, name in worded) for name, cells in raw.items()]
        except ValueError as problem:
            raise ValueError(f"{one_line(source)}, {problem}") from None
        wrong = {one.name: why for one in fields if (why := _unsuitable(one, raw[one.name], repeated))}
        if wrong:
            name, why = next(iter(wrong.items()))
            others = [quoted(one.name) for one in fields if one.name not in wrong]
            advice = f" The others can be read: --columns {shlex.quote(','.join(others))}." if others else ""
            raise ValueError(f"{one_line(source)}, column {name!r}: {why}.{advice}")
        found = cls(tuple(fields))
        if twice := [name for name in found.columns if found.columns.count(name) > 1]:
            raise ValueError(
                f"{one_line(source)}: expected names that differ from those made of words and gaps, got {twice[0]!r} "
                "twice: rename that column"
            )
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the table's own columns."""
        return tuple(one.name for one in self.fields)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of numbers."""
        return tuple(name for one in self.fields for name in one.columns)

    @property
    def plain(self) -> bool:
        """Whether all are numbers as programs write them, or true and false, without gaps."""
        return not any(one.gaps or one.examples or one.kind in (WORDS, DAYS, TIMES) for one in self.fields)

    @property
    def owners(self) -> tuple[str, ...]:
        """The name of the table's own column behind each column of numbers."""
        return tuple(one.name for one in self.fields for _ in one.columns)

    @property
    def marks(self) -> tuple[bool, ...]:
        """Which columns of numbers are 0 or 1: those of words, of true and false, and of gaps."""
        return tuple(
            one.kind in (WORDS, TRUTH) or place > 0 for one in self.fields for place in range(len(one.columns))
        )

    @property
    def marks_of_gaps(self) -> dict[int, int]:
        """For each column of numbers with empty cells the column of 0 and 1 that marks these, by their places."""
        ends = np.cumsum([len(one.columns) for one in self.fields])
        return {
            int(end) - 2: int(end) - 1
            for one, end in zip(self.fields, ends, strict=True)
            if one.gaps and one.kind != WORDS
        }

    def numbers(self, raw: Raw) -> Floats:
        """The table (n rows) as columns of numbers (n, d); its columns are matched by name.

        Raises:
            ValueError: a column that is missing, or see `Field.numbers`.
        """
        chosen_columns(list(raw), self.names, "the table")
        return np.concatenate([one.numbers(raw[one.name]) for one in self.fields], 1)

    def cells(self, values: Floats) -> dict[str, NDArray[Any]]:
        """Columns of numbers (n, d) as cells by name."""
        return {one.name: one.cells(part) for one, part in self._parts(values)}

    def snapped(self, values: Floats) -> Floats:
        """Columns of numbers (n, d) as those of cells."""
        return np.concatenate([one.snapped(part) for one, part in self._parts(values)], 1)

    def strange(self, values: Floats) -> dict[str, NDArray[np.bool_]]:
        """By the name of each column of words, which rows (n,) have none of its words, and no gap."""
        return {one.name: part.max(1) < 0.5 for one, part in self._parts(values) if one.kind == WORDS}

    def shared(self, deviation: Floats) -> Floats:
        """Standard deviations (d,), that of all the words of a column together for each of them.

        Two different words are then as far apart, on average over pairs of rows, as two numbers of a column of numbers.
        """
        return np.concatenate(
            [
                np.full(len(part[0]), np.sqrt((part[0] ** 2).sum())) if one.kind == WORDS else part[0]
                for one, part in self._parts(deviation[None])
            ]
        )

    def notes(self, raw: Raw) -> list[str]:
        """How the columns are read, in sentences."""
        words = [f"{one.name} ({len(one.words)})" for one in self.fields if one.kind == WORDS]
        dates = [one.name for one in self.fields if one.kind in (DAYS, TIMES)]
        empty = [f"{one.name} ({int(gaps(raw[one.name]).sum()):,})" for one in self.fields if one.gaps]
        notes = [f"columns of words are a column of 0 and 1 for each word: {', '.join(words)}"] * bool(words)
        notes += [f"columns of dates are read as days: {', '.join(dates)}"] * bool(dates)
        notes += [f"empty cells are marked by a column of 0 and 1: {', '.join(empty)}"] * bool(empty)
        notes += [
            f"column {one.name!r} is text that is read as {'dates' if one.kind in (DAYS, TIMES) else 'numbers'}: "
            f"{one.examples[0]!r} as {_shown(one)}"
            for one in self.fields
            if one.examples
        ]
        return notes

    def lost_zeros(self, raw: Raw) -> list[str]:
        """What to say of numbers whose leading zeros are lost."""
        numbers = [one.name for one in self.fields if one.kind != WORDS and not one.examples]
        texts = {name: {str(one) for one in raw[name]} for name in numbers if raw[name].dtype.kind == "O"}
        return lost_zeros([name for name, of in texts.items() if any(map(PADDED.fullmatch, of))])

    def _parts(self, values: Floats) -> Iterator[tuple[Field, Floats]]:
        start = 0
        for one in self.fields:
            width = len(one.columns)
            yield one, values[:, start : start + width]
            start += width

    def to_json(self) -> list[dict[str, Any]]:
        """A list of plain JSON values; `from_json` reads it back."""
        return [{**vars(one), "words": list(one.words)} for one in self.fields]

    @classmethod
    def from_json(cls, saved: Any) -> "Mixed":
        """The fields that `to_json` wrote.

        Raises:
            ValueError: it did not write this.
        """
        if not isinstance(saved, list):
            raise ValueError(f"expected a list of the columns of a table, got {saved!r}")
        return cls(tuple(field_from_json(one) for one in saved))


def joined(first: Raw, second: Raw, source: str) -> Mixed:
    """The fields of two tables together, with the words of both; columns by the names of the first.

    Raises:
        ValueError: columns that the second lacks; see `Mixed.of`.
    """
    chosen_columns(list(second), list(first), source)
    both = {name: _together(cells, second[name]) for name, cells in first.items()}
    return Mixed.of(both, source)


def _together(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """The cells of both, as text where those of one are; 1 and 0 beside true and false are these."""
    if a.dtype.kind == b.dtype.kind:
        return np.concatenate([a, b])
    truths = as_truths(a), as_truths(b)
    if truths[0] is not None and truths[1] is not None:
        return np.concatenate([truths[0], truths[1]])
    return np.array([level(one) for cells in (a, b) for one in cells], object)


def _shown(field: Field) -> str:
    """The first example of a field as a person reads it."""
    value = field.numbers(np.array(field.examples[:1], object))[0, 0]
    return date_text(value) if field.kind in (DAYS, TIMES) else f"{value:g}"


def _unsuitable(field: Field, cells: NDArray[Any], repeated: int) -> str:
    """Why a model cannot learn a column; empty where it can."""
    rows = int((~gaps(cells)).sum())
    numbers = [one for one in field.words if is_number(one) or DECIMAL_COMMA.fullmatch(one)]
    commas = [one for one in numbers if not is_number(one)]
    if commas and len(numbers) == len(field.words):
        return f"expected a decimal point, as in {commas[0].replace(',', '.')}, got the comma in {commas[0]!r}"
    others = [one for one in field.words if one not in numbers]
    if others and len(numbers) > max(MANY, len(others)):
        row = 1 + next(place for place, one in enumerate(cells) if one == others[0])
        return f"expected numbers, as most cells hold, got {one_line(others[0])!r} in row {row:,}: empty or correct it"
    most = min(MOST_WORDS, rows // repeated) if repeated and rows >= JUDGED else MOST_WORDS
    if len(field.words) > most:
        return (
            f"expected at most {most} different words, or dates as YYYY-MM-DD, got {len(field.words):,} in {rows:,} "
            "rows: leave it out, or make fewer categories of it"
        )
    return ""
