"""One exact test of two tables from many statistics: of each column by itself, and of all columns together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from remblai.populations.cells import ColumnTest, cell_sums, cells_of, covariance_of
from remblai.populations.joint import JointTest
from remblai.populations.table import Column, Floats
from remblai.statistics import holm
from remblai.statistics.splits import Splits, p_values

COLUMNS = 0.85
"""Share of the false alarms that the columns may spend, each alike; the rest is for the joint statistics."""


@dataclass(frozen=True, eq=False)
class Decision:
    """The test of two tables, over the observed split and the random ones.

    Attributes:
        columns: (d, 1 + permutations) the largest score among the statistics of each column.
        joint: (1 + permutations,) the largest score among the joint statistics.
        rows: behind the joint statistics.
        tests: of the columns.
    """

    columns: Floats
    joint: Floats
    rows: int
    tests: tuple[ColumnTest, ...]

    @property
    def varying(self) -> list[bool]:
        """Which columns have two different values: one that is the same constant in both tables is not tested."""
        return [len(test.cells.shares) > 1 for test in self.tests]

    @property
    def share(self) -> float:
        """The share of the false alarms that each column that varies may spend."""
        return COLUMNS / max(1, sum(self.varying))

    @property
    def overall(self) -> Floats:
        """(1 + permutations,) the largest score of all, after each has paid for its share of the false alarms."""
        columns = self.columns.max(0) + np.log(self.share)
        return np.asarray(np.maximum(columns, self.joint + np.log(1.0 - COLUMNS)))

    @property
    def p_value(self) -> float:
        """Of equal populations, by the largest score of all."""
        return float(p_values(self.overall[None])[0])

    @property
    def p_joint(self) -> float:
        """By the joint statistics alone."""
        return float(p_values(self.joint[None])[0])

    @property
    def p_columns(self) -> list[float]:
        """Of each column by itself, not corrected for their number."""
        return [float(p) for p in p_values(self.columns)]

    @property
    def p_corrected(self) -> list[float]:
        """Of each column, by Holm for all columns that vary; 1 of the others."""
        varying = np.array(self.varying)
        found = np.ones(len(varying))
        found[varying] = holm(np.array(self.p_columns)[varying].tolist())
        return [float(p) for p in found]

    def threshold(self, level: float) -> float:
        """The score of a column above which it makes a pair one of the share `level` of the most different splits."""
        return float(np.quantile(self.overall[1:], 1.0 - level) - np.log(self.share))


def decide(columns: Sequence[Column], splits: Splits, draws: torch.Generator) -> Decision:
    """Tests whether the parts of the observed split are of one population.

    Every column and the joint statistics are measured on the same random splits, each turned into a score that treats
    all splits alike. The largest score of all is compared with that of random splits: whatever the statistics and their
    dependence, equal populations are called different with probability `level` at most.

    Args:
        columns: of both tables.
        splits: the observed one and random ones.
        draws: which rows the joint statistics use.

    Source: Westfall and Young 1993, "Resampling-based multiple testing", for the largest of many statistics.
    """
    cells = [cells_of(column) for column in columns]
    tests = [ColumnTest(one, covariance_of(one, splits)) for one in cells]
    joint = JointTest(columns, cells, splits, draws)
    largest = np.empty((len(columns), len(splits)))
    for part, weights in splits.weights():
        for place, sums in enumerate(cell_sums(cells, weights)):
            largest[place, part] = tests[place].scores(sums)
    together = np.concatenate([joint.scores(weights) for _, weights in splits.weights(joint.rows)])
    return Decision(largest, together, len(joint.rows), tuple(tests))
