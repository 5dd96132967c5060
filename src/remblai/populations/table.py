"""Two tables as one: the rows of both below each other, columns of numbers and of categories, with gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.moments import date_text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BLOCK = 2**17
"""Costs of a block of rows, which stays in the cache."""
WHOLE = 1e15
"""Numbers up to which the whole part is written in full."""
OUTER = 0.025
"""Share of the rows beyond either end of the range that numbers are scaled by."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of both tables.

    Attributes:
        name: of the column.
        values: (n + m,) numbers, NaN for a gap; of categories the place of the level, NaN for a gap.
        levels: the names of the categories; None for numbers.
        dates: whether the numbers are days since 1970-01-01.
    """

    name: str
    values: Floats
    levels: tuple[str, ...] | None = None
    dates: bool = False

    @cached_property
    def gaps(self) -> Bools:
        """Which rows have no value."""
        return np.isnan(self.values)

    @cached_property
    def centre(self) -> float:
        """A number in the middle, so that differences from it have few digits to lose in float32."""
        known = self.values[~self.gaps]
        return float(np.median(known)) if len(known) else 0.0

    @cached_property
    def scale(self) -> float:
        """The range of numbers between their 2.5 % and 97.5 % quantiles, the whole range where these are equal, else 1.

        It is that of both tables together: a permutation of the rows leaves it as it is, so that tests stay exact.
        """
        known = self.values[~self.gaps]
        if self.levels is not None or not len(known):
            return 1.0
        low, high = np.quantile(known, [OUTER, 1.0 - OUTER])
        return float(high - low) or float(np.ptp(known)) or 1.0

    def of(self, rows: Ints | slice) -> "Column":
        """The column of some rows; its scale and its centre are those of all of them."""
        part = Column(self.name, self.values[rows], self.levels, self.dates)
        part.__dict__.update(scale=self.scale, centre=self.centre)
        return part

    def text(self, value: float) -> str:
        """A value as a person reads it."""
        if np.isnan(value):
            return "missing"
        if self.dates:
            return date_text(value)
        return number_text(value) if self.levels is None else self.levels[int(value)]


def number_text(value: float) -> str:
    """A number in six digits, or in as many as its whole part has.

    >>> number_text(0.1 + 0.2), number_text(2019001.0), number_text(1.5e20)
    ('0.3', '2019001', '1.5e+20')
    """
    whole = abs(value) < WHOLE and len(str(int(abs(value))))
    return f"{value:.{max(6, whole)}g}"


@dataclass(frozen=True, eq=False)
class Tables:
    """Two tables with the same columns.

    Attributes:
        columns: of both, the n rows of the first table above the m rows of the second.
        n, m: rows of the first and of the second.
        names: what errors and reports call the two.
        notes: what else to say about how they were read.
        left_out: names of the columns that are not compared because they look like identifiers.
        given: a column that is not compared, within whose groups the others are; None where there is none.
    """

    columns: tuple[Column, ...]
    n: int
    m: int
    names: tuple[str, str] = ("A", "B")
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    given: Column | None = None

    @property
    def every(self) -> tuple[Column, ...]:
        """The columns, and the given one."""
        return self.columns if self.given is None else (*self.columns, self.given)

    @property
    def first(self) -> Bools:
        """Which rows (n + m,) are of the first table."""
        return np.arange(self.n + self.m) < self.n

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(one for one in self.every if one.name == name)


def gower(x: Sequence[Column], y: Sequence[Column], dtype: type = np.float32) -> NDArray[Any]:
    """The cost of every row of x against every row of y, between 0 and 1: (n, m).

    The mean over columns of |x - y| / scale, at most 1, for numbers; of 0 or 1 for equal or different categories; of 1
    for a gap against a value and 0 for two gaps. 1 less the cost is a positive definite kernel, because the triangle
    (1 - |t|)+ is one on the line.

    Args:
        x: the columns (n rows each).
        y: the same columns (m rows each), with the same scales.
        dtype: of the costs.

    Source: Gower 1971, "A general coefficient of similarity and some of its properties".
    """
    total: NDArray[Any] = np.zeros((len(x[0].values), len(y[0].values)), dtype)
    step = max(1, BLOCK // total.shape[1])
    for first, second in zip(x, y, strict=True):
        for start in range(0, len(total), step):
            rows = slice(start, start + step)
            total[rows] += _part(first.of(rows), second, dtype)
    total /= len(x)
    return total


def gower_parts(x: Sequence[Column], y: Sequence[Column]) -> Floats:
    """The cost of each column for pairs of rows: x and y of k rows each -> (k, d); their mean over d is the cost."""
    parts = []
    for first, second in zip(x, y, strict=True):
        differ = _differences(first, first.values, second.values)
        parts.append(np.where(first.gaps | second.gaps, first.gaps != second.gaps, differ))
    return np.stack(parts, 1).astype(np.float64)


def _part(x: Column, y: Column, dtype: type) -> NDArray[Any]:
    if x.levels is not None:
        codes = [np.where(one.gaps, -1, one.values).astype(np.int32) for one in (x, y)]
        return np.asarray(codes[0][:, None] != codes[1][None], dtype)
    scaled: list[NDArray[Any]] = [
        np.where(one.gaps, 0.0, (one.values - x.centre) / x.scale).astype(dtype) for one in (x, y)
    ]
    cost: NDArray[Any] = np.abs(scaled[0][:, None] - scaled[1][None])
    np.minimum(cost, 1.0, out=cost)
    if x.gaps.any() or y.gaps.any():
        cost[x.gaps], cost[:, y.gaps] = 1.0, 1.0
        cost[np.ix_(x.gaps, y.gaps)] = 0.0
    return cost


def _differences(column: Column, x: Floats, y: Floats) -> Floats:
    """0 or 1 of categories; of numbers |x - y| / scale, at most 1."""
    if column.levels is not None:
        return np.asarray(x != y, np.float64)
    return np.asarray(np.minimum(np.abs(x - y) / column.scale, 1.0))
