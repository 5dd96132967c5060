"""Signed weights of splits and the laws of their forms, against all splits of few rows and against scipy."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy import stats

from remblai.statistics.splits import Law, Splits, mix, p_values

FIRST = np.array([True, True, True, False, False, False, False])
STRATA = np.array([0, 0, 1, 0, 1, 1, 1])


def every_split(first: np.ndarray, strata: np.ndarray) -> Splits:
    """All splits that keep the number of rows of the first part in each stratum, the observed one first."""
    rows = [np.flatnonzero(strata == one) for one in np.unique(strata)]
    choices = [list(combinations(part, int(first[part].sum()))) for part in rows]
    found = Splits(first, 0, torch.Generator(), strata)
    masks = [np.isin(np.arange(len(first)), np.concatenate(chosen)) for chosen in product(*choices)]
    found.masks = np.stack([first, *(mask for mask in masks if not np.array_equal(mask, first))])
    return found


@pytest.mark.parametrize("strata", [np.zeros(7, np.int64), STRATA], ids=["one", "two"])
def test_the_covariance_of_weights_is_that_over_all_splits(strata: np.ndarray) -> None:
    splits = every_split(FIRST, strata)
    weights = np.concatenate([part for _, part in splits.weights()], 1)
    expected = np.zeros((7, 7))
    for stratum, variance in enumerate(splits.variances()):
        rows = np.flatnonzero(strata == stratum)
        expected[np.ix_(rows, rows)] = variance * (np.eye(len(rows)) - 1 / len(rows))
    np.testing.assert_allclose(np.cov(weights, bias=True), expected, atol=1e-7)
    np.testing.assert_allclose(np.where(weights > 0, weights, 0).sum(0), 1, rtol=1e-6)


def test_weights_give_both_parts_the_same_mix() -> None:
    splits = Splits(FIRST, 9, torch.Generator().manual_seed(0), STRATA)
    _, _, shares = mix(FIRST, STRATA)
    for _, weights in splits.weights():
        for stratum, share in enumerate(shares):
            part = weights[stratum == STRATA]
            np.testing.assert_allclose(np.maximum(part, 0).sum(0), share, rtol=1e-6)
            np.testing.assert_allclose(np.minimum(part, 0).sum(0), -share, rtol=1e-6)


def test_a_stratum_that_one_part_lacks_weighs_nothing() -> None:
    strata = np.array([0, 0, 0, 0, 0, 1, 1])
    splits = Splits(FIRST, 3, torch.Generator().manual_seed(0), strata)
    weights = next(splits.weights())[1]
    assert not weights[strata == 1].any()
    assert splits.variances()[1] == 0


def test_laws_are_those_of_scipy() -> None:
    values = np.array([0.0, 0.5, 3.0, 30.0, 300.0, 1000.0])
    for freedom in (1, 4, 9):
        expected = -stats.chi2.logsf(values, freedom)
        np.testing.assert_allclose(Law.chi_squared(freedom).scores(values), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(Law.of_matrix(np.eye(freedom)).scores(values[:4]), expected[:4], rtol=1e-9)
    assert not Law.of_matrix(np.zeros((2, 2))).scores(values).any()


def test_p_values_count_the_observed_split_and_ties() -> None:
    found = np.array([[3.0, 1.0, 3.0 + 1e-9, 5.0], [9.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0]])
    assert p_values(found).tolist() == [0.75, 0.25, 1.0]
