"""The test of all columns together: a kernel of the Gower cost, and products of two columns."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from remblai.populations.cells import Cells
from remblai.populations.table import Column, Floats, Ints, gower
from remblai.statistics.splits import Law, Splits, Weights

ROWS = 3000
"""Rows of both tables together behind the joint statistics, at most."""
LAW_ROWS = 800
"""Rows behind the law of the MMD over random splits, at most."""
COORDINATES = 40
"""Coordinates whose products are compared, at most: of more, their leading principal components."""
KERNEL = 0.6
"""Share of the joint false alarms that the MMD may spend."""
COMMON = 6
"""Levels of a column that are coordinates, the most common ones."""


class JointTest:
    """The statistics of all columns together, on at most `ROWS` rows drawn without regard to the tables.

    The squared MMD of the kernel exp(-c / median c) of the Gower cost c, which sees any difference of the laws in
    enough rows; and of the means of products of two columns' coordinates, which see correlations, the sum of squares
    and the largest square. An energy distance of the cost itself would see the columns one by one only: the cost is a
    sum over columns, and so is its energy distance.

    Args:
        columns: of both tables.
        cells: of the columns.
        splits: whose weights are summed.
        draws: which rows.
    """

    def __init__(
        self, columns: Sequence[Column], cells: Sequence[Cells], splits: Splits, draws: torch.Generator
    ) -> None:
        count = len(columns[0].values)
        self.rows = np.sort(torch.randperm(count, generator=draws)[:ROWS].numpy())
        part = [column.of(self.rows) for column in columns]
        cost = torch.from_numpy(gower(part, part))
        median = float(cost[:: max(1, len(cost) // 500)].median())
        self.gram = cost.mul_(-1.0 / (median or 1.0)).exp_()
        products = _products([one.of[self.rows] for one in cells], cells)
        self.products = torch.from_numpy(products)
        scaled = _within(products.astype(np.float64), splits, self.rows)
        covariance = scaled.T @ scaled
        self.variances = np.maximum(np.diag(covariance), np.finfo(float).tiny)
        few = np.sort(torch.randperm(len(self.rows), generator=draws)[:LAW_ROWS].numpy())
        gram = self.gram[np.ix_(few, few)].numpy().astype(np.float64)
        gram = _within(_within(gram, splits, self.rows[few]).T, splits, self.rows[few])
        self.laws = Law.of_matrix(gram), Law.of_matrix(covariance)

    def scores(self, weights: Weights) -> Floats:
        """The largest score (r,) of r splits, from weights (rows, r); that of the largest of k products less log k."""
        signed = torch.from_numpy(np.ascontiguousarray(weights))
        mmd = self.laws[0].scores((signed * (self.gram @ signed)).sum(0).double().numpy()) + np.log(KERNEL)
        if not self.products.shape[1]:
            return np.asarray(mmd)
        squares = (self.products.T @ signed).double().square().numpy()
        each = Law.chi_squared(1).scores((squares / self.variances[:, None]).max(0)) - np.log(len(squares))
        pairs = np.maximum(self.laws[1].scores(squares.sum(0)), each) + np.log((1.0 - KERNEL) / 2)
        return np.asarray(np.maximum(mmd, pairs))


def _within(values: Floats, splits: Splits, rows: Ints) -> Floats:
    """X (rows, k) with X'X the covariance of weights' @ values over random splits: centred and scaled by strata."""
    strata, found = splits.strata[rows], np.zeros_like(values)
    for stratum, variance in enumerate(splits.variances(rows)):
        part = strata == stratum
        if variance > 0.0:
            found[part] = np.sqrt(variance) * (values[part] - values[part].mean(0))
    return found


def coordinates(of: Sequence[Ints], cells: Sequence[Cells]) -> tuple[Floats, Ints, list[int | None]]:
    """The columns as numbers (rows, k): normal scores of numbers, indicators of the most common levels.

    Args:
        of: the cell of each row, by column.
        cells: of the columns.

    Returns:
        the coordinates, of variance 1; the place of the column of each (k,); the level that it is of, None of numbers.
    """
    found: list[Floats] = []
    owners: list[int] = []
    levels: list[int | None] = []
    for place, (rows, one) in enumerate(zip(of, cells, strict=True)):
        if one.ordered:
            own: list[int | None] = [None] * (one.values > 1)
            found += [np.append(one.scores, 0.0)[rows] for _ in own]
        else:
            common = np.argsort(-one.shares, kind="stable")[:COMMON]
            own = [int(level) for level in common if one.shares[level] < 1.0]
            found += [(rows == level).astype(float) for level in own]
        owners += [place] * len(own)
        levels += own
    z = standardised(np.stack(found, 1)) if found else np.empty((len(of[0]), 0))
    return z, np.asarray(owners, np.int64), levels


def _products(of: Sequence[Ints], cells: Sequence[Cells]) -> NDArray[np.float32]:
    """Products of the coordinates of different columns (rows, k), each of variance 1."""
    z, owners, _ = coordinates(of, cells)
    if len(set(owners)) < 2:
        return np.empty((len(of[0]), 0), np.float32)
    if z.shape[1] > COORDINATES:
        z = standardised(z @ np.linalg.eigh(z.T @ z)[1][:, -COORDINATES:])
        owners = np.arange(COORDINATES)
    i, j = of_two_columns(owners)
    return standardised(z[:, i] * z[:, j]).astype(np.float32)


def of_two_columns(owners: Ints) -> tuple[Ints, Ints]:
    """The pairs of places whose owners (k,) differ: both places of each."""
    i, j = np.triu_indices(len(owners), 1)
    other = owners[i] != owners[j]
    return i[other], j[other]


def standardised(x: Floats) -> Floats:
    """The columns of x (n, k) with mean 0 and variance 1; constant ones are 0."""
    deviation = x.std(0)
    return np.asarray((x - x.mean(0)) / np.where(deviation > 1e-12, deviation, 1.0))
