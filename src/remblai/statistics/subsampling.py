"""The sampling floor of an estimate, and an interval around it, from sub-samples without replacement."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from remblai.config.registry import unknown
from remblai.discrepancies.discrepancy import check_finite
from remblai.distances.validation import number
from remblai.statistics.statistic import Statistic, at_least, draw_seed, generator_or_default, measured, permutation


class Floor(NamedTuple):
    """What an estimate reads between two samples of n points of one law: mean and standard deviation over draws."""

    value: float
    spread: float
    n: int


class Confidence(NamedTuple):
    """An estimate and an interval that holds what it estimates in about a share `level` of all samples."""

    value: float
    lower: float
    upper: float
    level: float


@torch.no_grad()
def floor(
    discrepancy: Statistic,
    x: Tensor,
    n: int | None = None,
    repeats: int = 20,
    generator: torch.Generator | None = None,
) -> Floor:
    """The sampling floor: the estimate between two disjoint samples of n points, drawn from one sample.

    An estimate between P and Q at the same n says that they differ only where it stands clearly above this.

    Args:
        discrepancy: what is measured.
        x: the sample (N, ...).
        n: points a side; None takes N // 2.
        repeats: pairs that are drawn, without replacement within a pair.
        generator: the draws are a function of it; None is one of seed 0.

    Raises:
        ValueError: fewer than 2 repeats, n below 1 or above N / 2, or no sample.
    """
    check_finite(x, x)
    draws = generator_or_default(generator)
    n = len(x) // 2 if n is None else n
    at_least(2, "repeats", repeats)
    if not 1 <= n <= len(x) // 2:
        raise ValueError(f"floor: expected n from 1 to half of the {len(x)} points, got {n}: take more points.")
    values = torch.empty(repeats, dtype=torch.float64)
    for i in range(repeats):
        order = permutation(x, draws)
        values[i] = measured(discrepancy, x[order[:n]], x[order[n : 2 * n]], draw_seed(draws))
    return Floor(float(values.mean()), float(values.std()), n)


@torch.no_grad()
def interval(
    discrepancy: Statistic,
    x: Tensor,
    y: Tensor,
    level: float = 0.95,
    repeats: int = 100,
    method: Literal["halves", "jackknife"] = "halves",
    generator: torch.Generator | None = None,
) -> Confidence:
    """An interval around the estimate, from sub-samples without replacement: no point is ever counted twice.

    A bootstrap repeats points, which an unbiased MMD takes for closeness and a transport for free matches. Both methods
    are for P != Q. Where P = Q the first-order term that they measure vanishes: the interval of an unbiased MMD is
    then too wide, and `two_sample_test` is the tool.

    `halves`: the standard deviation over random halves of both samples *is* the standard error at the full size (the
    variance s^2 / (n/2) (1 - 1/2) of a half's mean, given the sample). The interval is for the mean of the estimate at
    this n and m: for D(P, Q) itself where the estimate has no bias.

    `jackknife`: n + m estimates, each with a point left out. It takes a bias of order 1/n out of the value too (biased
    MMD, Frechet); it is for estimates that are smooth in the points' masses.

    Args:
        discrepancy: what is measured.
        x: the sample (n, ...) of P.
        y: the sample (m, ...) of Q.
        level: the share of samples whose interval holds the truth.
        repeats: pairs of halves that are drawn.
        method: halves or jackknife.
        generator: the draws are a function of it; None is one of seed 0.

    Raises:
        ValueError: fewer than 4 points in a sample, a level outside (0, 1), fewer than 2 repeats, an unknown method, or
            samples that do not fit together.

    Source: Shao and Wu, "A general theory for jackknife variance estimation" (1989); Arvesen, "Jackknifing
    U-statistics" (1969).
    """
    check_finite(x, y)
    share = number("level", level)
    if not 0.0 < share < 1.0:
        raise ValueError(f"interval: expected a level between 0 and 1, got {level}.")
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    at_least(2, "repeats", repeats)
    at_least(4, "points in each sample", min(len(x), len(y)))
    value, error = METHODS[method](discrepancy, x, y, repeats, generator_or_default(generator))
    reach = error * NormalDist().inv_cdf(0.5 + 0.5 * share)
    return Confidence(value, value - reach, value + reach, share)


def _halves(discrepancy: Statistic, x: Tensor, y: Tensor, repeats: int, draws: torch.Generator) -> tuple[float, float]:
    value = measured(discrepancy, x, y, draw_seed(draws))
    values = torch.empty(repeats, dtype=torch.float64)
    for i in range(repeats):
        here, there = (one[permutation(one, draws)[: len(one) // 2]] for one in (x, y))
        values[i] = measured(discrepancy, here, there, draw_seed(draws))
    return value, float(values.std())


def _jackknife(
    discrepancy: Statistic, x: Tensor, y: Tensor, repeats: int, draws: torch.Generator
) -> tuple[float, float]:
    seed = draw_seed(draws)  # one for all: noise of its own would be taken for that of the points, n times over
    value = measured(discrepancy, x, y, seed)
    without_x = [measured(discrepancy, _without(x, i), y, seed) for i in range(len(x))]
    without_y = [measured(discrepancy, x, _without(y, j), seed) for j in range(len(y))]
    bias, variance = 0.0, 0.0
    for found in (without_x, without_y):
        values = torch.tensor(found, dtype=torch.float64)
        bias += (len(values) - 1) * (float(values.mean()) - value)
        variance += (len(values) - 1) * float(values.var(correction=0))
    return value - bias, variance**0.5


METHODS: dict[str, Callable[[Statistic, Tensor, Tensor, int, torch.Generator], tuple[float, float]]] = {
    "halves": _halves,
    "jackknife": _jackknife,
}


def _without(x: Tensor, i: int) -> Tensor:
    return torch.cat([x[:i], x[i + 1 :]])
