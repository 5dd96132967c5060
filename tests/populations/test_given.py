"""Drift given a column: a change of the mix alone is told from a change within the groups."""

import numpy as np
import pandas
import pytest
import torch
from scipy import stats

from remblai.populations import given
from remblai.populations.entry import drift
from remblai.populations.given import check_given, drift_given, groups_of
from remblai.populations.table import Column, Tables
from remblai.populations.text import notes


def tables(within: float) -> Tables:
    """Group b is 2 higher than group a and more common in the second table; `within` is added there in both groups."""
    rng = np.random.default_rng(0)
    n = 150
    group = np.concatenate([rng.random(n) < 0.3, rng.random(n) < 0.7]).astype(float)
    x = 2 * group + rng.normal(size=2 * n) + within * (np.arange(2 * n) >= n)
    level = (rng.random(2 * n) < 0.2 + 0.5 * group).astype(float)
    columns = (Column("group", group, ("a", "b")), Column("x", x), Column("level", level, ("no", "yes")))
    return Tables(columns, n, n)


@pytest.mark.parametrize("within", [0.0, 0.8])
def test_the_mix_is_told_from_what_is_within(within: float) -> None:
    both = tables(within)
    found = drift_given(both, "group", 99, torch.Generator().manual_seed(0))
    x, level = found.columns
    values, group = both.column("x").values, both.column("group").values
    assert x.total == pytest.approx(values[150:].mean() - values[:150].mean())
    assert x.mix + x.within == pytest.approx(x.total)
    shares = [(group[part] == 1).mean() for part in (slice(150), slice(150, None))]
    assert found.groups[1].before, found.groups[1].after == pytest.approx(shares)
    assert x.mix == pytest.approx(2 * (shares[1] - shares[0]), abs=0.25)
    assert x.within == pytest.approx(within, abs=0.25)
    assert (found.p_value <= 0.05) == (within > 0)
    assert (x.p_corrected <= 0.05) == (within > 0)
    assert level.p_corrected > 0.05
    assert level.of.startswith("share of")
    assert x.distance == pytest.approx(within, abs=0.25)


def test_groups_of_numbers_are_ranges_and_gaps_one_more() -> None:
    values = np.append(np.arange(100.0), np.nan)
    groups, names = groups_of(Column("x", values))
    assert names == ["up to 19.8", "19.8 to 39.6", "39.6 to 59.4", "59.4 to 79.2", "over 79.2", "missing"]
    assert np.bincount(groups).tolist() == [20, 20, 20, 20, 20, 1]
    assert groups_of(Column("x", np.array([2.0, 1.0, 2.0])))[1] == ["1", "2"]


def test_groups_of_one_table_alone_are_left_out() -> None:
    group = np.array([0.0] * 20 + [1.0] * 20 + [0.0] * 30 + [2.0] * 10)
    x = np.random.default_rng(0).normal(size=80)
    both = Tables((Column("g", group, ("a", "b", "c")), Column("x", x)), 40, 40)
    found = drift_given(both, "g", 19, torch.Generator().manual_seed(0))
    assert found.left_out == (0.5, 0.25)
    assert found.columns[0].mix == 0.0


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown column in given 'grop'. Did you mean 'group'"):
        check_given(tables(0.0), "grop")
    alone = Tables((Column("x", np.arange(4.0)),), 2, 2)
    with pytest.raises(ValueError, match="another column"):
        check_given(alone, "x")


def conditional(seed: int, within: float = 0.0, n: int = 80) -> Tables:
    """X given G is normal with mean 3 G; G's shares move from 0.25 to 0.7; `within` is added in group 1 alone."""
    rng = np.random.default_rng(seed)
    group = np.concatenate([rng.random(n) < 0.25, rng.random(n) < 0.7]).astype(float)
    x = 3 * group + rng.normal(size=2 * n)
    x += within * group * (np.arange(2 * n) >= n)
    columns = (Column("g", group, ("a", "b")), Column("x", x), Column("noise", rng.normal(size=2 * n)))
    return Tables(columns, n, n)


def test_a_mix_that_moved_alone_is_no_conditional_drift() -> None:
    """p-values over 60 such pairs are uniform: by Kolmogorov and Smirnov, and few at 0.05."""
    p = [drift_given(conditional(seed), "g", 39, torch.Generator().manual_seed(seed)).p_value for seed in range(60)]
    jittered = np.array(p) - np.random.default_rng(0).random(len(p)) / 40  # p is one of 1/40, 2/40, ... 1
    assert stats.kstest(jittered, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) <= stats.binom.ppf(0.999, len(p), 0.05) / len(p)


def test_a_change_in_one_group_is_found_and_the_column_named() -> None:
    """1.2 standard deviations between the 37 and 105 rows of a group: a t-test on the group alone has z = 6.3."""
    found = [
        drift_given(conditional(seed, 1.2, 150), "g", 39, torch.Generator().manual_seed(seed)) for seed in range(10)
    ]
    assert sum(one.p_value <= 0.05 for one in found) >= 8
    assert sum(one.columns[0].p_corrected <= 0.05 for one in found) >= 8
    assert sum(one.columns[1].p_corrected <= 0.05 for one in found) <= 3


def followed(seed: int, n: int = 400) -> Tables:
    """A column that moves by a standard deviation, and one that follows it: given the first the second is unchanged."""
    rng = np.random.default_rng(seed)
    moved = np.append(rng.normal(size=n), rng.normal(size=n) + 1.0)
    return Tables((Column("g", moved), Column("x", moved + 0.5 * rng.normal(size=2 * n))), n, n)


def test_a_column_that_follows_the_given_numbers_raises_no_more_false_alarms_than_it_may() -> None:
    found = [drift_given(followed(seed), "g", 39, torch.Generator().manual_seed(seed)) for seed in range(20)]
    alarms = sum(one.p_value <= 0.05 for one in found)
    assert stats.binomtest(alarms, 20, 0.05, "greater").pvalue > 0.01
    assert len(found[0].groups) == 40


def test_ranges_that_are_too_wide_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "MOST_RANGES", 5)
    found = drift_given(followed(0), "g", 39, torch.Generator().manual_seed(0))
    assert found.own_p_value is not None
    assert found.own_p_value <= 0.05
    assert drift_given(tables(0.0), "group", 19, torch.Generator().manual_seed(0)).own_p_value is None
    rows = followed(0)
    parts = [{one.name: one.values[part] for one in rows.columns} for part in (slice(400), slice(400, None))]
    whole = drift(*map(pandas.DataFrame, parts), given="g", permutations=39)
    assert any("its ranges are too wide, for its own mean differs within them" in line for line in notes(whole))
