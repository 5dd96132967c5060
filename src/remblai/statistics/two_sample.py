"""A permutation test of P = Q for any statistic of two samples, and its null law."""

from dataclasses import dataclass

import torch
from torch import Tensor

from remblai.discrepancies.discrepancy import check_finite, tensors
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


@dataclass(frozen=True, eq=False)
class Test:
    """A test of P = Q.

    Attributes:
        value: the statistic of the two samples.
        p_value: how often a random split of the pooled points looks at least as different, (1 + #{null >= value}) /
            (1 + permutations). It is not the probability that P = Q.
        null: the statistic (permutations,) of random splits of the pooled points into n and m.
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

    Raises:
        ValueError: no permutations, or samples that do not fit together.

    Source: Lehmann and Romano, "Testing statistical hypotheses" (2005), section 15.2; Phipson and Smyth (2010) for the
    1 + in it.
    """
    x, y = tensors(x, y)
    check_finite(x, y)
    at_least(1, "permutations", permutations)
    draws = generator_or_default(generator)
    (seed,) = draw_seeds(draws, 1)
    pooled = torch.cat([x, y])
    first = torch.zeros(1 + permutations, len(pooled), dtype=torch.bool)
    first[0, : len(x)] = True
    for mask in first[1:]:
        mask[permutation(len(pooled), draws)[: len(x)].cpu()] = True
    first = first.to(pooled.device)
    values, rounding = measured_parts(discrepancy, pooled, first, ~first, [seed] * len(first))
    value, null = float(values[0]), values[1:]
    above = int((null >= value - rounding).sum())
    return Test(value, (1 + above) / (1 + permutations), null, Floor.of(null, len(x), len(y)))
