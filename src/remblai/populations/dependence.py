"""Which two columns depend on each other otherwise in one table than in the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from remblai.populations.cells import Cells
from remblai.populations.joint import COORDINATES, ROWS, coordinates, of_two_columns, standardised
from remblai.populations.table import Column
from remblai.statistics.splits import Splits, p_values


@dataclass(frozen=True)
class Dependence:
    """A pair of columns whose correlation differs between the tables.

    Attributes:
        first, second: the columns; of categories with the level whose indicator is correlated.
        before: the correlation in A, of normal scores of numbers and indicators of levels.
        after: in B.
        p_corrected: of equal correlations, corrected for all pairs.
    """

    first: str
    second: str
    before: float
    after: float
    p_corrected: float


def dependences(
    columns: Sequence[Column], cells: Sequence[Cells], splits: Splits, draws: torch.Generator, level: float
) -> tuple[Dependence, ...]:
    """The pairs of columns whose correlation differs at a level for all pairs together, the largest change first.

    Each table's coordinates are centred and scaled by themselves, so that columns that moved alone change nothing; the
    mean products are then compared with those of random splits, by the largest of all pairs. So centred the rows are
    exchangeable only about: the p-values are right in large tables. Of more coordinates than `COORDINATES` no pair is
    looked for.

    Args:
        columns: of both tables.
        cells: of the columns.
        splits: the observed one and random ones.
        draws: which rows are compared.
        level: of all pairs together.
    """
    rows = np.sort(torch.randperm(len(splits.first), generator=draws)[:ROWS].numpy())
    z, owners, levels = coordinates([one.of[rows] for one in cells], cells)
    if len(set(owners)) < 2 or z.shape[1] > COORDINATES:
        return ()
    first = splits.first[rows]
    if min(first.sum(), (~first).sum()) < 2:
        return ()
    for part in (first, ~first):
        z[part] = standardised(z[part])
    i, j = of_two_columns(owners)
    products = z[:, i] * z[:, j]
    before, after = products[first].mean(0), products[~first].mean(0)
    scaled = torch.from_numpy(standardised(products).astype(np.float32))
    each = [(scaled.T @ torch.from_numpy(np.ascontiguousarray(weights))).abs() for _, weights in splits.weights(rows)]
    apart = torch.cat(each, 1).double().numpy()
    largest = np.broadcast_to(apart[:, 1:].max(0), apart[:, 1:].shape)  # of all pairs, in each random split
    corrected = p_values(np.concatenate([apart[:, :1], largest], 1))
    found: dict[tuple[int, int], Dependence] = {}
    for k in sorted(np.flatnonzero(corrected <= level), key=lambda k: -abs(after[k] - before[k])):
        names = [_named(columns[owners[place]], levels[place]) for place in (i[k], j[k])]
        one = Dependence(names[0], names[1], float(before[k]), float(after[k]), float(corrected[k]))
        found.setdefault((int(owners[i[k]]), int(owners[j[k]])), one)
    return tuple(found.values())


def _named(column: Column, level: int | None) -> str:
    if level is None or column.levels is None:
        return column.name
    return f"{column.name} {column.levels[level]}" if level < len(column.levels) else column.name
