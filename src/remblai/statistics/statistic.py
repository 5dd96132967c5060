"""A statistic of two samples, measured with draws that are a function of a seed."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from remblai.discrepancies.discrepancy import Discrepancy
from remblai.runtime import rng

Statistic = Discrepancy | Callable[[Tensor, Tensor], Tensor]
"""What is measured: a `Discrepancy` (its `estimate`), or a function of two samples (n, ...), (m, ...) -> scalar."""


def measured(discrepancy: Statistic, x: Tensor, y: Tensor, seed: int) -> float:
    """The estimate; torch's global generators are seeded for it, and left as they were."""
    statistic = discrepancy.estimate if isinstance(discrepancy, Discrepancy) else discrepancy
    with rng.seeded(seed, x.device):
        value = float(statistic(x, y))
    if not math.isfinite(value):
        raise ValueError(
            f"discrepancy: expected a finite estimate, got {value} from {len(x)} and {len(y)} points: look for points "
            "that are too many or too far for it."
        )
    return value


def generator_or_default(generator: torch.Generator | None) -> torch.Generator:
    """The generator; None is one of seed 0."""
    return torch.Generator().manual_seed(0) if generator is None else generator


def draw_seed(draws: torch.Generator) -> int:
    """A seed drawn from the generator."""
    return int(torch.randint(2**62, (), generator=draws, device=draws.device))


def permutation(x: Tensor, draws: torch.Generator) -> Tensor:
    """A random order of the rows of x, on its device."""
    return torch.randperm(len(x), generator=draws, device=draws.device).to(x.device)


def at_least(least: int, what: str, value: int) -> None:
    """Checks a count.

    Raises:
        ValueError: it is below the least.
    """
    if value < least:
        raise ValueError(f"uncertainty: expected at least {least} {what}, got {value}.")
