"""Sums of |x - y| over pairs of numbers, by sorting: n log n steps instead of n^2."""

from typing import NamedTuple

import torch
from torch import Tensor

ENTRIES = 2**22
"""Entries of the masks that are counted at once."""


class PartSums(NamedTuple):
    """Sums over the ordered pairs of two parts of the same points, for r choices of the parts: (r,) each.

    Attributes:
        within_first: over the pairs i != j of the first part.
        across: over the pairs of a point of the first part and one of the second.
        within_second: over the pairs i != j of the second part.
    """

    within_first: Tensor
    across: Tensor
    within_second: Tensor


def row_sums(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """The sums over j of |x_i - y_j| (n,) and their derivatives in x_i (n,): points x (n,), others y (m,)."""
    points, ascending = points.double().contiguous(), others.double().sort().values
    sums = torch.cat([ascending.new_zeros(1), ascending.cumsum(0)])
    below, above = (torch.searchsorted(ascending, points, right=right) for right in (False, True))
    # The part of y below x_i (below of them) and the part above it (m - above); those equal to x_i add nothing.
    lengths = below * points - sums[below] + (sums[-1] - sums[above]) - (len(ascending) - above) * points
    return lengths, below - (len(ascending) - above)


def part_sums(points: Tensor, first: Tensor, second: Tensor) -> PartSums:
    """The sums of |x_i - x_j| over the pairs of two parts, for many choices of them: one sort, then O(N) a choice.

    Between two neighbours of the sorted points lie all pairs with one end on each side: a (n - a) of a part of n points
    of which a are below, each twice, and a (m - b) + b (n - a) across.

    Args:
        points: (N,).
        first: masks (r, N) of the first part.
        second: masks (r, N) of the second part.
    """
    ascending, order = points.double().sort()
    gaps = ascending.diff()
    found = []
    size = max(1, ENTRIES // len(points))
    for one, other in zip(torch.split(first, size), torch.split(second, size), strict=True):
        below = [mask[:, order].cumsum(1, dtype=torch.float64) for mask in (one, other)]
        (a, b), (n, m) = (counts[:, :-1] for counts in below), (counts[:, -1:] for counts in below)
        pairs = (a * (n - a), a * (m - b) + b * (n - a), b * (m - b))
        found.append(torch.stack([counts @ gaps for counts in pairs]))
    within_first, across, within_second = torch.cat(found, 1)
    return PartSums(2.0 * within_first, across, 2.0 * within_second)
