"""The names of an array's columns: which are asked for, and which of them were made of the column of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.chosen import AllBut, chosen_columns, picked
from remblai.data.column_types import FLOAT
from remblai.data.field import DAYS, IS, IS_EMPTY, TIMES, WORDS, Field, Floats
from remblai.data.labels import NoColumnNames
from remblai.data.mixed import Mixed
from remblai.data.raw import Raw, typed
from remblai.runtime.text import one_line


@dataclass(frozen=True, eq=False)
class Named:
    """The names of the columns of points, and which are asked for.

    Attributes:
        names: the array `columns` of a file, or None.
        asked: the names of those to take, or all but those to leave out; None is all.
    """

    names: NDArray[Any] | None = None
    asked: Sequence[str] | None = None

    def chosen(
        self, arrays: Mapping[str, NDArray[Any]], item: tuple[int, ...], source: str
    ) -> tuple[list[str] | None, dict[str, NDArray[Any]]]:
        """The names that are taken, None where there are none, and their columns of points (n, d) by part.

        Args:
            arrays: the points.
            item: the shape of one as it is in the file.
            source: what errors call it.

        Raises:
            NoColumnNames: columns are asked for, and none has a name.
            ValueError: names that do not fit the points, or a column that is missing.
        """
        if self.names is None:
            if self.asked is not None:
                raise NoColumnNames(
                    f"{source} names no columns: {self._option} applies to points with names, `columns`"
                )
            return None, dict(arrays)
        width = int(np.prod(item))
        if self.names.shape != (width,) or self.names.dtype.kind != "U" or len(item) > 1:
            shape = f"(n, {', '.join(map(str, item))})"
            raise ValueError(
                f"{source}: expected columns to hold a name for each column of points (n, d), here {width} words, got "
                f"{self.names.dtype} of shape {self.names.shape} beside points of shape {shape}: correct it, or leave "
                "it out"
            )
        present = [one_line(name) for name in self.names.tolist()]
        names = chosen_columns(present, _spread(self.asked, present), source)
        if names == present:
            return names, dict(arrays)
        places = [present.index(name) for name in names]
        return names, {part: np.ascontiguousarray(array[:, places]) for part, array in arrays.items()}

    def refuse_images(self, source: str) -> None:
        """Refuses columns that are asked for of images.

        Raises:
            ValueError: they are.
        """
        if self.asked is not None:
            raise ValueError(f"{source} holds images: {self._option} applies to points (n, d) with names")

    @property
    def _option(self) -> str:
        return "exclude" if picked(self.asked) is None else "columns"


NAMELESS = Named()


def _spread(asked: Sequence[str] | None, present: Sequence[str]) -> Sequence[str] | None:
    """The columns that are asked for, in place of a table's own those that are made of it."""
    if asked is None:
        return None
    own = [[one for one in made_of(name, present) if one == name or one not in asked] or [name] for name in asked]
    every = [one for some in own for one in some]
    return AllBut(every) if isinstance(asked, AllBut) else every


def made_of(name: str, present: Sequence[str]) -> list[str]:
    """Those of the columns that stand for a table's column of that name: see `Field.columns`."""
    return [one for one in present if one in (name, f"{name}{IS_EMPTY}") or one.startswith(f"{name}{IS}")]


def fields_of(names: Sequence[str], like: Mixed) -> list[Field]:
    """The columns of a table that columns of numbers were made of, with the words that their names tell.

    Args:
        names: of the columns of numbers.
        like: the fields of another table, whose names say of which column a column of numbers is made.
    """
    found, left = [], list(names)
    for field in like.fields:
        start = f"{field.name}{IS}"
        made = [one for one in made_of(field.name, left) if one == field.name or one not in like.names]
        words = tuple(one.removeprefix(start) for one in made if one.startswith(start))
        kind = WORDS if words else TIMES if field.kind in (DAYS, TIMES) else FLOAT
        own = Field(field.name, kind, words, f"{field.name}{IS_EMPTY}" in made)
        if {*own.columns} <= {*left}:
            found.append(own)
            left = [one for one in left if one not in own.columns]
    return found + [Field(name) for name in left]


def cells_of(values: Floats, names: Sequence[str], like: Mixed) -> Raw:
    """The cells of such a table by column: numbers, dates, the word of the largest column, and gaps.

    Args:
        values: its columns of numbers (n, d).
        names: of these.
        like: see `fields_of`.
    """
    place = {name: at for at, name in enumerate(names)}
    return {
        one.name: typed(one.cells(values[:, [place[name] for name in one.columns]]), one.name, text=True)
        for one in fields_of(names, like)
    }


def as_values(cells: Raw, fields: Mixed) -> Raw:
    """The cells of a table, text of numbers and dates in a form of its own as these numbers and dates."""
    return {
        one.name: typed(one.cells(one.numbers(cells[one.name])), one.name, text=True)
        if one.examples
        else cells[one.name]
        for one in fields.fields
    }
