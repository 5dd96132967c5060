"""Distances between two samples, a block of rows at a time: the metrics are computed from them.

Everything here takes `masks (r, n)`: r sub-samples of the same rows, answered in one pass over the distances. Row 0 of
a card's masks is the whole sample, the others are the random halves that give its standard deviation.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.costs import central
from remblai.distances.squares import squares
from remblai.distances.validation import tensor
from remblai.features.source import Rows

BLOCK = 2048  # rows a side: a block of squared distances takes 16 MiB, one of rows of 3 x 64 x 64 takes 96 MiB
LOWEST, HIGHEST = 1e-12, 1e12
"""Sizes between which squares of float32 keep their digits."""
SMALL = {*(torch.uint8, torch.int8, torch.int16, torch.bool), *map(np.dtype, ("uint8", "int8", "int16", "bool"))}
"""Types of whole numbers that float32 has."""


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

    def of_first(self) -> "Pairs":
        """The same for the first sub-sample alone."""
        return Pairs(self.inside[:1], self.nearest[:1], self.total[:1], self.count[:1])


def flat(name: str, values: Any, like: Tensor | None = None) -> Tensor:
    """The sample as rows (n, d), on the device of `like` and of its type.

    The first of several samples says the type: float32 for bytes and numbers of at most 32 bits, float64 for others and
    where squares leave the range of float32.

    Raises:
        ValueError: not numbers, no rows, NaN or infinity, numbers whose squares are infinite, or another number of
            columns than `like`.
    """
    if getattr(values, "dtype", None) in SMALL:
        values = values.float() if isinstance(values, Tensor) else values.astype(np.float32)
    sample = tensor(name, values).detach()
    if sample.ndim == 0 or sample.numel() == 0:
        raise ValueError(f"{name} must be real numbers (n, ...) with n >= 1, not shape {tuple(sample.shape)}.")
    largest = float(sample.abs().max())
    if not math.isfinite(largest):
        raise ValueError(f"{name} holds NaN or infinity; remove or replace these rows before measuring.")
    rows = sample.reshape(len(sample), -1)
    if like is not None:
        rows = rows.to(like)
    elif largest and not LOWEST < largest < HIGHEST:
        rows = rows.double()
    if not largest < torch.finfo(rows.dtype).max ** 0.5 / (4.0 * rows.shape[1] ** 0.5):
        raise ValueError(
            f"{name} has numbers of up to {largest:.3g}, whose squared distances are beyond {rows.dtype}; divide all "
            "samples by a number of that size before measuring."
        )
    if like is not None and rows.shape[1] != like.shape[1]:
        raise ValueError(f"{name} has {rows.shape[1]} numbers a row where {like.shape[1]} were expected.")
    return rows


def parts(x: Tensor, size: int) -> Iterator[Tensor]:
    """The rows in turn, at most `size` at a time."""
    for start in range(0, len(x), size):
        yield x[start : start + size]


def blocks(x: Tensor, y: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """The squared distances block by block, each with the rows of x and of y it is for."""
    for i in range(0, len(x), BLOCK):
        for j in range(0, len(y), BLOCK):
            rows, columns = slice(i, min(i + BLOCK, len(x))), slice(j, min(j + BLOCK, len(y)))
            yield rows, columns, squares(x[rows], y[columns])


def within(x: Tensor, masks: Tensor) -> Pairs:
    """One pass over the distances within x, without the diagonal."""
    pairs = _Sums(masks, masks, x)
    for rows, columns, block in blocks(x, x):
        diagonal = rows == columns
        pairs.add_total(rows, columns, block)
        if diagonal:
            block.fill_diagonal_(torch.inf)
        pairs.add_nearest(rows, columns, block)
    n = masks.sum(1)
    return Pairs(masks, pairs.nearest, pairs.total, n * (n - 1))


def between(x: Tensor, y: Tensor, masks_x: Tensor, masks_y: Tensor) -> tuple[Pairs, Pairs]:
    """One pass over the distances between x and y: from x to y, and from y to x."""
    there, back = _Sums(masks_x, masks_y, x), _Sums(masks_y, masks_x, x)
    for rows, columns, block in blocks(x, y):
        there.add_total(rows, columns, block)
        there.add_nearest(rows, columns, block)
        back.add_nearest(columns, rows, block.T)
    count = masks_x.sum(1) * masks_y.sum(1)
    return Pairs(masks_x, there.nearest, there.total, count), Pairs(masks_y, back.nearest, there.total, count)


class _Sums:
    """What blocks of squared distances come to, for the rows and columns of each sub-sample."""

    def __init__(self, masks_x: Tensor, masks_y: Tensor, like: Tensor) -> None:
        self.masks_x, self.masks_y = masks_x, masks_y
        self.nearest = like.new_full(masks_x.shape, torch.inf)
        self.total = like.new_zeros(len(masks_x), dtype=torch.float64)

    def add_total(self, rows: slice, columns: slice, block: Tensor) -> None:
        inside_x, inside_y = self.masks_x[:, rows].double(), self.masks_y[:, columns].double()
        self.total += ((block.sqrt().double() @ inside_y.T) * inside_x.T).sum(0)

    def add_nearest(self, rows: slice, columns: slice, block: Tensor) -> None:
        for row, inside in enumerate(self.masks_y[:, columns]):
            least = block.amin(1) if bool(inside.all()) else block.masked_fill(~inside, torch.inf).amin(1)
            self.nearest[row, rows] = torch.minimum(self.nearest[row, rows], least)


def to_nearest(queries: Tensor, rows: Rows) -> Tensor:
    """The exact Euclidean distance (n,) of each query to the nearest of many rows, read a block at a time.

    The nearest of a block is found by the fast formula and its distance taken again from the difference, so that a
    copy is at distance 0 and not at the rounding of the formula.
    """
    best = queries.new_full((len(queries),), torch.inf)
    size = max(1, min(2 * BLOCK, 2**22 // queries.shape[1]))
    centre = central(queries)[0]  # distances stay, and the formula's rounding, which grows with the lengths, shrinks
    centred = [part - centre for part in parts(queries, BLOCK)]
    for start in range(0, len(rows), size):
        block = flat("the training data", rows[start : start + size], queries) - centre
        lengths = block.square().sum(1)
        # |x - y|^2 without |x|^2, the same for all y
        index = [torch.addmm(lengths, part, block.T, alpha=-2.0).argmin(1) for part in centred]
        exact = [(part - block[near]).norm(dim=1) for part, near in zip(centred, index, strict=True)]
        best = torch.minimum(best, torch.cat(exact))
    return best
