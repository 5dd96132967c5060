"""Equal numbers of two tables are equal, although each is standardised by its own moments."""

import numpy as np
import pytest

from remblai import distance, evaluate_samples
from remblai.distances import DIVERGENCES
from remblai.metrics.reading import BAND


def of_whole_and_rounded(draws: np.random.Generator, n: int) -> np.ndarray:
    return np.stack([draws.integers(1, 6, n), draws.integers(0, 4, n), draws.lognormal(3, 0.5, n).round(1)], 1)


def test_perfect_samples_of_repeated_numbers_are_told_from_no_data() -> None:
    """A sample that ties with samples alone is its own neighbour: the classifier was right in 76 % of the cases."""
    outside = 0
    for seed in range(12):
        draws = np.random.default_rng(seed)
        samples, real = (of_whole_and_rounded(draws, n)[:, :2] for n in (100, 500))
        found = evaluate_samples(samples, real)["nearest_neighbour_accuracy"]
        outside += abs(found["value"] - found["floor"]) > BAND * found["spread"]
    assert outside <= 3


@pytest.mark.parametrize("far", [1e4, 1e6, 1e9])
@pytest.mark.parametrize("raw", [False, True])
def test_values_are_one_only_where_they_are_equal_however_far_another_is(far: float, raw: bool) -> None:
    a, b = (np.array([*np.repeat(np.arange(5.0) + first, 20), far])[:, None] for first in (0, 5))
    assert float(distance(a, b, metric="total-variation", raw=raw).value) == pytest.approx(100 / 101)
    assert float(distance(a, a + 0.0, metric="total-variation", raw=raw).value) == 0.0


def test_decimal_fractions_of_two_tables_are_equal() -> None:
    draws = np.random.default_rng(0)
    a, b = of_whole_and_rounded(draws, 300), of_whole_and_rounded(draws, 200)
    rows = [{tuple(row) for row in table} for table in (a, b)]
    shares = [{row: np.mean((table == row).all(1)) for row in rows[0] | rows[1]} for table in (a, b)]
    truth = sum(abs(shares[0][row] - shares[1][row]) for row in shares[0]) / 2
    assert float(distance(a, b, metric="total-variation").value) == pytest.approx(truth)


@pytest.mark.parametrize("metric", ["total-variation", "hellinger", "jensen-shannon"])
def test_an_interval_ends_at_the_largest_value(metric: str) -> None:
    a, b = (np.array([*np.repeat(np.arange(5.0) + first, 20), 99.0])[:, None] for first in (0, 5))
    found = distance(a, b, metric=metric).interval
    assert found is not None
    assert 0.0 < found.lower < found.upper <= DIVERGENCES[metric].maximum
