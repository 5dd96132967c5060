"""The nearest training data of a sample, beside what that distance is for data that were not trained on."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from remblai.costs import squared_distances

SPARE = 8
"""Candidates beyond those asked for, whose distances are recomputed without the rounding of the matrix product."""
BLOCK = 256
RARE = 0.01
"""The share of data that were not trained on below which a distance is called rare."""


@dataclass(frozen=True)
class Nearest:
    """The nearest rows of each of m points: `distances (m, k)`, increasing, and their `places (m, k)`."""

    distances: Tensor
    places: Tensor


def nearest(x: Tensor, rows: Tensor, k: int, scale: float = 1.0) -> Nearest:
    """The k rows nearest to each x by the Euclidean distance, divided by `scale`.

    Args:
        x: (m, d).
        rows: (n, d) with n >= k.
        k: how many.
        scale: sqrt(d) gives the root mean square difference per coordinate.
    """
    taken = min(len(rows), k + SPARE)
    distances, places = [], []
    for start in range(0, len(x), BLOCK):
        part = x[start : start + BLOCK]
        near = squared_distances(part, rows).topk(taken, largest=False).indices
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
    """

    held_out: Tensor
    restored: Tensor | None

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
        if restored is None:
            return f"{words} Blurred samples lie nearer than sharp ones do: one sample proves nothing."
        return f"{words} That is no sign of a copy."


@dataclass(frozen=True)
class Copying:
    """Whether samples lie nearer to training data than to as many held-out data.

    Attributes:
        share: of samples whose nearest datum is a training datum; 1/2 is expected where nothing is copied.
        p_value: of a share at least as large where training and held-out data are exchangeable.
        samples: how many.
        data: how many of each kind.
    """

    share: float
    p_value: float
    samples: int
    data: int


def copying(samples: Tensor, train: Tensor, held_out: Tensor, permutations: int = 999, seed: int = 0) -> Copying:
    """The share of samples whose nearest datum, among as many training as held-out data, is a training datum.

    A model that copies has a share near 1. The p-value deals the labels training and held-out anew to the data: it is
    exact, one-sided, and knows that many samples may share one neighbour. The statistic is that of the data-copying
    tests (Meehan et al. 2020, arXiv 2004.05675), counted by nearest neighbours.

    Args:
        samples: (m, d).
        train: (n, d).
        held_out: as many.
        permutations: of the labels.
        seed: of the permutations.

    Raises:
        ValueError: different numbers of training and held-out data.
    """
    if len(train) != len(held_out):
        raise ValueError(
            f"copying: expected as many held-out data as training data, got {len(held_out)} and {len(train)}: pass "
            "equal parts of both."
        )
    rng, n = np.random.default_rng(seed), len(train)
    order = rng.permutation(2 * n)  # equal rows of both kinds: the first in this order is the nearest
    pooled = torch.cat([train, held_out])[torch.from_numpy(order)]
    places = nearest(samples, pooled, 1).places[:, 0].numpy()
    counts = np.bincount(places, minlength=2 * n)
    is_train = order < n
    own = int(counts[is_train].sum())
    dealt = sum(int(counts[rng.permutation(is_train)].sum()) >= own for _ in range(permutations))
    return Copying(own / len(samples), (1 + dealt) / (1 + permutations), len(samples), n)


def percent(share: float) -> str:
    """A share in per cent; one that is not 0 is not called 0."""
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1g} %"
