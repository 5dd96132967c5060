"""Conformal p-values of rows: false alarms as often as they say, and outliers found."""

import numpy as np
import pytest

from remblai.statistics.outliers import Surprise, discoveries


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize(("m", "d"), [(19, 30), (99, 3)])
def test_false_alarms_are_as_frequent_as_the_level_says(m: int, d: int, heavy: bool) -> None:
    rng = np.random.default_rng(0)
    draw = (lambda n: rng.standard_t(3, size=(n, d))) if heavy else (lambda n: rng.normal(size=(n, d)))
    alarms = []
    for _ in range(200):
        known = Surprise(draw(m) ** 2, rng.normal(size=m))
        p = known.p_values(known.score(draw(20) ** 2, rng.normal(size=20)))
        assert p.min() >= 1 / (m + 1)
        alarms.append((p <= 0.05).mean())
    assert np.mean(alarms) < 0.05 + 4 * np.std(alarms) / 200**0.5


def test_the_score_is_the_log_density_of_row_and_code() -> None:
    rng = np.random.default_rng(0)
    squares, log_prob = rng.normal(size=(50, 4)) ** 2, rng.normal(size=50)
    known = Surprise(squares, log_prob)
    variances = squares.mean(0)
    wanted = log_prob - 0.5 * (squares / variances + np.log(2 * np.pi * variances)).sum(1)
    np.testing.assert_allclose(known.score(squares, log_prob), wanted, rtol=1e-12)
    others = np.delete(squares, 3, 0).mean(0)
    own = log_prob[3] - 0.5 * (squares[3] / others + np.log(2 * np.pi * others)).sum()
    assert known.scores[3] == pytest.approx(own, rel=1e-12)


def test_the_threshold_is_that_of_the_p_values() -> None:
    rng = np.random.default_rng(0)
    known = Surprise(rng.normal(size=(99, 3)) ** 2, rng.normal(size=99))
    scores = np.concatenate([known.scores, rng.normal(-8, 3, size=200)])
    assert np.array_equal(scores < known.threshold(0.05), known.p_values(scores) <= 0.05)
    assert np.array_equal(scores < known.threshold(0.001), known.p_values(scores) <= 0.01)  # the least there is


def test_constant_coordinates_are_no_infinity() -> None:
    known = Surprise(np.zeros((5, 2)), np.zeros(5))
    assert np.isfinite(known.score(np.ones((1, 2)), np.zeros(1))).all()
    with pytest.raises(ValueError, match="at least 2 held-out rows"):
        Surprise(np.zeros((1, 2)), np.zeros(1))


def test_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    p = np.array([0.001, 0.04, 0.02, 0.5, 0.9])
    assert discoveries(p, 0.05).tolist() == [True, False, True, False, False]
    assert discoveries(p, 0.04).tolist() == [True, False, False, False, False]
    assert discoveries(p, 0.1).tolist() == [True, True, True, False, False]
    assert not discoveries(np.ones(3)).any()
