"""Each column of a table by itself: which one is furthest from the data, and how much lies beyond the data's range."""

import math

import torch
from torch import Tensor

from remblai.features.source import Rows
from remblai.metrics.metric import Figure
from remblai.metrics.samples import deviation
from remblai.metrics.sets import Sets
from remblai.statistics import halves

ROUNDED = 1e-5
"""Standard deviations by which a value may be beyond the range, since float32 has another 0.1 than float64."""
BLOCK = 65_536
"""Rows of training data that are read at a time."""


def figure_of_columns(sets: Sets) -> Figure:
    """W1 between held-out data and samples in the column where it is largest; `by_column` has all, in their order.

    W1 of two samples of one size on a line is the mean |x_(i) - y_(i)| over the sorted values.
    """
    draws = torch.Generator().manual_seed(sets.seed + 12)  # of its own
    masks = halves(sets.n, sets.repeats, draws).to(sets.held_out.device)
    found = torch.stack([_w1(sets.held_out[mask], sets.samples[mask]) for mask in masks])
    floors: Tensor = sets.real("columns floor", lambda: _w1(sets.held_out, sets.train))
    largest = found.amax(1)
    return {
        "value": float(largest[0]),
        "floor": float(floors.max()),
        "spread": deviation(largest[1:]),
        "n": sets.n,
        "by_column": _by_column(sets, found[0]),
        "floor_by_column": _by_column(sets, floors),
    }


def figure_of_range(sets: Sets) -> Figure:
    """The share of rows with a cell below the least or above the largest of the training data in its column."""
    low, high = sets.real("range of the training data", lambda: _range(sets.real_train))
    beyond, real = ((rows < low - ROUNDED) | (rows > high + ROUNDED) for rows in (sets.samples, sets.held_out))
    share, floor = (float(one.any(1).double().mean()) for one in (beyond, real))
    return {
        "value": share,
        "floor": floor,
        "spread": math.sqrt(sum(one * (1.0 - one) for one in (share, floor)) / sets.n),
        "n": sets.n,
        "by_column": _by_column(sets, beyond.double().mean(0)),
        "floor_by_column": _by_column(sets, real.double().mean(0)),
    }


def _w1(x: Tensor, y: Tensor) -> Tensor:
    """W1 (d,) between the columns of two samples (n, d) of one size."""
    return (x.sort(0).values - y.sort(0).values).abs().mean(0, dtype=torch.float64)


def _range(rows: Rows) -> tuple[Tensor, Tensor]:
    """The least and the largest value (d,) of each column, read a block at a time."""
    blocks = (torch.as_tensor(rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK))
    low, high = zip(*(block.aminmax(dim=0) for block in blocks), strict=True)
    return torch.stack(low).amin(0), torch.stack(high).amax(0)


def _by_column(sets: Sets, values: Tensor) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in zip(sets.columns, values.tolist(), strict=True)}
