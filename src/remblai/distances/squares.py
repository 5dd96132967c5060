"""Squared distances, each with a small error relative to itself."""

import torch
from torch import Tensor

DIRECT = 16
"""Dimensions up to which differences are faster than a matrix product."""

CANCELLATION = 64.0
"""How much larger than its result |x|^2 + |y|^2 may be before a product |x|^2 + |y|^2 - 2 x.y is not trusted."""

ROUNDINGS = 8.0
"""Roundings of |x|^2 + |y|^2 that such a product has, at most."""


def squares(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|^2 of points x (n, d), y (m, d) of one type -> (n, m), with a relative error, wherever the points are.

    In many dimensions one matrix product gives most of them, about the median of y, which a few far points do not move;
    where it cancels, the differences are taken.
    """
    if x.shape[1] <= DIRECT:
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square_()
    centre = y.median(0).values
    moved, other = x - centre, y - centre
    sizes = moved.square().sum(1, keepdim=True) + other.square().sum(1)
    found = torch.addmm(sizes, moved, other.T, alpha=-2.0)
    # not (>=): true of NaN too, which overflow makes
    cancelled = torch.ge(found, sizes.mul_(1.0 / CANCELLATION)).logical_not_()
    if not bool(cancelled.any()):
        return found
    if 16 * int(cancelled.sum()) > found.numel():
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square_()
    for part in torch.split(cancelled.nonzero(), max(1, 2**22 // x.shape[1])):
        i, j = part.T
        found[i, j] = (x[i] - y[j]).square().sum(1)
    return found


def relative_rounding(x: Tensor) -> float:
    """By how much of themselves squared distances of points x (n, d) that are equal may come out of `squares` apart."""
    return ROUNDINGS * torch.finfo(x.dtype).eps * (CANCELLATION if x.shape[1] > DIRECT else 1.0)
