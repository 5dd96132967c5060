"""The smallest shift that is seen is tried on pairs of tables that are shifted by it."""

import numpy as np
import torch

from remblai.populations.battery import decide
from remblai.populations.cells import ColumnTest
from remblai.populations.reading import paired
from remblai.populations.seen import seen_shift
from remblai.populations.table import Tables
from remblai.statistics.splits import Splits

N, M = 120, 100


def decided(pair: Tables) -> tuple[ColumnTest, Splits, float, float]:
    draws = torch.Generator().manual_seed(0)
    splits = Splits(pair.first, 99, draws)
    test = decide(pair.columns, splits, draws)
    return test.tests[0], splits, test.threshold(0.05), test.p_value


def pairs(rng: np.random.Generator, shift: float, scale: float = 1.0) -> Tables:
    """Uniform numbers, whose ends are sharp."""
    raws = [{"x": scale * (rng.random(size) * np.sqrt(12.0) + by)} for size, by in ((N, 0.0), (M, shift))]
    return paired(raws[0], raws[1], ("A", "B"))


def test_four_of_five_pairs_that_are_moved_by_it_are_called_different() -> None:
    rng = np.random.default_rng(0)
    sizes = []
    for _ in range(5):
        pair = pairs(rng, 0.0)
        test, splits, threshold, _ = decided(pair)
        sizes.append(seen_shift(pair.columns[0], test, splits, threshold))
    size = float(np.median([one for one in sizes if one is not None]))
    share = np.mean([decided(pairs(rng, size))[3] <= 0.05 for _ in range(40)])
    assert share > 0.6


def test_it_is_in_deviations_of_the_first_table() -> None:
    """The second table alone is far away: the deviation of both together is a thousand times that of the first."""
    rng = np.random.default_rng(1)
    pair = paired({"x": rng.normal(size=N)}, {"x": rng.normal(size=M) + 2000.0}, ("A", "B"))
    test, splits, threshold, _ = decided(pair)
    size = seen_shift(pair.columns[0], test, splits, threshold)
    assert size is None or size > 0.2
