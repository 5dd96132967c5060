"""Distances between two samples, a block of rows at a time: the metrics are computed from them.

Everything here takes `masks (r, n)`: r sub-samples of the same rows, answered in one pass over the distances. Row 0 of
a card's masks is the whole sample, the others are the random halves that give its standard deviation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from remblai.costs import squared_distances

BLOCK = 2048  # rows a side: a block of squared distances takes 16 MiB, one of rows of 3 x 64 x 64 takes 96 MiB


class Rows(Protocol):
    """What the training side may be: anything with a length whose slices are tensors or arrays (n, ...)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> Any: ...


@dataclass(frozen=True)
class Pairs:
    """What the distances from the rows of x to the rows of y come to, for each of r sub-samples.

    `inside (r, n)` says which rows of x a sub-sample has, `nearest (r, n)` is the smallest squared distance of each row
    of x to the sub-sample of y, `total (r,)` the sum of the Euclidean distances between the two sub-samples and
    `count (r,)` the number of terms in that sum.
    """

    inside: Tensor
    nearest: Tensor
    total: Tensor
    count: Tensor

    @property
    def mean(self) -> Tensor:
        """The mean distance (r,); without the diagonal when x was measured against itself."""
        return self.total / self.count


def flat(name: str, values: Any, like: Tensor | None = None) -> Tensor:
    """The sample as float32 rows (n, d), on the device of `like`.

    Raises:
        ValueError: not numbers, no rows, NaN or infinity, or another number of columns than `like`.
    """
    sample = torch.as_tensor(values, device=None if like is None else like.device)
    if sample.ndim == 0 or sample.numel() == 0 or sample.dtype.is_complex:
        raise ValueError(f"{name} must be real numbers (n, ...) with n >= 1, not shape {tuple(sample.shape)}.")
    rows = sample.detach().to(torch.float32).reshape(len(sample), -1)
    if not bool(torch.isfinite(rows).all()):
        raise ValueError(f"{name} holds NaN or infinity; remove or replace these rows before measuring.")
    if like is not None and rows.shape[1] != like.shape[1]:
        raise ValueError(f"{name} has {rows.shape[1]} numbers a row where {like.shape[1]} were expected.")
    return rows


def rounding(x: Tensor, y: Tensor) -> float:
    """How far apart two equal squared distances may come out of `squared_distances`."""
    middle = y.mean(0)
    widest = max(float((part - middle).square().sum(1).max()) for part in (x, y))
    return 8 * torch.finfo(torch.float32).eps * widest


def parts(x: Tensor, size: int) -> Iterator[Tensor]:
    """The rows in turn, at most `size` at a time."""
    for start in range(0, len(x), size):
        yield x[start : start + size]


def blocks(x: Tensor, y: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """The squared distances block by block, each with the rows of x and of y it is for."""
    for i in range(0, len(x), BLOCK):
        for j in range(0, len(y), BLOCK):
            rows, columns = slice(i, min(i + BLOCK, len(x))), slice(j, min(j + BLOCK, len(y)))
            yield rows, columns, squared_distances(x[rows], y[columns])


def measure(x: Tensor, y: Tensor | None, masks_x: Tensor, masks_y: Tensor) -> Pairs:
    """One pass over the distances from x to y, or within x (without the diagonal) when y is None."""
    nearest = x.new_full((len(masks_x), len(x)), torch.inf)
    total = x.new_zeros(len(masks_x), dtype=torch.float64)
    for rows, columns, block in blocks(x, x if y is None else y):
        if y is None and rows == columns:
            block.fill_diagonal_(0)  # rounding leaves a little above 0 there, and the sum must not see it
        distances = block.sqrt().double()
        inside_x, inside_y = masks_x[:, rows], masks_y[:, columns]
        total += ((distances @ inside_y.T.double()) * inside_x.T).sum(0)
        if y is None and rows == columns:
            block.fill_diagonal_(torch.inf)
        for row, inside in enumerate(inside_y):
            least = block.masked_fill(~inside, torch.inf).amin(1) if not bool(inside.all()) else block.amin(1)
            nearest[row, rows] = torch.minimum(nearest[row, rows], least)
    n, m = masks_x.sum(1), masks_y.sum(1)
    return Pairs(masks_x, nearest, total, n * (n - 1) if y is None else n * m)


def to_nearest(queries: Tensor, rows: Rows) -> Tensor:
    """The exact Euclidean distance (n,) of each query to the nearest of many rows, read a block at a time.

    The nearest of a block is found by the fast formula and its distance taken again from the difference, so that a
    copy is at distance 0 and not at the rounding of the formula.
    """
    best = queries.new_full((len(queries),), torch.inf)
    size = max(1, min(2 * BLOCK, 2**22 // queries.shape[1]))
    for start in range(0, len(rows), size):
        block = flat("the training data", rows[start : start + size], queries)
        exact = [(part - block[squared_distances(part, block).argmin(1)]).norm(dim=1) for part in parts(queries, BLOCK)]
        best = torch.minimum(best, torch.cat(exact))
    return best
