"""How well draws of a law pass for held-out data, and whether they are copies of the data that it was fitted to."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from remblai.costs.centre import central

DRAWS = 20
"""Samples of each law, at most: their mean leaves the chance of the held-out data alone."""
ROWS = 4000
"""Held-out rows, and draws of each law in all its samples, at most."""
NEAR_ROWS = 1000
"""Draws in a sample, and held-out rows whose distance to the data of the fit is computed, at most."""
BLOCK = 500
"""Rows whose distances to all others are in memory together."""
COPIES = 3.0
"""Standard errors by which draws may be nearer to the data of the fit than held-out data are, and be no copies yet."""
OFTEN = 0.6
"""How often draws may be nearer and be no copies: with many rows a law that leans a little to its data would be one."""
EQUAL = 2.0
"""Standard errors of their difference within which two distances are equal."""


class Score(NamedTuple):
    """What held-out data say of a law.

    Attributes:
        distance: the squared energy distance of the features of held-out data and of draws, without bias: 0 for the law
            of the data, where chance makes it negative half of the time.
        distance_error: its standard error over samples of the law; that of the held-out data is common to all laws.
        nearer: how often a draw is nearer to the data of the fit than a held-out row is: about 0.5 for new draws of the
            law of the data, 1 for copies.
        nearer_error: its standard error.
    """

    distance: float
    distance_error: float
    nearer: float
    nearer_error: float

    @property
    def copies(self) -> bool:
        """Whether the draws lie nearer to the data of the fit than chance explains, and by much."""
        return self.nearer > max(OFTEN, 0.5 + COPIES * self.nearer_error)

    def is_worse_than(self, other: "Score") -> bool:
        """Whether its distance is greater beyond the chance of the draws."""
        return self.distance - other.distance > EQUAL * math.hypot(self.distance_error, other.distance_error)


class Reference(NamedTuple):
    """What the draws of all laws are compared with.

    Attributes:
        held_out: rows (n, d).
        fitted: rows (m, d) that the laws were fitted to.
        features: rows (n, ...) -> (n, k), on which the distance is taken.
        embedded: those of the held-out rows.
        within: their mean distance.
    """

    held_out: Tensor
    fitted: Tensor
    features: Callable[[Tensor], Tensor]
    embedded: Tensor
    within: float


def reference(held_out: Tensor, fitted: Tensor, features: Callable[[Tensor], Tensor]) -> Reference:
    """The reference of held-out data (n, ...) and the data of the fit (m, ...), with features of rows."""
    embedded = features(held_out)
    return Reference(held_out.flatten(1), fitted.flatten(1), features, embedded, mean_distance(embedded))


def score(draw: Callable[[int], Tensor], to: Reference) -> Score:
    """Draws of a law against held-out data, and against the data that the law was fitted to.

    The distance alone would praise a law that gives back what it was fitted to. So the distances of draws and of
    held-out rows to the nearest row of those data are compared too (Meehan, Chaudhuri, Dasgupta, "A non-parametric
    test to detect data-copying in generative models" (2020), arXiv 2004.05675, of which this is the global statistic).

    Args:
        draw: n -> n draws (n, ...).
        to: what they are compared with.
    """
    n = min(NEAR_ROWS, len(to.held_out))
    samples = [draw(n) for _ in range(min(DRAWS, ROWS // n))]
    embedded = [to.features(sample) for sample in samples]
    values = torch.tensor([2 * mean_distance(to.embedded, one) - to.within - mean_distance(one) for one in embedded])
    near = to.held_out[:n], torch.cat(samples).flatten(1)[: max(NEAR_ROWS, n)]
    of_held_out, of_draws = (nearest(rows, to.fitted) for rows in near)
    ordered = of_draws.sort().values
    below, up_to = (torch.searchsorted(ordered, of_held_out, right=right) for right in (False, True))
    shares = 0.5 * (below + up_to).double() / len(ordered)  # of the draws that are nearer than each held-out row
    means = (values, shares)
    errors = [float(one.std() / len(one) ** 0.5) for one in means]
    distance, nearer = (float(one.mean()) for one in means)
    return Score(distance, errors[0], nearer, errors[1])


def mean_distance(x: Tensor, y: Tensor | None = None) -> float:
    """The mean of |x_i - y_j| over all pairs of rows, or of |x_i - x_j| over i != j."""
    centre = central((x if y is None else y).double())  # far from 0 the products of float32 are rounded by more
    x = (x.double() - centre).float()
    rows = x if y is None else (y.double() - centre).float()
    total = 0.0
    for start in range(0, len(x), BLOCK):
        found = torch.cdist(x[start : start + BLOCK], rows)
        if y is None:
            found.diagonal(start).zero_()  # which rounding leaves above 0
        total += float(found.sum(dtype=torch.float64))
    return total / (len(x) * (len(rows) - (y is None)))


def nearest(x: Tensor, rows: Tensor) -> Tensor:
    """The distance of each of x (n, d) to the nearest of the rows (m, d)."""
    rows = rows.double()
    return torch.cat([torch.cdist(block.double(), rows).amin(1) for block in torch.split(x, BLOCK)])


def best_of_new(scores: Sequence[Score]) -> int:
    """The place of the law to take, of those in the order from the simplest.

    Laws that copy are left out, unless all do: then the one that copies least is taken. Of the others those count whose
    distance is not greater than the least beyond chance. Of these the one is taken whose draws are nearer to the data
    of the fit than held-out data are as often as not, the simplest of equals: a law too simple has draws further off.
    """
    new = [place for place, one in enumerate(scores) if not one.copies]
    if not new:
        return min(range(len(scores)), key=lambda place: scores[place].nearer)
    best = min((scores[place] for place in new), key=lambda one: one.distance)
    equal = [place for place in new if not scores[place].is_worse_than(best)]
    return min(equal, key=lambda place: abs(scores[place].nearer - 0.5))
