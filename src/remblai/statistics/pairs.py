"""Tests of which of several models is better, from figures that vary with the seed and with the draw of samples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.05
POWER = 0.8
MOST_SEEDS = 10**6
"""Seeds needed, at most, that are worth naming."""
MANY = 100
"""Seeds above which Student's t is the normal law, to a few in a hundred."""
MOST_OF_TWO, MOST_BESIDE_MORE = 2.0, 1.5
"""Degrees of freedom of a model of 2 seeds, at most: beside another of 2, and beside one of more."""
QUANTILES = (np.arange(200) + 0.5) / 200
"""Of the estimated variance, over which the power of a test is averaged."""


@dataclass(frozen=True)
class Pair:
    """What is known of two models' losses.

    Attributes:
        first, second: their names.
        difference: mean loss of the first less that of the second: below 0 where the first is better.
        error: the difference's standard error.
        p_value: of equal expected losses, corrected for the number of pairs (Holm).
        over_seeds: whether it holds for other seeds too: both were trained with several. If not, both have one, and it
            is of these two trained models alone, and of other draws of their samples.
        seeds_needed: about how many seeds each would need for a difference of this size to be seen 4 times out of 5
            beside as many other pairs; None where that is not known: both models have one seed, the losses do not vary
            at all, or the difference is so small that it would take more than `MOST_SEEDS`.
        flattered: the one that looks better by a figure that is known to flatter it, so that neither is called better;
            None of other pairs.
    """

    first: str
    second: str
    difference: float
    error: float
    p_value: float
    over_seeds: bool
    seeds_needed: int | None
    flattered: str | None = None

    @property
    def better(self) -> str | None:
        """The name of the better one, at the level .05 for all pairs together; None where it cannot be told."""
        return self.ahead if self.p_value < LEVEL and self.flattered is None else None

    @property
    def ahead(self) -> str:
        """The name of the one with the smaller mean loss."""
        return self.first if self.difference < 0 else self.second

    def other(self, name: str) -> str:
        """The name of the one beside this one."""
        return self.second if name == self.first else self.first


def compare_pairs(losses: Mapping[str, Sequence[float]], deviations: Mapping[str, Sequence[float]]) -> list[Pair]:
    """Tests each pair of models for equal expected losses, but those of one seed beside several.

    How the losses of a model vary over seeds is not known from one seed: taken to vary as those of the other model do,
    which varied a tenth as much, they gave 82 % of false alarms for 5 %. `prediction_interval` has what can be known.

    Welch's t-test over seeds, whose variance is never taken below the variance of sampling: two seeds that agree by
    chance prove nothing. A model of 2 seeds has at most 2 degrees of freedom, and 1.5 beside a model of more: Welch's,
    estimated from 2 losses, gave 9 % of false alarms for 5 % beside a model of 10, and these give 7 % at most, where
    one model varies far more than the other. Where both have one seed, a z-test by the deviation of sampling alone.
    Where both variances are 0 nothing is known of the variation, and the p-value is 1.

    Args:
        losses: for each model a loss a seed; less is better.
        deviations: for each of those losses the standard deviation over draws of samples.

    Raises:
        ValueError: fewer than two models, a model without a loss, losses that are not finite, or not a deviation of at
            least 0 for each.

    Source: Welch 1947, "The generalization of Student's problem"; Holm 1979, "A simple sequentially rejective multiple
    test procedure".
    """
    if len(losses) < 2:
        raise ValueError(f"expected at least 2 models to test against each other, got {len(losses)}.")
    for name, found in losses.items():
        _check(name, found, deviations.get(name, ()))
    tested = [(a, b) for a, b in combinations(losses, 2) if (len(losses[a]) > 1) == (len(losses[b]) > 1)]
    pairs = [_test(a, b, losses, deviations, LEVEL / len(tested)) for a, b in tested]
    corrected = holm([pair.p_value for pair in pairs])
    return [replace(pair, p_value=p) for pair, p in zip(pairs, corrected, strict=True)]


def prediction_interval(values: Sequence[float], deviations: Sequence[float]) -> tuple[float, float] | None:
    """Where the figure of one more seed lies with a probability of .95, exact for normal figures; None where none vary.

    mean +- t s sqrt(1 + 1 / m) with Student's quantile of m - 1 degrees of freedom. The variance s^2 is never taken
    below that of sampling, which makes it wider.

    Args:
        values: of m >= 2 seeds.
        deviations: for each of them the standard deviation over draws of samples.

    Raises:
        ValueError: fewer than 2 values, some that are not finite, or not a deviation of at least 0 for each.
    """
    _check("values", values, deviations)
    found = np.asarray(values, np.float64)
    if len(found) < 2:
        raise ValueError(f"expected the figures of at least 2 seeds, got {len(found)}.")
    deviation = math.sqrt(_variance(found, np.asarray(deviations)) * (1 + 1 / len(found)))
    reach = float(stats.t.isf(LEVEL / 2, len(found) - 1)) * deviation
    return (float(found.mean()) - reach, float(found.mean()) + reach) if deviation > 0 else None


