"""What a figure could have seen: faults of a known size are put into real data, and the figure is taken again.

A figure near its floor says something only where it would have moved away from it had the samples been bad. So real
rows play the samples, once as they are and once with each fault, and the figure's shift is compared with its standard
deviation. All metrics share the same rows: as many as the card has, at most `ROWS`, so that a larger n sees more than
is said here.
"""

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from remblai.costs import squared_distances
from remblai.metrics.sets import SMALLEST, Sets, random_rows

BLUR = 1.0
"""Pixels: the standard deviation of the Gaussian that blurs images."""
NOISE = 0.1
"""The standard deviation of the noise: on the [0, 1] scale of images, in the units of points (standardised)."""
CLUSTERS = 10
"""Real data are split into so many clusters by k-means; the one nearest to an equal share is dropped."""
PASSES = 10
"""Of k-means."""
COPIED = 0.3
"""The share of samples that are copies of training rows, where a figure is to see them."""
ROWS = 250
"""Rows with faults, at most."""
TRAINING = 500
"""Rows that play the training data beside them, at most."""
LIMIT = 99.0
"""A larger shift is given as this many standard deviations: a figure may have none at all."""
SEEN = 3.0
"""Standard deviations by which a fault must shift a figure: it then lies beyond 2 from the floor 5 times out of 6."""

Computes = Callable[[Sets], Mapping[str, Any] | None]


class Faults:
    """A card's sets, and sets of real data alone in which faulty real data play the samples.

    Args:
        sets: of the card.
    """

    def __init__(self, sets: Sets) -> None:
        self.sets = sets

    @property
    def names(self) -> tuple[str, ...]:
        """The faults that such data can have."""
        return ("blur", "noise", "dropped mode") if self.sets.has("images") else ("noise", "dropped mode")

    @cached_property
    def faulty(self) -> dict[str, Sets]:
        """Sets by the fault of their samples, "none" among them; empty where the data are too few, or equal."""
        sets, draws = self.sets, torch.Generator().manual_seed(self.sets.seed + 2)
        n, most = min(sets.n, ROWS), len(sets.real_train)
        rows = random_rows(sets.real_train, min(most, n + n // 4 + TRAINING), draws).to(torch.float32)
        rows = rows[torch.randperm(len(rows), generator=draws)]
        spare = min(n + n // 4, len(rows) // 2)  # more than n, as some are dropped with their cluster
        real, train = rows[:spare], rows[spare:]
        if min(len(real), len(train)) < 2 * SMALLEST:
            return {}
        dropped = without_a_cluster(real, draws)
        if len(dropped) < SMALLEST:  # rows that are all equal are one cluster
            return {}
        real = real[: min(n, len(dropped), len(train))]
        faults = {
            "noise": real + NOISE * torch.randn(real.shape, generator=draws),
            "dropped mode": dropped[: len(real)],
        }
        copies = real.clone()
        copied = round(COPIED * len(real))
        copies[:copied] = train[:copied]
        faults["copies"] = copies
        if "blur" in self.names:
            faults["blur"] = torch.from_numpy(gaussian_filter(real.cpu().numpy(), (0, 0, BLUR, BLUR)))
        test = sets.shaped(sets.held_out[: len(real)])
        plain = Sets(
            train, test, real, modes=sets.modes, features=sets.features, columns=sets.columns,
            image=sets.has("images"), repeats=sets.repeats, seed=sets.seed,
        )  # fmt: skip
        return {"none": plain} | {fault: plain.with_samples(samples) for fault, samples in faults.items()}


def shifts_and_copies(compute: Computes, faults: Faults, spread: float = 0.0) -> dict[str, float]:
    """`shifts`, and that by copies of training rows among the samples: of figures that are there to see them."""
    return shifts(compute, faults, spread, ("copies",))


def shifts(compute: Computes, faults: Faults, spread: float = 0.0, others: tuple[str, ...] = ()) -> dict[str, float]:
    """By how many standard deviations each fault shifts the figure; 0 where the data are too few.

    Args:
        compute: from sets to the figure.
        faults: the sets with faults.
        spread: of the card's own figure, in which the shifts are given where it is larger than that of real data:
            a fault is not seen in samples over which the figure varies more than it shifts.
        others: faults beside those of `Faults.names`.
    """
    plain = compute(faults.faulty["none"]) if faults.faulty else None
    found = {}
    for name in (*faults.names, *others):
        figure = compute(faults.faulty[name]) if plain else None
        found[name] = 0.0
        if plain and figure:
            found[name] = in_deviations(figure["value"] - plain["value"], larger(plain["spread"], spread))
    return found


def larger(first: float, second: float) -> float:
    """The larger of two standard deviations; the first where the second is not known."""
    return max(first, second) if math.isfinite(second) else first


def in_deviations(shift: float, deviation: float) -> float:
    """The shift over the standard deviation, from -`LIMIT` to `LIMIT`; 0 where either is not known."""
    if shift == 0.0 or not (math.isfinite(shift) and math.isfinite(deviation)):
        return 0.0
    ratio = shift / deviation if deviation > 0.0 else float("inf") * shift
    return max(-LIMIT, min(LIMIT, ratio))


def without_a_cluster(rows: Tensor, draws: torch.Generator) -> Tensor:
    """The rows (n, ...) but for one of `CLUSTERS` clusters: that nearest to an equal share."""
    flat = rows.flatten(1)
    k = min(CLUSTERS, len(flat) // 2)
    centres = flat[torch.randperm(len(flat), generator=draws)[:k]]
    for _ in range(PASSES):
        cluster = squared_distances(flat, centres).argmin(1)
        weights = torch.nn.functional.one_hot(cluster, k).to(flat)
        counts = weights.sum(0)
        centres = torch.where(counts[:, None] > 0, weights.T @ flat / counts.clamp(min=1)[:, None], centres)
    dropped = (counts - len(flat) / k).abs().masked_fill(counts == 0, torch.inf).argmin()
    return rows[cluster != dropped]
