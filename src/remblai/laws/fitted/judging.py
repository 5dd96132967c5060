"""How well draws of a law pass for held-out data, and whether they are copies of the data that it was fitted to."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

DRAWS = 20
"""Samples of each law, each as large as the held-out data: their mean leaves the chance of the held-out data alone."""
ROWS = 2000
"""Draws of each law, at most, where two samples are not more: with many held-out data few samples do."""
BLOCK = 500
"""Rows whose distances to all others are in memory together."""
COPIES = 3.0
"""Standard errors by which draws may be nearer to the data of the fit than held-out data are, and be no copies yet."""


class Verdict(NamedTuple):
    """What held-out data say of a law.

    Attributes:
        accuracies: (n,), for each held-out row the part that it and its share of the draws have in the accuracy of a
            nearest-neighbour classifier of held-out data against draws. Their mean is the accuracy.
        draw_error: standard error of the accuracy by the chance of the draws.
        nearer: how often a draw is nearer to the data of the fit than a held-out row is: about 0.5 for new draws of the
            law of the data, 1 for copies.
        nearer_error: its standard error.
    """

    accuracies: Tensor
    draw_error: float
    nearer: float
    nearer_error: float

    @property
    def accuracy(self) -> float:
        """The classifier's accuracy: 0.5 where it cannot tell draws from held-out data."""
        return float(self.accuracies.mean())

    @property
    def copies(self) -> bool:
        """Whether the draws lie nearer to the data of the fit than chance explains."""
        return self.nearer > 0.5 + COPIES * self.nearer_error


def verdict(draw: Callable[[int], Tensor], held: Tensor, fitted: Tensor) -> Verdict:
    """Draws against held-out data, and against the data that the law was fitted to.

    The accuracy alone would praise a law that gives back what it was fitted to. So the distances of draws and of
    held-out rows to the nearest row of those data are compared too (Meehan, Chaudhuri, Dasgupta, "A non-parametric
    test to detect data-copying in generative models" (2020), arXiv 2004.05675, of which this is the global statistic).

    Args:
        draw: n -> n draws (n, d).
        held: held-out rows (n, d).
        fitted: rows (m, d) that the law was fitted to.
    """
    samples = [draw(len(held)) for _ in range(max(2, min(DRAWS, ROWS // len(held))))]
    accuracies = torch.stack([classifier_accuracies(held, sample) for sample in samples])
    own, other = (nearest(rows, fitted) for rows in (held, torch.cat(samples)))
    ordered = other.sort().values
    below, up_to = (torch.searchsorted(ordered, own, right=right) for right in (False, True))
    rows = 0.5 * (below + up_to).double() / len(ordered)
    return Verdict(accuracies.mean(0), _error(accuracies.mean(1)), float(rows.mean()), _error(rows))


def classifier_accuracies(x: Tensor, y: Tensor) -> Tensor:
    """For each row of x (n, d): the mean of how right the classifier is on it, and of how right it is on y (n, d).

    The classifier says of a row which sample its nearest neighbour, leaving itself out, is of; ties are half right.
    Source: Lopez-Paz & Oquab, "Revisiting classifier two-sample tests" (2017), arXiv 1610.06545.
    """
    x, y = x.double(), y.double()
    across = torch.cdist(x, y)
    right = []
    for own, other in ((x, across.amin(1)), (y, across.amin(0))):
        within = torch.cdist(own, own).fill_diagonal_(torch.inf).amin(1)
        right.append((within < other).double() + 0.5 * (within == other).double())
    return 0.5 * (right[0] + right[1].mean())


def nearest(x: Tensor, rows: Tensor) -> Tensor:
    """The distance of each of x (n, d) to the nearest of the rows (m, d)."""
    rows = rows.double()
    return torch.cat([torch.cdist(block.double(), rows).amin(1) for block in torch.split(x, BLOCK)])


def simplest_of_the_best(verdicts: Sequence[Verdict]) -> int:
    """The place of the law to take, of those in the order from the simplest.

    Laws that copy are left out, unless all do: then the one that copies least is taken. Of the others the best is the
    one whose accuracy is nearest to 0.5; the simplest is taken whose accuracy differs from the best one's by no more
    than the standard error of that difference, over the held-out rows that both have met and over the draws of each.
    """
    new = [place for place, one in enumerate(verdicts) if not one.copies]
    if not new:
        return min(range(len(verdicts)), key=lambda place: verdicts[place].nearer)
    best = min(new, key=lambda place: abs(verdicts[place].accuracy - 0.5))
    for place in new:
        one, other = verdicts[place], verdicts[best]
        behind = one.accuracies - other.accuracies
        error = math.hypot(_error(behind), one.draw_error, other.draw_error)
        if abs(float(behind.mean())) <= error:
            return place
    return best


def _error(values: Tensor) -> float:
    """The standard error of the mean."""
    return float(values.std() / len(values) ** 0.5)
