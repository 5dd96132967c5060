"""The sampling floor of an estimate, and an interval around it, from sub-samples without replacement."""

import math
import warnings
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from scipy import stats
from torch import Tensor

from remblai.config.registry import unknown
from remblai.discrepancies.inputs import check_finite, tensors
from remblai.distances.validation import ArrayLike, number
from remblai.statistics.statistic import (
    Floor,
    Statistic,
    at_least,
    draw_seeds,
    generator_or_default,
    halves,
    measured,
    measured_parts,
    permutation,
)

Target = Literal["population", "mean of the estimate"]


class Confidence(NamedTuple):
    """An estimate and an interval that contains its target in about a share `level` of all samples.

    Attributes:
        value: the estimate, less its bias where the method removes that.
        lower: the lower end.
        upper: the upper end.
        level: the share.
        target: what the interval is for: "population", D(P, Q) itself; or "mean of the estimate", the mean over samples
            of this n and m, which a biased estimate has above or below D(P, Q).
        bias: the bias that was removed from the value, or that is still in it, by the target. Exact, up to noise, for a
            bias of order 1/n; one that falls more slowly with n, as of transport in many dimensions, is larger.
    """

    value: float
    lower: float
    upper: float
    level: float
    target: Target
    bias: float


@torch.no_grad()
def floor(
    discrepancy: Statistic,
    x: ArrayLike,
    n: int | None = None,
    repeats: int = 20,
    generator: torch.Generator | None = None,
    m: int | None = None,
) -> Floor:
    """The sampling floor: the estimate between two disjoint samples, of n and of m points, drawn from one sample.

    An estimate between P and Q at the same n and m says that they differ only where it is clearly above this.
    `two_sample_test` has the floor of both samples pooled, which needs no further points.

    Args:
        discrepancy: what is measured.
        x: the sample (N, ...).
        n: points of the first; None takes N // 2.
        repeats: pairs that are drawn, without replacement within a pair.
        generator: the draws are a function of it; None is one of seed 0.
        m: points of the second; None takes n.

    Raises:
        ValueError: fewer than 2 repeats, n or m below 1, n + m above N, or no sample.
    """
    x, _ = tensors(x, x)
    check_finite(x, x)
    draws = generator_or_default(generator)
    n = len(x) // 2 if n is None else n
    m = n if m is None else m
    repeats = at_least(2, "repeats", repeats)
    if min(n, m) < 1 or n + m > len(x) or n + m != int(n) + int(m):
        raise ValueError(
            f"floor: expected whole numbers n and m of at least 1 with n + m at most the {len(x)} points, got {n} and "
            f"{m}: take more points."
        )
    first, second = torch.zeros(2, repeats, len(x), dtype=torch.bool)
    for mask, other in zip(first, second, strict=True):
        order = permutation(len(x), draws).cpu()
        mask[order[:n]], other[order[n : n + m]] = True, True
    masks = first.to(x.device), second.to(x.device)
    return Floor.of(measured_parts(discrepancy, x, *masks, draw_seeds(draws, repeats)).values, n, m)


@torch.no_grad()
def interval(
    discrepancy: Statistic,
    x: ArrayLike,
    y: ArrayLike,
    level: float = 0.95,
    repeats: int = 100,
    method: Literal["halves", "jackknife"] = "halves",
    generator: torch.Generator | None = None,
) -> Confidence:
    """An interval around the estimate, from sub-samples without replacement: no point is ever counted twice.

    A bootstrap repeats points, which an unbiased MMD takes for closeness and a transport for free matches. Both methods
    are for P != Q. Where P = Q the first-order term that they measure vanishes: the interval of an unbiased MMD is
    then too wide, and `two_sample_test` is the tool.

    `halves`: the standard deviation over random halves of both samples *is* the standard error at the full size
    (`halves` says why). The interval is for D(P, Q) itself where the discrepancy is `unbiased`; otherwise for the mean
    of the estimate at this n and m, and `bias` states how far that is from D(P, Q): by the mean over halves less the
    value, which is the bias where that is of order 1/n (Quenouille), and less than it where it falls more slowly. Its
    ends are quantiles of Student's t with as many degrees of freedom as there are repeats, or points in the smaller
    sample, less one.

    `jackknife`: n + m estimates, each with a point left out. It removes a bias of order 1/n from the value too (biased
    MMD, Frechet), so that its interval is for D(P, Q), by the quantiles of Student's t with as many degrees of freedom
    as the smaller sample has points, less one (of 9 points it holds 87 % for 95 %). It is for estimates that are smooth
    in the points' masses, which transport between samples is not.

    Of a discrepancy that is `nonnegative` the interval begins at 0 at least, and ends at the larger end of two: on the
    scale of the value and, by halves, on that of its logarithm, for nearly all misses are below the target, where a
    sample lacks the far points of a skewed law. Of one with a `maximum` it ends there.

    Of heavy tails it holds less than it says, for no half of a sample knows of points that the sample lacks: there is
    a warning where the squared distances of either sample from its mean have a kurtosis above 8, which samples of
    normal laws do not reach, and the discrepancy grows with the points (its `homogeneity` is not None).

    Args:
        discrepancy: what is measured.
        x: the sample (n, ...) of P.
        y: the sample (m, ...) of Q.
        level: the share of samples whose interval contains its target.
        repeats: pairs of halves that are drawn.
        method: halves or jackknife.
        generator: the draws are a function of it; None is one of seed 0.

    Raises:
        ValueError: fewer than 4 points in a sample, a level outside (0, 1), fewer than 2 repeats, an unknown method, or
            samples that do not fit together.

    Source: Quenouille, "Approximate tests of correlation in time-series" (1949), for the bias of halves; Shao and Wu,
    "A general theory for jackknife variance estimation" (1989); Arvesen, "Jackknifing U-statistics" (1969).
    """
    x, y = tensors(x, y)
    check_finite(x, y)
    share = number("level", level)
    if not 0.0 < share < 1.0:
        raise ValueError(f"interval: expected a level between 0 and 1, got {level}.")
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    repeats = at_least(2, "repeats", repeats)
    at_least(4, "points in each sample", min(len(x), len(y)))
    measure = METHODS[method](discrepancy, x, y, repeats, generator_or_default(generator))
    quantile = float(stats.t.ppf(0.5 + 0.5 * share, measure.freedom))
    reach = measure.error * quantile
    value, lower, upper = measure.value, measure.value - reach, measure.value + reach
    if getattr(discrepancy, "nonnegative", False):
        lower = max(lower, min(0.0, value))  # a value below 0 is rounding, or the jackknife's
        upper = max(upper, value * math.exp(min(LARGEST, measure.log_error * quantile)))
    if getattr(discrepancy, "homogeneity", None) is not None and (tails := max(map(kurtosis, (x, y)))) > HEAVY:
        warnings.warn(
            f"interval: few points carry most of the spread (kurtosis {tails:.3g}, of a normal law 3): it may hold "
            f"less than {share:.0%} and misses most often below its target, as a sample lacks such points; "
            "logarithms of such columns or a smaller exponent are safer",
            stacklevel=2,
        )
    upper = min(upper, max(getattr(discrepancy, "maximum", math.inf), value))
    return Confidence(value, lower, upper, share, measure.target, measure.bias)


