"""Moments of columns against NumPy's, and columns that cannot be standardised."""

import numpy as np
import pytest

from remblai.data import load
from remblai.data.standardise import moments


def test_moments_in_pieces_are_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remblai.data.rows.CHUNK_BYTES", 100)
    array = np.random.default_rng(0).normal(3, 2, (101, 4))
    mean, deviation = moments(array, np.arange(1, 101), None)
    assert np.allclose(mean, array[1:].mean(0))
    assert np.allclose(deviation, array[1:].std(0))


def test_a_column_that_is_too_large_is_named() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="column 'big' of the data holds values as large as 3e\\+300"):
        load(pandas.DataFrame({"a": [0.0, 1.0] * 10, "big": [3e300, 0.0] * 10}))


@pytest.mark.parametrize("rows", [20, 1000, 10_000])
@pytest.mark.parametrize("value", [0.1, 99.9, -3e17])
def test_a_constant_column_has_no_deviation_however_many_rows(rows: int, value: float) -> None:
    array = np.stack([np.random.default_rng(0).normal(size=rows), np.full(rows, value)], 1)
    mean, deviation = moments(array, np.arange(rows), None)
    assert (mean[1], deviation[1]) == (value, 0.0)


def test_large_numbers_that_vary_are_not_called_constant() -> None:
    values = 10**17 + np.random.default_rng(0).integers(0, 1000, 10_000) // 16 * 16
    mean, deviation = moments(values[:, None].astype(float), np.arange(10_000), None)
    assert deviation[0] == pytest.approx((values - 10**17).std(), rel=1e-9)
    rounded = 0.1 * np.array([3.0, 3.0]) / np.array([3.0, 1.0]) / np.array([1.0, 3.0])  # 0.1, but for rounding
    assert moments(rounded[:, None], np.arange(2), None)[1][0] == 0.0
    assert mean[0] == pytest.approx(values.mean())
