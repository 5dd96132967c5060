import numpy as np
import pytest
from scipy import stats

from remblai.statistics.pairs import compare_pairs, holm, prediction_interval


def test_two_models_have_the_p_value_of_welch():
    a, b = [1.0, 1.4, 1.1], [2.0, 2.6, 1.9, 2.2]
    (pair,) = compare_pairs({"a": a, "b": b}, {"a": [0.0] * 3, "b": [0.0] * 4})
    truth = stats.ttest_ind(a, b, equal_var=False)
    assert pair.p_value == pytest.approx(truth.pvalue)
    assert pair.difference == pytest.approx(np.mean(a) - np.mean(b))
    assert pair.better == "a"
    assert pair.over_seeds


def test_seeds_that_agree_by_chance_do_not_hide_the_deviation_of_sampling():
    losses = {"a": [1.0, 1.0], "b": [1.1, 1.1]}
    (certain,) = compare_pairs(losses, {name: [0.0, 0.0] for name in losses})
    (pair,) = compare_pairs(losses, {name: [0.1, 0.1] for name in losses})
    assert (certain.p_value, certain.better, certain.seeds_needed) == (1.0, None, None)
    assert pair.better is None
    assert pair.error == pytest.approx(0.1)


def test_one_seed_speaks_of_two_trained_models_only():
    (pair,) = compare_pairs({"a": [1.0], "b": [1.6]}, {"a": [0.1], "b": [0.1]})
    assert not pair.over_seeds and pair.seeds_needed is None
    assert pair.p_value == pytest.approx(2 * stats.norm.sf(0.6 / np.sqrt(0.01 + 0.01)))
    assert pair.better == "a"


def test_one_seed_beside_several_is_not_tested_and_the_others_are():
    losses = {"a": [1.0, 1.5, 0.5], "b": np.array([9.0]), "c": [5.0, 5.5, 4.5], "d": [0.0]}
    pairs = compare_pairs(losses, {name: [0.01] * len(own) for name, own in losses.items()})
    assert [(pair.first, pair.second, pair.over_seeds) for pair in pairs] == [("a", "c", True), ("b", "d", False)]
    p = stats.ttest_ind(losses["a"], losses["c"], equal_var=False).pvalue
    assert pairs[0].p_value == pytest.approx(p)  # the other p-value of the two is smaller


@pytest.mark.parametrize("seeds", [2, 5, 10])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 10.0])
def test_a_further_seed_lies_in_its_interval_as_often_as_is_said(seeds, ratio):
    """However much the model of one seed varies, which itself lies outside in 5 % where it varies alike."""
    draws, repeats = np.random.default_rng(0), 3000
    further, outside = 0, 0
    for _ in range(repeats):
        low, high = prediction_interval(draws.normal(size=seeds), [0.0] * seeds)
        further += low <= draws.normal() <= high
        outside += not low <= ratio * draws.normal() <= high
    band = stats.binom.ppf([0.001, 0.999], repeats, 0.95)
    assert band[0] <= further <= band[1]
    if ratio == 1.0:
        assert outside <= repeats - band[0]


def test_the_interval_of_a_further_seed_is_never_narrower_than_sampling_makes_it():
    low, high = prediction_interval([1.0, 1.0, 1.0], [0.1, 0.1, 0.1])
    assert (low + high) / 2 == pytest.approx(1.0)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 2) * 0.1 * np.sqrt(1 + 1 / 3))
    assert prediction_interval([1.0, 1.0], [0.0, 0.0]) is None
    with pytest.raises(ValueError, match="at least 2 seeds, got 1"):
        prediction_interval([1.0], [0.1])
    for values, deviations in (
        ([1.0, float("nan")], [0.0, 0.0]),
        ([1.0, 2.0], [float("nan"), 0.0]),
        ([1.0, 2.0], [0.1]),
    ):
        with pytest.raises(ValueError, match="expected a finite"):
            prediction_interval(values, deviations)


