"""The nearest training data of a sample, beside what that distance is for data that were not trained on."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.costs import squared_distances

SPARE = 8
"""Candidates beyond those asked for, whose distances are recomputed without the rounding of the matrix product."""
BLOCK = 256
RARE, USUAL = 0.01, 0.5
"""The shares of data that were not trained on below which a distance is called rare, and from which on it is usual."""


@dataclass(frozen=True)
class Nearest:
    """The nearest rows of each of m points: `distances (m, k)`, increasing, and their `places (m, k)`."""

    distances: Tensor
    places: Tensor


def nearest(x: Tensor, parts: Iterable[Tensor], k: int, scale: float = 1.0) -> Nearest:
    """The k rows nearest to each x by the Euclidean distance, divided by `scale`; of equals the first.

    Args:
        x: (m, d).
        parts: of the rows, (n, d) each, at least k in all; they are looked at one after another.
        k: how many.
        scale: sqrt(d) gives the root mean square difference per coordinate.
    """
    distances, places, start = torch.empty(len(x), 0, dtype=torch.float64), torch.empty(len(x), 0, dtype=torch.long), 0
    for rows in parts:
        found = _in_part(x, rows, k, scale)
        distances, places = torch.cat([distances, found.distances], 1), torch.cat([places, found.places + start], 1)
        order = distances.argsort(dim=1, stable=True)[:, :k]
        distances, places = distances.gather(1, order), places.gather(1, order)
        start += len(rows)
    return Nearest(distances, places)


def _in_part(x: Tensor, rows: Tensor, k: int, scale: float) -> Nearest:
    taken = min(len(rows), k + SPARE)
    distances, places = [], []
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK]
        near = squared_distances(part, rows).topk(taken, largest=False).indices.sort(dim=1).values
        exact = (part[:, None].double() - rows[near].double()).norm(dim=-1) / scale
        order = exact.argsort(dim=-1, stable=True)[:, :k]
        distances.append(exact.gather(1, order))
        places.append(near.gather(1, order))
    return Nearest(torch.cat(distances), torch.cat(places))


@dataclass(frozen=True)
class Reference:
    """Distances to the nearest training datum of what was not trained on, sorted.

    Attributes:
        held_out: (n,) of held-out data.
        restored: (n,) of their reconstructions, which are as smooth as samples are; None without an encoder.
        blurs: whether samples may be smoother than data, as those of images are.
        unsearched: how many training data were not searched.
    """

    held_out: Tensor
    restored: Tensor | None
    blurs: bool = True
    unsearched: int = 0

    def shares(self, distance: float) -> tuple[float, float | None]:
        """The shares of held-out data, and of their reconstructions, that lie at least as near to training data."""
        restored = None if self.restored is None else float((self.restored <= distance).double().mean())
        return float((self.held_out <= distance).double().mean()), restored

    def words(self, distance: float) -> str:
        """What the distance of a sample to its nearest training datum says of it."""
        (held_out, restored), n = self.shares(distance), len(self.held_out)
        both = f"{n:,} held-out data" + ("" if restored is None else " and their reconstructions")
        if max(held_out, restored or 0.0) == 0:
            return f"It lies nearer to a training datum than all {both}: it may be a copy, look at the two."
        words = f"{percent(held_out)} of {n:,} held-out data"
        words += "" if restored is None else f" and {percent(restored)} of their reconstructions"
        words += " lie at least as near to a training datum."
        if max(held_out, restored or 0.0) < RARE:
            return f"{words} That is rare: it may be a copy, look at the two."
        if self.unsearched:
            return f"{words} A copy of one of the {self.unsearched:,} training data that were not searched is not seen."
        if restored is None and self.blurs and held_out < USUAL:
            return f"{words} Blurred samples lie nearer than sharp ones do: one sample proves nothing."
        return f"{words} That is no sign of a copy."


@dataclass(frozen=True)
class Copying:
    """Whether samples lie nearer to training data than held-out data let expect.

    Attributes:
        share: of samples whose nearest datum is a training datum.
        expected: that share where nothing is copied: that of training data among all.
        p_value: of a share at least as large where training and held-out data are exchangeable.
        samples: how many.
        train: how many training data were searched.
        held_out: how many held-out data.
    """

    share: float
    expected: float
    p_value: float
    samples: int
    train: int
    held_out: int


def copying(
    samples: Tensor, parts: Iterable[Tensor], is_train: NDArray[np.bool_], permutations: int = 999, seed: int = 0
) -> Copying:
    """The share of samples whose nearest datum, among training and held-out data, is a training datum.

    A model that copies has a share near 1. The p-value deals the labels training and held-out anew to the data: it is
    exact, one-sided, and takes into account that many samples may share one neighbour. The statistic is that of the
    data-copying tests (Meehan et al. 2020, arXiv 2004.05675), counted by nearest neighbours.

    Args:
        samples: (m, d).
        parts: of the training and held-out data, (n, d) each, in a random order: of equals the first is the nearest.
        is_train: which of all of them are training data, in that order.
        permutations: of the labels.
        seed: of the permutations.
    """
    rng, n = np.random.default_rng(seed), len(is_train)
    places = nearest(samples, parts, 1).places[:, 0].numpy()
    counts = np.bincount(places, minlength=n)
    own = int(counts[is_train].sum())
    train = int(is_train.sum())
    chosen = np.flatnonzero(counts)  # what is no sample's nearest counts nowhere
    dealt = 0
    for _ in range(permutations):
        dealt += int(counts[chosen] @ (rng.choice(n, len(chosen), replace=False) < train)) >= own
    return Copying(own / len(samples), train / n, (1 + dealt) / (1 + permutations), len(samples), train, n - train)


def percent(share: float) -> str:
    """A share in per cent; one that is not 0 is not called 0."""
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1g} %"
