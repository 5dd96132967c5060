"""A statistic of two samples, measured with draws that are a function of a seed."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.discrepancies.custom import as_discrepancy
from remblai.discrepancies.discrepancy import Discrepancy, OfParts
from remblai.distances.validation import number
from remblai.runtime import rng

Statistic = Discrepancy | Callable[[Tensor, Tensor], Tensor]
"""What is measured: a `Discrepancy` (its `estimate`), or a function of two samples (n, ...), (m, ...) -> scalar."""


class Floor(NamedTuple):
    """The estimate where P = Q, at the sizes n and m of the samples.

    Attributes:
        value: its mean over draws.
        spread: its standard deviation over draws.
        n: points of the first sample.
        m: points of the second.
    """

    value: float
    spread: float
    n: int
    m: int

    @classmethod
    def of(cls, values: Tensor, n: int, m: int) -> "Floor":
        """From the estimates (r,) of the draws; of one draw the standard deviation is not known, and NaN."""
        return cls(float(values.mean()), float(values.std()) if len(values) > 1 else math.nan, n, m)


def measured(discrepancy: Statistic, x: Tensor, y: Tensor, seed: int) -> float:
    """The estimate; torch's global generators are seeded for it, and left as they were.

    Raises:
        ValueError: it is not finite.
    """
    with rng.seeded(seed, x.device):
        value = float(as_discrepancy(discrepancy).estimate(x, y))
    if not math.isfinite(value):
        raise ValueError(
            f"discrepancy: expected a finite estimate, got {value} from {len(x)} and {len(y)} points: look for points "
            "that are too many or too far for it."
        )
    return value


def measured_parts(
    discrepancy: Statistic, points: Tensor, first: Tensor, second: Tensor, seeds: Sequence[int]
) -> OfParts:
    """The estimates between two parts of the same points, for many choices of the parts.

    Discrepancies that are functions of the pairs of points compute one matrix for all choices (`of_parts`), where that
    is less work than the pairs of every choice.

    Args:
        discrepancy: what is measured.
        points: (N, ...).
        first: masks (r, N) of the first part.
        second: masks (r, N) of the second part.
        seeds: r seeds of what the estimates draw.

    Raises:
        ValueError: an estimate that is not finite, or parts of fewer points than the discrepancy needs.
    """
    pairs = float((first.sum(1) + second.sum(1)).double().square().sum())
    by_parts: Callable[[Tensor, Tensor, Tensor], OfParts | None] | None = getattr(discrepancy, "of_parts", None)
    if by_parts is not None and len(points) ** 2 <= pairs:
        of_parts = by_parts(points, first, second)
        if of_parts is not None and bool(of_parts.values.isfinite().all()):
            return OfParts(of_parts.values.cpu(), of_parts.rounding)
    every = [
        measured(discrepancy, points[inside], points[others], seed)
        for inside, others, seed in zip(first, second, seeds, strict=True)
    ]
    values = torch.tensor(every, dtype=torch.float64)
    return OfParts(values, TIES * torch.finfo(points.dtype).eps * float(values.abs().max()))


TIES = 100.0
"""Roundings, as a share of the largest estimate, within which estimates are equal."""


def halves(n: int, repeats: int, generator: torch.Generator) -> Tensor:
    """Masks (1 + repeats, n): the whole sample, then random halves of it without replacement.

    A mean over a random half, given the sample, has the variance s^2/(n/2) (1 - 1/2) = s^2/n: the standard deviation
    over halves *is* the standard error at the full size, without a row ever being counted twice, as a bootstrap would
    (a duplicate is its own nearest neighbour). Of an odd n it is too large by the root of (n + 1) / (n - 1), and where
    a figure's error shrinks faster than 1/sqrt(n) it is too large too.
    """
    masks = torch.zeros(1 + repeats, n, dtype=torch.bool)
    masks[0] = True
    for mask in masks[1:]:
        mask[permutation(n, generator)[: n // 2].cpu()] = True
    return masks


def generator_or_default(generator: torch.Generator | None) -> torch.Generator:
    """The generator; None is one of seed 0."""
    return torch.Generator().manual_seed(0) if generator is None else generator


def draw_seeds(draws: torch.Generator, count: int) -> list[int]:
    """Seeds drawn from the generator."""
    seeds: list[int] = torch.randint(2**62, (count,), generator=draws, device=draws.device).tolist()
    return seeds


def permutation(n: int, draws: torch.Generator) -> Tensor:
    """A random order of n rows."""
    return torch.randperm(n, generator=draws, device=draws.device)


def at_least(least: int, what: str, value: Any, or_none: bool = False) -> int:
    """A count.

    Args:
        least: the least that there may be.
        what: is counted, the name of an option say.
        value: the count.
        or_none: whether 0 leaves it out.

    Raises:
        ValueError: it is below the least, or no whole number.
    """
    count = number(what, value)
    if isinstance(value, bool) or not (count == count // 1 and (count >= least or (or_none and count == 0))):
        none = ", or 0 for none" * or_none
        raise ValueError(f"{what}: expected at least {least}, a whole number{none}, got {value!r}.")
    return int(count)
