"""A permutation test of P = Q for any statistic of two samples."""

from dataclasses import dataclass

import torch
from torch import Tensor

from remblai.discrepancies.discrepancy import check_finite
from remblai.statistics.statistic import Statistic, at_least, draw_seed, generator_or_default, measured, permutation

TIES = 100.0
"""Statistics that differ by less than so many roundings, as a share of the largest, are equal."""


@dataclass(frozen=True, eq=False)
class Test:
    """A test of P = Q.

    Attributes:
        value: the statistic.
        p_value: how often it would be as large if P = Q, (1 + #{null >= value}) / (1 + permutations).
        null: its values (permutations,) where the points' labels are drawn by lot.
    """

    value: float
    p_value: float
    null: Tensor

    __test__ = False  # no test case, for runners that collect by name


@torch.no_grad()
def two_sample_test(
    discrepancy: Statistic,
    x: Tensor,
    y: Tensor,
    permutations: int = 200,
    generator: torch.Generator | None = None,
) -> Test:
    """The permutation test of P = Q: is the discrepancy larger than between random parts of both samples together?

    Its level is exact for every discrepancy and every n, m: where P = Q the p-value is below any t with probability at
    most t. What the discrepancy draws itself (directions, say) is the same for all permutations.

    Args:
        discrepancy: what is measured; large where P and Q differ.
        x: the sample (n, ...) of P.
        y: the sample (m, ...) of Q.
        permutations: how many; the least p-value is 1 / (1 + permutations).
        generator: the draws are a function of it; None is one of seed 0.

    Raises:
        ValueError: no permutations, or samples that do not fit together.

    Source: Lehmann and Romano, "Testing statistical hypotheses" (2005), section 15.2; Phipson and Smyth (2010) for the
    1 + in it.
    """
    check_finite(x, y)
    at_least(1, "permutations", permutations)
    draws = generator_or_default(generator)
    seed = draw_seed(draws)
    both = torch.cat([x, y])
    value = measured(discrepancy, both[: len(x)], both[len(x) :], seed)
    null = torch.empty(permutations, dtype=torch.float64)
    for i in range(permutations):
        mixed = both[permutation(both, draws)]
        null[i] = measured(discrepancy, mixed[: len(x)], mixed[len(x) :], seed)
    tie = TIES * torch.finfo(both.dtype).eps * max(abs(value), float(null.abs().max()))
    above = int((null >= value - tie).sum())
    return Test(value, (1 + above) / (1 + permutations), null)