class _Measure(NamedTuple):
    value: float
    error: float
    target: Target
    bias: float
    freedom: int
    log_error: float = 0.0


HEAVY = 8.0
"""The kurtosis above which an interval holds too little to be left without a word."""
LARGEST = 700.0
"""A logarithm whose exponential is a float64."""
NOTHING = 1e-6
"""The share of the value up to which a half's is 0 but for rounding, so that its logarithm says nothing."""


def kurtosis(x: Tensor) -> float:
    """E r^4 / (E r^2)^2 of the distances r from the mean of points (n, ...): (d + 2) / d of a standard normal law."""
    squares = (x.double() - x.double().mean(0)).square().flatten(1).sum(1)
    mean = float(squares.mean())
    return float((squares / mean).square().mean()) if mean > 0.0 else 1.0


def _halves(discrepancy: Statistic, x: Tensor, y: Tensor, repeats: int, draws: torch.Generator) -> _Measure:
    pooled = torch.cat([x, y])
    first, second = torch.zeros(2, repeats, len(pooled), dtype=torch.bool)
    first[:, : len(x)] = halves(len(x), repeats, draws)[1:]
    second[:, len(x) :] = halves(len(y), repeats, draws)[1:]
    (seed,) = draw_seeds(draws, 1)
    value = measured(discrepancy, x, y, seed)
    masks = first.to(pooled.device), second.to(pooled.device)
    values = measured_parts(discrepancy, pooled, *masks, draw_seeds(draws, repeats)).values
    freedom = min(repeats, len(x), len(y)) - 1
    error, log_error = float(values.std()), 0.0
    if value > 0.0 and float(values.min()) > NOTHING * value:
        log_error = float(values.log().std())
    if getattr(discrepancy, "unbiased", False):
        return _Measure(value, error, "population", 0.0, freedom, log_error)
    return _Measure(value, error, "mean of the estimate", float(values.mean()) - value, freedom, log_error)


def _jackknife(discrepancy: Statistic, x: Tensor, y: Tensor, repeats: int, draws: torch.Generator) -> _Measure:
    (seed,) = draw_seeds(draws, 1)  # one for all estimates: their own noise would be counted as the points', n times
    pooled, n, m = torch.cat([x, y]), len(x), len(y)
    in_first = torch.arange(n + m, device=pooled.device) < n
    # in the same way as those below: n times the difference of two roundings would be a bias
    value = float(measured_parts(discrepancy, pooled, in_first[None], ~in_first[None], [seed]).values)
    without = ~torch.eye(n + m, dtype=torch.bool, device=pooled.device)
    bias, variance = 0.0, 0.0
    for rows in (slice(0, n), slice(n, n + m)):
        first, second = without[rows] & in_first, without[rows] & ~in_first
        values = measured_parts(discrepancy, pooled, first, second, [seed] * len(first)).values
        bias += (len(values) - 1) * (float(values.mean()) - value)
        variance += (len(values) - 1) * float(values.var(correction=0))
    return _Measure(value - bias, variance**0.5, "population", bias, min(n, m) - 1)


METHODS: dict[str, Callable[[Statistic, Tensor, Tensor, int, torch.Generator], _Measure]] = {
    "halves": _halves,
    "jackknife": _jackknife,
}
