"""How well draws of a law pass for held-out data, and whether they are copies of the data that it was fitted to."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

DRAWS = 20
"""Samples of each law, at most, each as large as the held-out data: their mean leaves the chance of these alone."""
ROWS = 2000
"""Draws of each law, at most, where two samples are not more: with many held-out data few samples do."""
BLOCK = 500
"""Rows whose distances to all others are in memory together."""
COPIES = 3.0
"""Standard errors by which draws may be nearer to the data of the fit than held-out data are, and be no copies yet."""


class Score(NamedTuple):
    """What held-out data say of a law.

    Attributes:
        accuracy: of a nearest-neighbour classifier of held-out data against draws: 0.5 where it cannot tell them apart.
        nearer: how often a draw is nearer to the data of the fit than a held-out row is: about 0.5 for new draws of the
            law of the data, 1 for copies.
        nearer_error: its standard error.
    """

    accuracy: float
    nearer: float
    nearer_error: float

    @property
    def copies(self) -> bool:
        """Whether the draws lie nearer to the data of the fit than chance explains."""
        return self.nearer > 0.5 + COPIES * self.nearer_error


def score(draw: Callable[[int], Tensor], held_out: Tensor, fitted: Tensor) -> Score:
    """Draws of a law against held-out data, and against the data that the law was fitted to.

    The accuracy alone would praise a law that gives back what it was fitted to. So the distances of draws and of
    held-out rows to the nearest row of those data are compared too (Meehan, Chaudhuri, Dasgupta, "A non-parametric
    test to detect data-copying in generative models" (2020), arXiv 2004.05675, of which this is the global statistic).

    Args:
        draw: n -> n draws (n, d).
        held_out: rows (n, d).
        fitted: rows (m, d) that the law was fitted to.
    """
    samples = [draw(len(held_out)) for _ in range(max(2, min(DRAWS, ROWS // len(held_out))))]
    accuracy = sum(classifier_accuracy(held_out, sample) for sample in samples) / len(samples)
    of_held_out, of_draws = (nearest(rows, fitted) for rows in (held_out, torch.cat(samples)))
    ordered = of_draws.sort().values
    below, up_to = (torch.searchsorted(ordered, of_held_out, right=right) for right in (False, True))
    shares = 0.5 * (below + up_to).double() / len(ordered)  # of the draws that are nearer than each held-out row
    return Score(accuracy, float(shares.mean()), float(shares.std() / len(shares) ** 0.5))


def classifier_accuracy(x: Tensor, y: Tensor) -> float:
    """How often a classifier of the rows of x (n, d) and of y (m, d) is right, the mean of both shares.

    The classifier says of a row which sample its nearest neighbour, leaving itself out, is of; ties are half right.
    Source: Lopez-Paz & Oquab, "Revisiting classifier two-sample tests" (2017), arXiv 1610.06545.
    """
    x, y = x.double(), y.double()
    across = torch.cdist(x, y)
    right = []
    for own, other in ((x, across.amin(1)), (y, across.amin(0))):
        within = torch.cdist(own, own).fill_diagonal_(torch.inf).amin(1)
        right.append(((within < other).double() + 0.5 * (within == other).double()).mean())
    return float(0.5 * (right[0] + right[1]))


def nearest(x: Tensor, rows: Tensor) -> Tensor:
    """The distance of each of x (n, d) to the nearest of the rows (m, d)."""
    rows = rows.double()
    return torch.cat([torch.cdist(block.double(), rows).amin(1) for block in torch.split(x, BLOCK)])


def best_of_new(scores: Sequence[Score]) -> int:
    """The place of the law to take, of those in the order from the simplest.

    Laws that copy are left out, unless all do: then the one that copies least is taken. Of the others the one is taken
    whose accuracy is nearest to 0.5, the simplest of equals. That a law is complex is not held against it, for what
    complexity does wrong is to copy.
    """
    new = [place for place, one in enumerate(scores) if not one.copies]
    if not new:
        return min(range(len(scores)), key=lambda place: scores[place].nearer)
    return min(new, key=lambda place: abs(scores[place].accuracy - 0.5))
