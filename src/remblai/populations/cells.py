"""The test of one column: its rows are in cells, and every statistic is one of the sums of weights over cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse, special

from remblai.populations.table import Column, Floats, Ints
from remblai.statistics.splits import Law, Splits, Weights

CELLS = 400
"""Cells of a column, at most: neighbours, or the rarest levels, share one where there are more different values."""
LAW_POINTS = 100
"""Points of a curve behind the law of its square, at most."""
CURVE = 0.7
"""Share of the false alarms of a column of numbers that Anderson and Darling's statistic may spend."""
POLYNOMIALS = 4
"""Hermite polynomials of the normal scores."""


@dataclass(frozen=True, eq=False)
class Cells:
    """A column as cells of its rows.

    Attributes:
        of: (N,) the cell of each row; gaps are in the last one where there are any.
        values: cells of values; numbers are in order.
        gaps: 1 where a last cell holds gaps, otherwise 0.
        ordered: whether the values are numbers.
        shares: (values + gaps,) of all rows.
    """

    of: Ints
    values: int
    gaps: int
    ordered: bool
    shares: Floats

    @property
    def inner(self) -> Floats:
        """The shares of the cells of values among the rows that have one."""
        return np.asarray(self.shares[: self.values] / self.shares[: self.values].sum())

    @property
    def scores(self) -> Floats:
        """The normal score of each cell of values: the normal quantile of the share of values below its middle."""
        return np.asarray(special.ndtri(np.cumsum(self.inner) - self.inner / 2))


def cells_of(column: Column) -> Cells:
    """The cells of a column: its levels, or its numbers in order, in `CELLS` cells where there are more of them."""
    known = ~column.gaps
    values, place, counts = np.unique(column.values[known], return_inverse=True, return_counts=True)
    if len(values) > CELLS:
        if column.levels is None:
            before = np.cumsum(counts) - counts
            groups = np.unique(before * CELLS // counts.sum(), return_inverse=True)[1]
        else:
            groups = np.minimum(np.argsort(np.argsort(-counts, kind="stable")), CELLS - 1)
        place, counts = groups[place], np.bincount(groups, counts).astype(np.int64)
    gaps = int(column.gaps.sum())
    of = np.full(len(known), len(counts))
    of[known] = place
    shares = np.append(counts, [gaps] if gaps else []) / len(known)
    return Cells(of, len(counts), int(gaps > 0), column.levels is None, shares)


def cell_sums(columns: Sequence[Cells], weights: Weights) -> list[Floats]:
    """The sums of weights (N, r) over the cells of each column, by one sparse product."""
    sizes = [len(one.shares) for one in columns]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.concatenate([one.of + start for one, start in zip(columns, starts[:-1], strict=True)])
    places = np.tile(np.arange(len(weights)), len(columns))
    matrix = sparse.csr_array((np.ones(len(rows), np.float32), (rows, places)), (int(starts[-1]), len(weights)))
    return np.split((matrix @ weights).astype(np.float64), starts[1:-1])


class ColumnTest:
    """The statistics of one column, from the sums of signed weights over its cells, and their scores.

    Of categories, gaps among them, chi-squared. Of numbers Anderson and Darling's statistic, which sees any change;
    Neyman's smooth test, the squares of the differences of four Hermite polynomials of the normal scores, for scale,
    skew and tail; and of gaps the difference of their shares.

    Args:
        cells: of the column.
        covariance: of the sums of weights over the cells, over random splits.

    Source: Pettitt 1976, "A two-sample Anderson-Darling rank statistic"; Neyman 1937, "Smooth test for goodness of
    fit".
    """

    def __init__(self, cells: Cells, covariance: Floats) -> None:
        self.cells = cells
        self.levels = np.empty((0, 0)) if cells.ordered else _whitening(covariance)
        self.gap = float(covariance[-1, -1]) if cells.ordered and cells.gaps else 0.0
        self.curve: tuple[Floats, Law] | None = None
        if not cells.ordered or cells.values < 2:
            return
        inner, part = cells.inner, covariance[: cells.values, : cells.values]
        totals = part.sum(1)
        within = part - np.outer(inner, totals) - np.outer(totals, inner) + totals.sum() * np.outer(inner, inner)
        polynomials = _polynomials(cells)
        self.smooth = _whitening(polynomials @ within @ polynomials.T) @ polynomials
        reached = np.cumsum(inner)[:-1]
        weight = np.sqrt(inner[:-1] / (reached * (1.0 - reached)))
        below = weight[:, None] * np.cumsum(np.cumsum(within, 0), 1)[:-1, :-1] * weight
        self.curve = weight, Law.of_matrix(_thinned(below))

    def scores(self, sums: Floats) -> Floats:
        """The largest score (r,) among the statistics, from sums of weights (cells, r)."""
        found = [np.zeros(sums.shape[1])]
        if len(self.levels):
            found.append(Law.chi_squared(len(self.levels)).scores(((self.levels @ sums) ** 2).sum(0)))
        if self.gap > 0.0:
            found.append(Law.chi_squared(1).scores(sums[-1] ** 2 / self.gap) + np.log(1.0 - CURVE))
        if self.curve is not None:
            weight, law = self.curve
            part = sums[: self.cells.values]
            within = part - self.cells.inner[:, None] * part.sum(0)
            found.append(law.scores(weight**2 @ np.cumsum(within, 0)[:-1] ** 2) + np.log(CURVE))
            if len(self.smooth):
                squares = ((self.smooth @ within) ** 2).sum(0)
                found.append(Law.chi_squared(len(self.smooth)).scores(squares) + np.log(1.0 - CURVE))
        return np.asarray(np.max(found, 0))


def _thinned(matrix: Floats) -> Floats:
    """About the spectrum of a covariance of a smooth curve: every k-th row and column, with the trace of the whole."""
    step = -(-len(matrix) // LAW_POINTS)
    part = matrix[step // 2 :: step, step // 2 :: step]
    return np.asarray(part * np.trace(matrix) / max(np.trace(part), np.finfo(float).tiny))


def covariance_of(cells: Cells, splits: Splits) -> Floats:
    """The covariance of the sums of weights over the cells, over random splits."""
    count = len(cells.shares)
    found = np.zeros((count, count))
    for stratum, variance in enumerate(splits.variances()):
        sizes = np.bincount(cells.of[splits.strata == stratum], minlength=count)
        if variance > 0.0:
            found += variance * (np.diag(sizes) - np.outer(sizes, sizes) / sizes.sum())
    return found


def _whitening(covariance: Floats) -> Floats:
    """The matrix (rank, k) that makes a vector of this covariance one of independent parts of variance 1."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-9 * max(values[-1], np.finfo(float).tiny)
    return np.asarray((vectors[:, kept] / np.sqrt(values[kept])).T)


def _polynomials(cells: Cells) -> Floats:
    """Hermite polynomials 1 to 4 of the normal scores of the cells: mean, scale, skew and tail."""
    orders = range(1, min(POLYNOMIALS, cells.values - 1) + 1)
    return np.stack([special.eval_hermitenorm(order, cells.scores) for order in orders])
