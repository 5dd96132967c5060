"""What moved: the least cost of carrying the rows of one table to those of the other, by column and by row."""

from dataclasses import dataclass

import numpy as np
import torch

from remblai.distances import emd
from remblai.distances.certificate import Interval
from remblai.populations.table import Floats, Ints, Tables, gower, gower_parts
from remblai.statistics.splits import Splits

ROWS = 600
"""Rows of each table that are carried, at most."""
FLOOR_SPLITS = 3
"""Random splits behind the floor of the cost."""
LISTED = 10
"""Pairs of rows that are listed, at most."""
CHANGES = 3
"""Columns that are named for a pair of rows, at most."""


@dataclass(frozen=True)
class Part:
    """A column's part of the cost: `cost`, the same between random splits, and its share of the excess over that."""

    column: str
    cost: float
    floor: float


@dataclass(frozen=True)
class Mover:
    """A row of the first table and the row of the second to which the optimal plan carries it.

    Attributes:
        row: of the first table, from 0.
        to: of the second table, from 0.
        mass: the share of the first table.
        cost: of this pair, between 0 and 1.
        changes: column, value before, value after, for the columns that differ most.
    """

    row: int
    to: int
    mass: float
    cost: float
    changes: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Moved:
    """The optimal plan between two tables.

    Attributes:
        cost: the least mean Gower cost, between 0 and 1; `lower` and `upper` are proven bounds of it.
        floor: the mean of the cost between random splits of both tables, at the same sizes.
        n, m: rows that are carried, drawn without replacement.
        parts: of the columns, which sum to the cost, the largest excess over the floor first.
        movers: pairs of rows that cost most.
    """

    cost: float
    lower: float
    upper: float
    floor: float
    n: int
    m: int
    parts: tuple[Part, ...]
    movers: tuple[Mover, ...]

    @property
    def bounds(self) -> str:
        """The proven bounds in words, four digits of them, rounded outwards."""
        return Interval(max(self.lower, 0.0), self.upper).with_value(self.cost).text(4)


def moved(tables: Tables, splits: Splits, draws: torch.Generator) -> Moved:
    """Carries the rows of the first table to those of the second at the least Gower cost, exactly.

    Args:
        tables: both.
        splits: the observed one and random ones, for the floor.
        draws: which rows are carried.
    """
    (cost, lower, upper), parts, pairs, sizes = _carried(tables, splits.masks[0], draws)
    null = [_carried(tables, mask, draws) for mask in splits.masks[1 : 1 + FLOOR_SPLITS]]
    floors = np.mean([one[1] for one in null], 0)
    order = np.argsort(floors - parts, kind="stable")
    return Moved(
        cost,
        lower,
        upper,
        float(np.mean([one[0][0] for one in null])),
        *sizes,
        tuple(Part(tables.columns[place].name, float(parts[place]), float(floors[place])) for place in order),
        tuple(_mover(tables, *pair) for pair in pairs),
    )


Pairs = list[tuple[int, int, float, Floats]]


def _carried(
    tables: Tables, first: np.ndarray, draws: torch.Generator
) -> tuple[tuple[float, float, float], Floats, Pairs, tuple[int, int]]:
    """The cost with its bounds, the part of each column, the costliest pairs (rows, mass, parts), how many rows."""
    rows, others = (_some(np.flatnonzero(part), draws) for part in (first, ~first))
    x, y = ([column.of(part) for column in tables.columns] for part in (rows, others))
    plan = emd(None, None, gower(x, y, np.float64))
    i, j, masses = plan.entries
    each = gower_parts([column.of(i) for column in x], [column.of(j) for column in y]) / len(x)
    costs = each.sum(1)
    costly = np.argsort(-costs, kind="stable")[:LISTED]
    pairs = [(int(rows[i[k]]), int(others[j[k]]), float(masses[k]), each[k]) for k in costly if costs[k] > 0]
    return (plan.value, *plan.certificate()), masses @ each, pairs, (len(rows), len(others))


def _some(rows: Ints, draws: torch.Generator) -> Ints:
    return np.sort(rows[torch.randperm(len(rows), generator=draws)[:ROWS].numpy()])


def _mover(tables: Tables, row: int, to: int, mass: float, parts: Floats) -> Mover:
    largest = [int(place) for place in np.argsort(-parts, kind="stable")[:CHANGES] if parts[place] > 0]
    columns = [tables.columns[place] for place in largest]
    changes = tuple((one.name, one.text(one.values[row]), one.text(one.values[to])) for one in columns)
    return Mover(row, to - tables.n, mass, float(parts.sum()), changes)
