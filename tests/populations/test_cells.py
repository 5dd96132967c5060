"""The statistics of a column against scipy, brute force and all splits of few rows."""

import numpy as np
import pytest
import torch
from scipy import stats
from tests.statistics.test_splits import every_split

from remblai.populations.cells import CELLS, ColumnTest, cell_sums, cells_of, covariance_of
from remblai.populations.table import Column
from remblai.statistics.splits import Law, Splits

FIRST = np.arange(8) < 4


def sums_of(column: Column, splits: Splits) -> np.ndarray:
    return np.concatenate([cell_sums([cells_of(column)], weights)[0] for _, weights in splits.weights()], 1)


def anderson_darling(x: np.ndarray, y: np.ndarray) -> float:
    both = np.sort(np.concatenate([x, y]))
    total = 0.0
    for value in np.unique(both)[:-1]:
        h = (both <= value).mean()
        total += (both == value).mean() * ((x <= value).mean() - (y <= value).mean()) ** 2 / (h * (1 - h))
    return total


@pytest.mark.parametrize("values", [[3.0, 1, 4, 1.5, 9, 2, 6, 5], [1.0, 1, 2, 2, 2, 3, 5, 5]], ids=["all", "ties"])
def test_the_law_of_anderson_darling_has_the_mean_over_all_splits(values: list[float]) -> None:
    column, splits = Column("x", np.array(values)), every_split(FIRST, np.zeros(8, np.int64))
    test = ColumnTest(cells_of(column), covariance_of(cells_of(column), splits))
    found = [anderson_darling(column.values[mask], column.values[~mask]) for mask in splits.masks]
    assert test.curve is not None
    weight, law = test.curve
    below = np.cumsum(sums_of(column, splits), 0)[:-1]
    np.testing.assert_allclose(weight**2 @ below**2, found, rtol=1e-5)
    np.testing.assert_allclose(law.mean, np.mean(found), rtol=1e-9)


def test_categories_are_tested_by_chi_squared() -> None:
    rng = np.random.default_rng(0)
    column = Column("c", np.where(rng.random(60) < 0.1, np.nan, rng.integers(0, 3, 60)), ("a", "b", "c"))
    splits = Splits(np.arange(60) < 25, 5, torch.Generator().manual_seed(0))
    codes = np.where(column.gaps, 3, column.values).astype(int)
    expected = []
    for mask in splits.masks:
        counts = np.stack([np.bincount(codes[part], minlength=4) for part in (mask, ~mask)])
        statistic = stats.chi2_contingency(counts, correction=False).statistic * 59 / 60
        expected.append(Law.chi_squared(3).scores(np.array(statistic)))
    np.testing.assert_allclose(
        ColumnTest(cells_of(column), covariance_of(cells_of(column), splits)).scores(sums_of(column, splits)),
        expected,
        rtol=1e-5,
    )


def test_more_values_than_cells_share_them_in_order() -> None:
    column = Column("x", np.random.default_rng(0).normal(size=3 * CELLS))
    cells = cells_of(column)
    assert cells.values == CELLS
    assert np.all(np.diff(cells.of[np.argsort(column.values)]) >= 0)
    names = tuple(map(str, range(2 * CELLS)))
    levels = cells_of(Column("c", np.append(np.arange(2.0 * CELLS), [1.0] * 9), names))
    assert levels.values == CELLS
    assert (levels.of == levels.of[1]).sum() == 10


def test_a_column_of_one_value_says_nothing() -> None:
    column, splits = Column("x", np.ones(8)), every_split(FIRST, np.zeros(8, np.int64))
    assert (
        not ColumnTest(cells_of(column), covariance_of(cells_of(column), splits)).scores(sums_of(column, splits)).any()
    )


def test_gaps_are_a_change_of_their_own() -> None:
    values = np.random.default_rng(1).normal(size=100)
    values[:20] = np.nan
    splits = Splits(np.arange(100) < 50, 9, torch.Generator().manual_seed(0))
    column = Column("x", values)
    found = ColumnTest(cells_of(column), covariance_of(cells_of(column), splits)).scores(sums_of(column, splits))
    assert found[0] > 10 > found[1:].max()
