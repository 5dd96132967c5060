"""The permutation test of `distance` and its floor, also for divergences that may be infinite."""

from dataclasses import dataclass

import torch
from torch import Tensor

from remblai.discrepancies import as_discrepancy
from remblai.statistics import Floor, Statistic, two_sample_test

COUNTS = (200, 99, 49, 29, 19)
"""Permutations by default, the most that time allows: few numbers, so that a test seldom depends on the machine. Of 19
the least p-value is 0.05."""
SECONDS = 30.0
"""What the permutations may take by default, about."""
PATIENT = 2.0
"""Seconds of all permutations above which the default test stops early where it can."""
EXCEEDANCES = 10
"""Splits at least as different after which it stops: 10 of 200 are a p-value of .05."""


@dataclass(frozen=True)
class Tested:
    """A permutation test.

    Attributes:
        p_value: how often a random split of both sets together looks at least this different. It is not the
            probability that the laws are equal.
        permutations: how many random splits were measured.
        stopped: whether it stopped before all splits, because the p-value is not small.
        floor: mean and standard deviation of the value over them, at the same n and m; None where one is infinite.
    """

    p_value: float
    permutations: int
    stopped: bool
    floor: Floor | None


def affordable(seconds: float) -> int:
    """How many permutations of an estimate that takes so long: the most of `COUNTS` within about 30 seconds.

    >>> affordable(0.01), affordable(1.0), affordable(100.0)
    (200, 29, 19)
    """
    return next((count for count in COUNTS if count * seconds <= SECONDS), COUNTS[-1])


def permuted(
    statistic: Statistic,
    x: Tensor,
    y: Tensor,
    permutations: int,
    draws: torch.Generator,
    bounded: bool = True,
    exceedances: int | None = None,
) -> tuple[Tested, str]:
    """The test, and why it has no floor where it has none.

    A divergence d that may be infinite is tested by d / (1 + d): the order of the splits, and so the p-value, is the
    same, and infinity is 1.

    Args:
        statistic: what is measured.
        x: points (n, d) of the first set.
        y: points (m, d) of the second.
        permutations: how many random splits.
        draws: which.
        bounded: whether the statistic is finite for any samples; one that is not is at least 0.
        exceedances: how many splits at least as different end the test; None measures all.
    """
    if bounded:
        test = two_sample_test(statistic, x, y, permutations, draws, exceedances)
        return Tested(test.p_value, len(test.null), len(test.null) < permutations, test.floor), ""
    measure = as_discrepancy(statistic).estimate

    def between(p: Tensor, q: Tensor) -> Tensor:
        return 1.0 - 1.0 / (1.0 + measure(p, q).double())

    test = two_sample_test(between, x, y, permutations, draws, exceedances)
    infinite, count = int((test.null >= 1.0).sum()), len(test.null)
    if infinite:
        reason = (
            f"the value is infinite for {infinite:,} of {count:,} random splits: values that occur in one part "
            "only make it so, by chance alone"
        )
        return Tested(test.p_value, count, count < permutations, None), reason
    null = test.null / (1.0 - test.null)
    return Tested(test.p_value, count, count < permutations, Floor.of(null, len(x), len(y))), ""
