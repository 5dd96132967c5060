"""Shifts of columns against scipy, and the smallest that would have been seen against theory."""

import numpy as np
import pytest
import torch
from scipy import stats

from remblai.populations.battery import decide
from remblai.populations.shifts import Shift, shifts
from remblai.populations.table import Column, Tables
from remblai.statistics.splits import Splits


@pytest.fixture(scope="module")
def found() -> tuple[Tables, dict[str, Shift]]:
    rng = np.random.default_rng(0)
    n, m = 200, 180
    gapped = rng.normal(size=n + m)
    gapped[rng.random(n + m) < 0.1] = np.nan
    levels = np.concatenate([rng.choice(3, n), rng.choice(4, m)]).astype(float)
    levels[0] = 4.0
    counts = rng.poisson(3.0, n + m).astype(float)
    columns = (
        Column("x", np.concatenate([rng.normal(5, 2, n), rng.normal(6, 2, m)])),
        Column("gapped", gapped),
        Column("level", levels, ("a", "b", "c", "new", "old")),
        Column("count", counts),
        Column("same", np.ones(n + m)),
    )
    tables = Tables(columns, n, m)
    draws = torch.Generator().manual_seed(0)
    splits = Splits(tables.first, 199, draws)
    return tables, {one.name: one for one in shifts(tables, decide(columns, splits, draws), splits, 0.05)}


def test_numbers_move_by_the_wasserstein_distance(found: tuple[Tables, dict[str, Shift]]) -> None:
    tables, every = found
    for name in ("x", "gapped", "count"):
        values = tables.column(name).values
        x, y = (part[~np.isnan(part)] for part in (values[: tables.n], values[tables.n :]))
        assert every[name].distance == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-9)
        assert every[name].in_sd == pytest.approx(stats.wasserstein_distance(x, y) / x.std(), rel=1e-9)
        assert every[name].means == pytest.approx((x.mean(), y.mean()))
        pooled = np.sqrt((x.var() + y.var()) / 2)
        assert every[name].effect == pytest.approx((y.mean() - x.mean()) / pooled)
    assert every["gapped"].missing == pytest.approx((np.isnan(tables.columns[1].values[:200]).mean(), 0.1), abs=0.05)
    assert every["x"].distance > every["x"].floor + 4 * every["x"].floor_spread
    assert abs(every["count"].distance - every["count"].floor) < 4 * every["count"].floor_spread


def test_categories_move_by_total_variation(found: tuple[Tables, dict[str, Shift]]) -> None:
    tables, every = found
    codes = tables.column("level").values.astype(int)
    counts = np.stack([np.bincount(part, minlength=5) for part in (codes[: tables.n], codes[tables.n :])])
    p, q = counts / counts.sum(1, keepdims=True)
    level = every["level"]
    assert level.distance == pytest.approx(0.5 * np.abs(p - q).sum())
    assert level.effect == pytest.approx(stats.contingency.association(counts, "cramer"))
    assert (level.unseen, level.gone) == (("new",), ("old",))
    assert level.grew[0].level == "new"
    assert (level.grew[0].before, level.grew[0].after) == pytest.approx((0.0, q[3]))


def test_p_values_are_corrected_and_a_constant_column_has_one(found: tuple[Tables, dict[str, Shift]]) -> None:
    every = found[1]
    assert every["x"].p_value == 0.005
    assert every["x"].p_corrected == pytest.approx(0.02)  # of four: the constant column takes no share
    assert every["same"].p_value == 1.0
    assert every["same"].smallest_seen is None
    assert every["same"].in_sd is None


def test_the_smallest_shift_is_near_that_of_the_normal_test(found: tuple[Tables, dict[str, Shift]]) -> None:
    """At level 0.05 * 0.85 * 0.7 / 5 columns the z-test sees (z_level + z_power) sqrt(1/n + 1/m) deviations."""
    reach = stats.norm.isf(0.5 * 0.05 * 0.85 * 0.7 / 5) + stats.norm.ppf(0.8)
    expected = reach * np.sqrt(1 / 200 + 1 / 180)
    for name in ("x", "gapped", "count"):
        seen = found[1][name].smallest_seen
        assert seen is not None
        assert 0.75 * expected < seen < 1.3 * expected, name
    share = found[1]["level"].smallest_seen
    assert share is not None
    assert 0.08 < share < 0.3