def _check(name: str, values: Sequence[float], deviations: Sequence[float]) -> None:
    """Refuses figures of seeds that are not finite, and deviations that do not belong to them.

    Raises:
        ValueError: they are.
    """
    if not len(values) or not np.isfinite(values).all():
        raise ValueError(f"{name}: expected a finite loss for each seed, got {list(values)}.")
    if len(deviations) != len(values) or not all(0.0 <= one < math.inf for one in deviations):
        raise ValueError(
            f"{name}: expected a finite deviation of at least 0 for each of {len(values)} losses, got "
            f"{list(deviations)}."
        )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values: the k-th smallest of m times m - k + 1, never less than the one before it, at most 1.

    Args:
        p_values: of m tests, in any order.
    """
    corrected, least, m = [0.0] * len(p_values), 0.0, len(p_values)
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        least = max(least, min(1.0, (m - rank) * p_values[index]))
        corrected[index] = least
    return corrected


def _test(
    first: str,
    second: str,
    losses: Mapping[str, Sequence[float]],
    deviations: Mapping[str, Sequence[float]],
    level: float,
) -> Pair:
    """One pair, its p-value not corrected; `level` is that of the seeds needed."""
    sides = [(np.asarray(losses[name]), np.asarray(deviations[name])) for name in (first, second)]
    over_seeds = len(sides[0][0]) > 1
    variances = [_variance(loss, deviation) for loss, deviation in sides]
    squares = [variance / len(loss) for variance, (loss, _) in zip(variances, sides, strict=True)]
    difference, error = float(sides[0][0].mean() - sides[1][0].mean()), math.sqrt(sum(squares))
    if error == 0:
        p_value = 1.0  # nothing is known of the variation
    elif over_seeds:
        shares = [square / sum(squares) for square in squares]
        freedom = _freedom(shares, [len(loss) for loss, _ in sides])
        p_value = float(2 * stats.t.sf(abs(difference) / error, freedom))
    else:
        p_value = float(2 * stats.norm.sf(abs(difference) / error))
    needed = _seeds(difference, variances, level) if over_seeds else None  # two trained models say nothing of others
    return Pair(first, second, difference, error, p_value, over_seeds, needed)


def _freedom(shares: Sequence[float], seeds: Sequence[int]) -> float:
    """Welch's degrees of freedom, from each side's share of the variance."""
    welch = 1 / sum(share**2 / (count - 1) for share, count in zip(shares, seeds, strict=True))
    if min(seeds) > 2:
        return welch
    return min(welch, MOST_OF_TWO if max(seeds) == 2 else MOST_BESIDE_MORE)


def _variance(loss: NDArray[np.float64], deviation: NDArray[np.float64]) -> float:
    """Of one loss: over seeds, at least that of sampling; of sampling alone where there is one seed."""
    sampling = float((deviation**2).mean())
    return max(float(loss.var(ddof=1)), sampling) if len(loss) > 1 else sampling


def _seeds(difference: float, variances: Sequence[float], level: float) -> int | None:
    """The seeds with which Welch's test at this level sees the difference with probability `POWER`; from 2 on."""
    deviation = math.sqrt(sum(variances))
    if deviation == 0 or deviation > math.sqrt(MOST_SEEDS) * abs(difference):
        return None
    normal = float(stats.norm.isf(level / 2) + stats.norm.ppf(POWER)) * deviation / abs(difference)
    seeds = max(2, math.ceil(normal**2))
    if seeds > MANY:
        return seeds if seeds <= MOST_SEEDS else None
    # degrees of freedom for each seed beyond the first: from 1, where one variance is all, to 2, where both are equal
    freedom = 1 / sum((variance / deviation**2) ** 2 for variance in variances)
    while _power(abs(difference) / deviation, seeds, freedom * (seeds - 1), level) < POWER:
        seeds += 1
    return seeds


def _power(effect: float, seeds: int, freedom: float, level: float) -> float:
    """How often a t-test at this level sees a difference of so many deviations with so many seeds.

    t is a normal variable plus the shift, over the estimated deviation; the mean is taken over quantiles of that one,
    because the series of scipy's noncentral t do not converge for large shifts.
    """
    scales = np.sqrt(stats.chi2.ppf(QUANTILES, freedom) / freedom)
    return float(stats.norm.sf(stats.t.isf(level / 2, freedom) * scales - effect * math.sqrt(seeds)).mean())
