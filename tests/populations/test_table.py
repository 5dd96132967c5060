"""The Gower cost against its definition."""

import numpy as np
import pytest

from remblai.populations.table import Column, gower, gower_parts, number_text

NAN = np.nan
COLUMNS = (
    Column("number", np.array([0.0, 1.0, 2.5, NAN, 50.0, 1.0])),
    Column("level", np.array([0.0, 1.0, NAN, 1.0, 2.0, 0.0]), ("a", "b", "c")),
)


def cost(i: int, j: int) -> float:
    total = 0.0
    for column in COLUMNS:
        x, y = column.values[i], column.values[j]
        if np.isnan(x) or np.isnan(y):
            total += float(np.isnan(x) != np.isnan(y))
        elif column.levels is not None:
            total += float(x != y)
        else:
            total += min(1.0, abs(x - y) / column.scale)
    return total / 2


def test_the_cost_is_its_definition() -> None:
    known = COLUMNS[0].values[[0, 1, 2, 4, 5]]
    assert COLUMNS[0].scale == np.quantile(known, 0.975) - np.quantile(known, 0.025)
    expected = [[cost(i, j) for j in range(6)] for i in range(6)]
    np.testing.assert_allclose(gower(COLUMNS, COLUMNS, np.float64), expected, atol=1e-12)
    rows, columns = np.indices((6, 6)).reshape(2, -1)
    parts = gower_parts([one.of(rows) for one in COLUMNS], [one.of(columns) for one in COLUMNS])
    np.testing.assert_allclose(parts.mean(1), np.ravel(expected), atol=1e-12)


def test_one_less_the_cost_is_a_kernel() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_t(2, 80)
    values[:8] = NAN
    columns = (Column("x", values), Column("c", rng.integers(0, 3, 80).astype(float), ("a", "b", "c")))
    assert np.linalg.eigvalsh(1.0 - gower(columns, columns, np.float64)).min() > -1e-9


def test_a_constant_column_costs_nothing() -> None:
    column = Column("x", np.full(4, 7.0))
    assert not gower([column], [column]).any()


@pytest.mark.parametrize(
    ("value", "text"), [(2019001.0, "2019001"), (0.1 + 0.2, "0.3"), (-1234567.5, "-1234568"), (1e20, "1e+20")]
)
def test_numbers_keep_their_whole_part(value: float, text: str) -> None:
    assert number_text(value) == text
