"""The combined test: it treats all splits alike, and sees what is in the columns and what is between them."""

import numpy as np
import torch

from remblai.populations.battery import Decision, decide
from remblai.populations.table import Column
from remblai.statistics.splits import Splits

FIRST = np.arange(160) < 80


def columns(seed: int, rho: tuple[float, float] = (0.0, 0.0), shift: float = 0.0) -> list[Column]:
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, 160))
    each = np.where(FIRST, *rho)
    y = each * x + np.sqrt(1 - each**2) * noise
    level = rng.integers(0, 3, 160).astype(float)
    return [Column("x", x), Column("y", y + shift * ~FIRST), Column("c", level, ("a", "b", "c"))]


def decision(parts: list[Column], splits: Splits) -> Decision:
    return decide(parts, splits, torch.Generator().manual_seed(1))


def test_every_split_is_scored_as_if_it_were_the_observed_one() -> None:
    """Which is why the test is exact: the order of the splits changes nothing but the order of the scores."""
    parts = columns(0, shift=0.5)
    splits = Splits(FIRST, 9, torch.Generator().manual_seed(0))
    before = decision(parts, splits)
    order = np.array([4, 1, 2, 3, 0, 5, 6, 7, 8, 9])
    splits.masks, splits.first = splits.masks[order], splits.masks[4]
    after = decision(parts, splits)
    np.testing.assert_allclose(after.overall, before.overall[order], rtol=1e-4, atol=1e-5)
    assert before.p_value == (before.overall >= before.overall[0] - 1e-5).mean()


def test_a_flipped_correlation_is_seen_by_the_joint_statistics_alone() -> None:
    found = decision(columns(0, rho=(0.8, -0.8)), Splits(FIRST, 99, torch.Generator().manual_seed(0)))
    assert found.p_value == found.p_joint == 0.01
    assert min(found.p_columns) > 0.05


def test_a_shift_is_seen_in_its_column() -> None:
    found = decision(columns(2, shift=0.8), Splits(FIRST, 99, torch.Generator().manual_seed(0)))
    assert found.p_value == found.p_columns[1] == 0.01
    assert min(found.p_columns[0], found.p_columns[2]) > 0.05
