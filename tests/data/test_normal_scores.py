"""Normal scores against their definition, there and back."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest, norm, rankdata

from remblai.data.normal_scores import INSIDE, NormalScores, fitted

LAWS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.normal(3.0, 2.0, n),
    "incomes": lambda rng, n: rng.lognormal(9.0, 1.5, n).round(2),
    "ages": lambda rng, n: rng.normal(40.0, 15.0, n).clip(18.0, 90.0).round(),
    "two humps": lambda rng, n: rng.normal(0.0, 1.0, n) + 20.0 * rng.integers(0, 2, n),
    "far": lambda rng, n: 1e9 + rng.exponential(1e-3, n),
}


def column_of_spikes(n: int = 1000) -> np.ndarray:
    """Nine in ten rows have 0."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(n) < 0.9, 0.0, rng.exponential(size=n))


@pytest.mark.parametrize("law", LAWS)
def test_scores_are_normal_quantiles_of_ranks(law: str) -> None:
    x = LAWS[law](np.random.default_rng(1), 500)
    scores = fitted(x[:, None])
    assert scores is not None
    found = scores.of(x[:, None])[:, 0]
    expected = norm.ppf((rankdata(x) - 0.5) / len(x))
    assert np.abs(found - (expected - expected.mean()) / expected.std()).max() < 0.06  # 200 knots of 500 values
    assert (np.diff(found[np.argsort(x, kind="stable")]) >= 0).all()
    assert found.mean() == pytest.approx(0.0, abs=1e-12)
    assert found.std() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_data_come_back(law: str) -> None:
    x = LAWS[law](np.random.default_rng(1), 500)
    scores = fitted(x[:, None])
    assert scores is not None
    assert np.allclose(scores.back(scores.of(x[:, None]))[:, 0], x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_normal_draws_become_the_law_and_stay_within_its_ends(law: str) -> None:
    x = LAWS[law](np.random.default_rng(1), 500)
    scores = fitted(x[:, None])
    assert scores is not None
    draws = scores.back(np.random.default_rng(2).normal(size=(20_000, 1)))[:, 0]
    assert x.min() <= draws.min() <= draws.max() <= x.max()
    if law != "ages":  # between whole numbers there are others before they are rounded
        assert kstest(draws, x).statistic < 0.02


def test_a_spike_comes_back_from_an_interval_of_scores() -> None:
    x = column_of_spikes()
    scores = fitted(x[:, None])
    assert scores is not None
    share = (x == 0).mean()
    at, heights = np.array(scores.values[0]), np.array(scores.scores[0])
    low, own, high = heights[at == 0]
    assert scores.of(np.zeros((1, 1)))[0, 0] == own
    inside = np.linspace(low, high, 50)[:, None]
    assert (scores.back(inside) == 0).all()
    unscaled = norm.ppf([INSIDE * share, (1 - INSIDE) * share])
    assert high - low == pytest.approx((unscaled[1] - unscaled[0]) / _deviation(x), rel=1e-3)
    assert scores.back(np.array([[high + 0.1]]))[0, 0] > 0


def _deviation(x: np.ndarray) -> float:
    """Of the scores of a column of spikes before they are scaled, from their definition."""
    return float(norm.ppf((rankdata(x) - 0.5) / len(x)).std())


def test_beyond_the_ends_scores_go_on_and_come_back_only_where_they_are_not_bounded() -> None:
    x = LAWS["ages"](np.random.default_rng(1), 500)
    scores = fitted(x[:, None])
    assert scores is not None
    beyond = np.array([[-5.0], [300.0]])
    found = scores.of(beyond)
    assert found[0] < scores.of(x[:, None]).min() and found[1] > 3 * scores.of(x[:, None]).max()
    assert scores.back(found).ravel().tolist() == [x.min(), x.max()]
    free = replace(scores, bounded=False)
    assert free.back(found) == pytest.approx(beyond)


def test_few_values_come_back_as_one_of_them() -> None:
    rng = np.random.default_rng(0)
    ratings, flags = rng.choice([1.0, 1.5, 4.0], 300), rng.integers(0, 2, 300)
    scores = fitted(np.stack([ratings, flags, np.full(300, 7.0)], 1))
    assert scores is not None
    assert scores.columns == (0, 1), "a constant has no ranks"
    drawn = scores.rounded(np.c_[scores.back(rng.normal(size=(5000, 2)))])
    assert set(drawn[:, 1]) == {0.0, 1.0}
    assert set(drawn[:, 0]) == {1.0, 1.5, 4.0}
    assert (drawn[:, 0] == 4.0).mean() == pytest.approx((ratings == 4.0).mean(), abs=0.05)


def test_columns_that_are_left_and_tables_of_bits_stay() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 3))
    scores = fitted(table, left=[1])
    assert scores is not None
    assert scores.columns == (0, 2)
    assert fitted(rng.integers(0, 2, (50, 3)).astype(float)) is None


def test_gaps_have_no_part_in_the_ranks() -> None:
    rng = np.random.default_rng(0)
    x, empty = rng.normal(size=400), rng.random(400) < 0.3
    filled = np.where(empty, 0.25, x)
    with_gaps = fitted(np.stack([filled, empty], 1), left=[1], gaps={0: 1})
    without = fitted(x[~empty][:, None])
    assert with_gaps is not None and without is not None
    assert with_gaps.columns == (0,)
    assert with_gaps.values == without.values and with_gaps.scores == without.scores


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.floats(1e-9, 1e9))
def test_scores_do_not_depend_on_units(seed: int, n: int, unit: float) -> None:
    x = np.random.default_rng(seed).normal(size=(n, 1)).round(3)
    scores, others = fitted(x), fitted(unit * x)
    assert (scores is None) == (others is None)
    if scores is not None and others is not None:
        assert others.of(unit * x) == pytest.approx(scores.of(x), abs=1e-9)


def test_decimal_places_are_those_of_the_data() -> None:
    rng = np.random.default_rng(0)
    raw = rng.lognormal(3, 2, 500)
    table = np.stack([raw.round(2), raw.round(), raw, 1e6 * raw.round(1) + 1e12, (raw - 5).round(3)], 1)
    scores = fitted(table)
    assert scores is not None
    assert scores.decimals == (2, 0, -1, 0, 3)
    assert np.array_equal(scores.rounded(table + 1e-5)[:, :2], table[:, :2])
    assert np.array_equal(scores.rounded(table + 1e-5)[:, 2], table[:, 2] + 1e-5)


def test_json() -> None:
    scores = fitted(np.stack([column_of_spikes(), LAWS["incomes"](np.random.default_rng(0), 1000)], 1))
    assert scores is not None
    assert NormalScores.from_json(json.loads(json.dumps(scores.to_json()))) == scores


@pytest.mark.parametrize(
    "saved",
    [
        None,
        {"columns": [0]},
        {"columns": [0], "decimals": [0], "values": [[1.0, 2.0]], "scores": [[1.0]]},
        {"columns": [0, 1], "decimals": [0], "values": [[1.0, 2.0]], "scores": [[1.0, 2.0]]},
        {"columns": [0], "decimals": [], "values": [[1.0, 2.0]], "scores": [[1.0, 2.0]]},
        {"columns": [0], "decimals": [0], "values": [[1.0, 2.0]], "scores": [[1.0, 1.0]]},
        {"columns": [0], "decimals": [0], "values": [[2.0, 1.0]], "scores": [[1.0, 2.0]]},
    ],
)
def test_from_json_refuses(saved: object) -> None:
    with pytest.raises(ValueError, match="normal scores"):
        NormalScores.from_json(saved)
