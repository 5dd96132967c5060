"""A permutation test of P = Q for any statistic of two samples, and its null law."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from remblai.discrepancies.inputs import check_finite, tensors
from remblai.distances.validation import ArrayLike
from remblai.statistics.statistic import (
    Floor,
    Statistic,
    at_least,
    draw_seeds,
    generator_or_default,
    measured_parts,
    permutation,
)

AT_ONCE = 20
"""Splits after which a test that may stop early looks whether it can."""


@dataclass(frozen=True, eq=False)
class Test:
    """A test of P = Q.

    Attributes:
        value: the statistic of the two samples.
        p_value: how often a random split of the pooled points looks at least as different, (1 + #{null >= value}) /
            (1 + permutations); where the test stopped early, the number of such splits that it waited for, divided by
            how many splits that took. It is not the probability that P = Q.
        null: the statistic (permutations,) of random splits of the pooled points into n and m; fewer where the test
            stopped early.
        floor: mean and standard deviation of the null, at these n and m.
    """

    value: float
    p_value: float
    null: Tensor
    floor: Floor

    __test__ = False  # no test case, for runners that collect by name


@torch.no_grad()
def two_sample_test(
    discrepancy: Statistic,
    x: ArrayLike,
    y: ArrayLike,
    permutations: int = 200,
    generator: torch.Generator | None = None,
    exceedances: int | None = None,
) -> Test:
    """The permutation test of P = Q: is the discrepancy larger than between random parts of both samples together?

    Its level is exact for every discrepancy and every n, m: where P = Q the p-value is below any t with probability at
    most t. What the discrepancy draws itself (directions, say) is the same for all permutations. The null is also the
    floor of the value, at its n and m. Discrepancies that are quadratic in the points' masses (MMD, energy distance,
    Cramer-Wold) compute one matrix for all permutations.

    Args:
        discrepancy: what is measured; large where P and Q differ.
        x: the sample (n, ...) of P.
        y: the sample (m, ...) of Q.
        permutations: how many; the least p-value is 1 / (1 + permutations).
        generator: the draws are a function of it; None is one of seed 0.
        exceedances: stop once so many splits look at least as different, because the p-value is not small then; it
            stays exact. None uses all permutations, and so do discrepancies of one matrix for all, which a stop slows.

    Raises:
        ValueError: no permutations, or samples that do not fit together.

    Source: Lehmann and Romano, "Testing statistical hypotheses" (2005), section 15.2; Phipson and Smyth (2010) for the
    1 + in it; Besag and Clifford, "Sequential Monte Carlo p-values" (1991), for the early stop.
    """
    x, y = tensors(x, y)
    check_finite(x, y)
    permutations = at_least(1, "permutations", permutations)
    at_least(1, "exceedances", 1 if exceedances is None else exceedances)
    draws = generator_or_default(generator)
    (seed,) = draw_seeds(draws, 1)
    pooled = torch.cat([x, y])
    first = torch.zeros(1 + permutations, len(pooled), dtype=torch.bool)
    first[0, : len(x)] = True
    for mask in first[1:]:
        mask[permutation(len(pooled), draws)[: len(x)].cpu()] = True
    if getattr(discrepancy, "one_matrix", False):
        exceedances = None
    value, null, above = math.nan, torch.empty(0, dtype=torch.float64), torch.empty(0, dtype=torch.bool)
    for masks in torch.split(first.to(pooled.device), 1 + permutations if exceedances is None else AT_ONCE):
        values, rounding = measured_parts(discrepancy, pooled, masks, ~masks, [seed] * len(masks))
        if not len(null):
            value, values = float(values[0]), values[1:]
        null, above = torch.cat([null, values]), torch.cat([above, values >= value - rounding])
        if exceedances is not None and int(above.sum()) >= exceedances:
            waited = 1 + int(above.nonzero()[exceedances - 1])
            return Test(value, exceedances / waited, null, Floor.of(null, len(x), len(y)))
    return Test(value, (1 + int(above.sum())) / (1 + permutations), null, Floor.of(null, len(x), len(y)))