@pytest.mark.parametrize("deviations", [{"a": [0.1]}, {"a": [0.1], "b": []}, {"a": [0.1], "b": [-0.1]}])
def test_a_deviation_for_each_loss_is_asked_for(deviations):
    with pytest.raises(ValueError, match="b: expected a finite deviation of at least 0 for each of 1 losses"):
        compare_pairs({"a": [1.0], "b": [1.5]}, deviations)


def test_holm_is_the_definition_s():
    p = np.random.default_rng(0).uniform(size=7) ** 3
    order, m = np.argsort(p), len(p)
    expected = np.empty(m)
    for k in range(m):
        expected[order[k]] = min(1, max((m - j) * p[order[j]] for j in range(k + 1)))
    assert holm(list(p)) == pytest.approx(list(expected))


def test_equal_models_are_seldom_told_apart():
    """Three models of one law: in at most 5 % of the tables is any pair called better, within chance."""
    draws, wrong, tables = np.random.default_rng(0), 0, 400
    for _ in range(tables):
        losses = {name: list(draws.normal(size=3)) for name in "abc"}
        wrong += any(pair.better for pair in compare_pairs(losses, {name: [0.0] * 3 for name in losses}))
    assert wrong <= stats.binom.ppf(0.999, tables, 0.05)


@pytest.mark.parametrize("others", [0, 2])
def test_seeds_needed_see_the_difference_four_times_out_of_five(others):
    """By Welch's test at the level that is left beside the other pairs: tables are drawn and tested."""
    losses = {"a": [0.0, 2.0], "b": [2.0, 4.0]} | {f"other {k}": [0.0, 2.0] for k in range(others)}
    pair, *rest = compare_pairs(losses, {name: [0.0, 0.0] for name in losses})
    n = pair.seeds_needed
    draws = np.random.default_rng(0).normal(size=(2000, 2, n)) * np.sqrt(2) + np.array([0.0, 2.0])[:, None]
    p = stats.ttest_ind(draws[:, 0], draws[:, 1], axis=1, equal_var=False).pvalue
    assert np.mean(p < 0.05 / (1 + len(rest))) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("gap", np.geomspace(0.05, 1e4, 12))
def test_a_pair_that_is_not_told_apart_needs_more_seeds_than_it_has(gap):
    losses = {"a": [0.0, 1.0], "b": [gap, gap + 0.2], "c": [0.3, 0.4], "d": [5.0, 5.5]}
    pairs = compare_pairs(losses, {name: [0.1, 0.1] for name in losses})
    assert all(pair.better or pair.seeds_needed is None or pair.seeds_needed > 2 for pair in pairs)


@pytest.mark.parametrize("scale", [1e-170, 1e-5])
def test_seeds_beyond_a_million_are_not_counted(scale):
    (pair,) = compare_pairs({"a": [0.0, 0.0], "b": [scale, scale]}, {name: [0.1, 0.1] for name in "ab"})
    assert pair.seeds_needed is None and pair.p_value == pytest.approx(1.0, abs=1e-3)


def test_tiny_variances_have_degrees_of_freedom():
    losses = {"a": [0.0, 2e-100, 1e-100], "b": [5e-100, 6e-100, 7e-100]}
    (pair,) = compare_pairs(losses, {name: [0.0] * 3 for name in losses})
    truth = stats.ttest_ind(*(1e100 * np.array(found) for found in losses.values()), equal_var=False)
    assert pair.p_value == pytest.approx(truth.pvalue)


@pytest.mark.parametrize("losses", [{"a": [1.0]}, {"a": [], "b": [1.0]}, {"a": [np.nan], "b": [1.0]}])
def test_losses_that_cannot_be_tested_are_refused(losses):
    with pytest.raises(ValueError, match="expected"):
        compare_pairs(losses, {name: [0.1] * len(found) for name, found in losses.items()})


def test_two_seeds_beside_ten_raise_no_more_alarms_than_they_may():
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(1500):
        losses = {"a": rng.normal(size=2), "b": rng.normal(size=10)}
        (pair,) = compare_pairs(losses, {name: [0.0] * len(own) for name, own in losses.items()})
        alarms += pair.better is not None
    assert alarms < 1500 * 0.065
