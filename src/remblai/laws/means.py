"""The mean and the scale of a law, also of one that is known through its draws alone."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

DRAWS = 256
"""Behind the mean of a law that does not know its own."""
PAIRS = 16_384
"""Pairs of draws behind the squared distance of two, where the law has no variance."""


def mean_of(law: Distribution) -> Tensor:
    """The mean of a law; that of 256 draws where the law does not know it."""
    try:
        return law.mean
    except NotImplementedError:
        draws: Tensor = law.sample(torch.Size((DRAWS,)))
        return draws.mean(0)


@torch.no_grad()
def square_distance_of(law: Distribution) -> float:
    """E|Z - Z'|^2 of two independent draws, twice the sum of the variances, where the law knows them, finite.

    Else the median of |Z - Z'|^2 over pairs of draws: where tails are heavy a mean would not settle, and a kernel of
    its scale would see nothing.
    """
    try:
        value = 2.0 * float(law.variance.double().sum())
    except NotImplementedError:
        value = math.nan
    if 0.0 < value < math.inf:
        return value
    first, second = law.sample(torch.Size((2 * PAIRS,))).double().chunk(2)
    return float((first - second).square().sum(1).median())
