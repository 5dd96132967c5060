"""The smallest shift of a column that tables of these sizes would have shown."""

import numpy as np

from remblai.populations.cells import Cells, ColumnTest, cell_sums
from remblai.populations.table import Column, Floats
from remblai.statistics.power import POWER, smallest_seen
from remblai.statistics.splits import Splits

SPLITS = 100
"""Random splits behind the power at a size, at most."""
LARGEST = 2.0
"""Standard deviations up to which a shift is looked for."""
GROUPS = 100
"""Groups of neighbouring cells in which the power of numbers is computed, at most."""
FEW = 20
"""Different numbers up to which a column is a scale with ends: a value at its upper end stays there."""


def seen_shift(column: Column, test: ColumnTest, splits: Splits, threshold: float) -> float | None:
    """The smallest shift that is seen in 4 of 5 random splits whose second part is shifted by it.

    Args:
        column: of both tables.
        test: of the column.
        splits: the observed one and random ones, without strata.
        threshold: the score above which a column makes the tables different.

    Returns:
        Of numbers, standard deviations of the first table; of categories, the share of rows that change to the most
        common level. None where the largest is not seen.
    """
    if test.cells.values < 2:
        return None
    masks = splits.masks[1 : 1 + SPLITS].T
    n, m = (int(part.sum()) for part in (splits.first, ~splits.first))
    inside = cell_sums([test.cells], np.asarray(masks, np.float32))[0]
    kept, down = inside / n, (inside - (n + m) * test.cells.shares[:, None]) / m
    if column.levels is not None:
        largest = 1.0 - float(test.cells.shares.max())

        def power(size: float) -> float:
            return float((test.scores(kept + _moved_shares(down, size)) > threshold).mean())

        return smallest_seen(power, largest) if power(largest) >= POWER else None
    moves = _Numbers(column, test.cells, splits)
    kept, down = moves.grouped(kept), moves.grouped(down)

    def power_of_numbers(size: float) -> float:
        return float((moves.scores(kept, down, size) > threshold).mean())

    largest = min(LARGEST, 12.0 * (1.0 / n + 1.0 / m) ** 0.5)
    if power_of_numbers(largest) < POWER:
        largest = LARGEST
    return smallest_seen(power_of_numbers, largest) if power_of_numbers(largest) >= POWER else None


class _Numbers:
    """A column of numbers in groups of its cells, whose second part can be moved.

    The test of moved tables has the ranks of the moved rows: its cells, their shares and its laws are computed anew for
    every size. Those of the rows before they move would give the ends of the range too much weight.
    """

    def __init__(self, column: Column, cells: Cells, splits: Splits) -> None:
        known = ~column.gaps
        numbers = np.bincount(cells.of[known], minlength=cells.values)
        values = np.bincount(cells.of[known], column.values[known], cells.values) / numbers
        before = np.cumsum(numbers) - numbers
        self.group = np.unique(before * GROUPS // numbers.sum(), return_inverse=True)[1]
        self.shares: Floats = np.append(
            np.bincount(self.group, cells.shares[: cells.values]), cells.shares[cells.values :]
        )
        reference = float(column.values[known & splits.first].std()) if (known & splits.first).any() else 0.0
        self.sd = reference or float(column.values[known].std()) or 1.0
        self.values = np.bincount(self.group, numbers * values) / np.bincount(self.group, numbers)
        self.gaps, self.few = cells.gaps, cells.values <= FEW
        self.second = float((~splits.first).mean())
        self.size = float(splits.variances()[0]) * len(splits.first)

    def grouped(self, sums: Floats) -> Floats:
        """Sums over cells (cells, r) as sums over groups."""
        values = len(self.group)
        found = np.zeros((len(self.shares), sums.shape[1]))
        np.add.at(found, self.group, sums[:values])
        found[len(self.values) :] = sums[values:]
        return found

    def scores(self, kept: Floats, down: Floats, size: float) -> Floats:
        """The scores (r,) of the test once every value of the second part is larger by `size` standard deviations."""
        moved = self.values + size * self.sd
        beyond = moved[moved > self.values[-1]] if not self.few else moved[:0]
        grid = np.append(self.values, beyond)
        still = np.insert(kept, [len(self.values)] * len(beyond), 0.0, 0)
        shares: Floats = np.insert(self.shares, [len(self.values)] * len(beyond), 0.0)
        shares = (1.0 - self.second) * shares + self.second * _carried(self.shares[:, None], moved, grid)[:, 0]
        filled = shares > 1e-12
        filled[len(grid) :] = True
        shares = shares[filled]
        cells = Cells(np.empty(0, np.int64), int(filled[: len(grid)].sum()), self.gaps, True, shares)
        if cells.values < 2:
            return np.zeros(kept.shape[1])
        covariance = self.size * (np.diag(shares) - np.outer(shares, shares))
        return ColumnTest(cells, covariance).scores((still + _carried(down, moved, grid))[filled])


def _carried(sums: Floats, moved: Floats, grid: Floats) -> Floats:
    """The sums of weights on a grid of values once the value of each group is `moved`; sums of gaps stay.

    A value between two of the grid is shared between them so that its mean is kept: numbers that take few values,
    such as counts, move by a share of the rows. One beyond the end of the grid stays there.
    """
    below = np.clip(np.searchsorted(grid, moved, "right") - 1, 0, len(grid) - 1)
    above = np.minimum(below + 1, len(grid) - 1)
    step = np.where(above > below, grid[above] - grid[below], 1.0)
    share = np.where(above > below, (moved - grid[below]) / step, 0.0)
    found = np.zeros((len(grid) + len(sums) - len(moved), sums.shape[1]))
    np.add.at(found, below, sums[: len(moved)] * (1.0 - share)[:, None])
    np.add.at(found, above, sums[: len(moved)] * share[:, None])
    found[len(grid) :] = sums[len(moved) :]
    return found


def _moved_shares(sums: Floats, size: float) -> Floats:
    """The sums (cells, r) of weights once this share of all rows has changed to the most common level."""
    totals = sums.sum(0)
    common = int(np.argmin(sums.sum(1)))
    others = 1.0 - float(sums[common].sum() / totals.sum())
    found = sums * (1.0 - min(1.0, size / max(others, np.finfo(float).tiny)))
    found[common] += totals - found.sum(0)
    return found
