"""Columns by their ranks, as normal scores: what a model makes of them keeps the ends, spikes and tails of the data."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
LEVELS = 100
"""Knots at even steps of rank, and as many at even steps of the score, which the tails need."""
SPIKE = 0.01
"""The share of rows from which a repeated value has an interval of scores of its own."""
MOST_DECIMALS = 6
"""Decimal places of a column, at most, that are told from numbers of any length."""
ROUNDING = 4 * np.finfo(np.float64).eps
"""What a number of few decimal places may be off by, as a share of it."""
AT_SPIKE = 3
"""Knots of such a value: the ends of its interval, and its own score."""
INSIDE = 0.02
"""The part of a spike's share at either side that leads on to the neighbouring values."""


@dataclass(frozen=True)
class NormalScores:
    """Columns of points (n, d) whose score is s(v), piecewise linear between knots, and the way back.

    At a knot s(v) is the standard normal quantile of the share of rows below v plus half of those at v, shifted and
    scaled to mean 0 and variance 1 over the rows. A value that many rows have comes back from every score of an
    interval about its own, as wide as its share. Beyond the ends s goes on along straight lines.

    Args:
        columns: which of the d columns; the others are not touched.
        values: for each of them the values at the knots, none below the one before.
        scores: the scores at the same knots, rising.
        decimals: of each the decimal places that its values have, -1 where they have any number.
        bounded: whether scores beyond the last knots give the least and the largest value, and not values beyond.

    Source: the rank-based inverse normal transformation, van der Waerden 1952; for generators of tables as in TabDDPM,
    Kotelnikov et al. 2023 (arXiv 2209.15421), section 3.
    """

    columns: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]
    scores: tuple[tuple[float, ...], ...]
    decimals: tuple[int, ...]
    bounded: bool = True

    def of(self, points: Floats) -> Floats:
        """The scores (n, k) of points (n, d) in the data's units."""
        columns = zip(self.columns, map(np.array, self.values), map(np.array, self.scores), strict=True)
        found = [_score(points[:, column], *of) for column, *of in columns]
        return np.stack(found, 1)

    def back(self, scores: Floats) -> Floats:
        """The values (n, k) of scores (n, k)."""
        columns = zip(scores.T, map(np.array, self.scores), map(np.array, self.values), strict=True)
        return np.stack([_value(*of, self.bounded) for of in columns], 1)

    def rounded(self, points: Floats) -> Floats:
        """Points (n, d) in the data's units with as many decimal places in these columns as the data have.

        In a column of nothing but values that many rows have each becomes the nearest of them.
        """
        found = points.copy()
        for column, places, values in zip(self.columns, self.decimals, self.values, strict=True):
            own = np.unique(values)
            if len(values) == AT_SPIKE * len(own):
                found[:, column] = own[np.searchsorted((own[1:] + own[:-1]) / 2, points[:, column])]
            elif places >= 0:
                found[:, column] = np.round(points[:, column], places)
        return found

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain JSON values; `from_json` reads it back to an equal object."""
        return {
            "columns": list(self.columns),
            "values": [list(of) for of in self.values],
            "scores": [list(of) for of in self.scores],
            "decimals": list(self.decimals),
        }

    @classmethod
    def from_json(cls, saved: Any) -> "NormalScores":
        """The scores that `to_json` wrote.

        Raises:
            ValueError: it did not write this.
        """
        fields = ("columns", "decimals", "values", "scores")
        if not (isinstance(saved, Mapping) and all(isinstance(saved.get(name), list) for name in fields)):
            raise ValueError(f"expected normal scores with {', '.join(fields)}, got {saved!r:.60}")
        columns, decimals, *knots = (saved[name] for name in fields)
        values, scores = (tuple(tuple(map(float, of)) for of in many) for many in knots)
        alike = len(columns) == len(decimals) == len(values) and [*map(len, values)] == [*map(len, scores)]
        if not alike or any((np.diff(of) <= 0).any() for of in scores) or any((np.diff(of) < 0).any() for of in values):
            raise ValueError("expected normal scores with as many values as rising scores for each column")
        return cls(tuple(map(int, columns)), values, scores, tuple(map(int, decimals)))


def fitted(points: Floats, left: Collection[int] = (), gaps: Mapping[int, int] | None = None) -> NormalScores | None:
    """The scores of the columns that vary; None where none does, or all are of nothing but 0 and 1.

    Args:
        points: (n, d) in the data's units.
        left: columns that stay as they are.
        gaps: for columns with empty cells the column that marks these with 1: they have no part in the ranks.
    """
    curves, gaps = {}, gaps or {}
    for column in range(points.shape[1]) if not np.isin(points, (0, 1)).all() else ():
        if column in left:
            continue
        own = points[:, column]
        own = own if column not in gaps else own[points[:, gaps[column]] < 0.5]
        found = _curve(own)
        if found is not None:
            curves[column] = (*found, _decimals(own))
    if not curves:
        return None
    values, scores, decimals = zip(*curves.values(), strict=True)
    return NormalScores(tuple(curves), values, scores, decimals)


def _decimals(column: Floats) -> int:
    """The least number of decimal places that all values (n,) have; -1 where it is large."""
    slack = ROUNDING * np.abs(column)
    return next((k for k in range(MOST_DECIMALS + 1) if (np.abs(np.round(column, k) - column) <= slack).all()), -1)


def _curve(column: Floats) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """The knots of a column (n,): values and scores; None where all values are one."""
    values, counts = np.unique(column, return_counts=True)
    if len(values) < 2:
        return None
    share = counts / len(column)
    below = np.cumsum(share) - share
    middle = below + share / 2
    steps = (np.arange(LEVELS) + 0.5) / LEVELS
    tails = ndtr(np.linspace(ndtri(middle[0]), ndtri(middle[-1]), LEVELS))
    spikes = counts >= max(2.0, SPIKE * len(column))
    chosen = np.searchsorted(middle, np.concatenate([steps, tails])).clip(0, len(values) - 1)
    chosen = np.union1d(np.union1d(chosen, [0, len(values) - 1]), np.flatnonzero(spikes))
    inner = np.where(spikes, INSIDE, 0.5) * share
    ranks = np.stack([below + inner, middle, below + share - inner], 1)[chosen]
    wide = spikes[chosen]
    knots = np.repeat(values[chosen], np.where(wide, AT_SPIKE, 1))
    scores = ndtri(ranks[np.stack([wide, np.ones(len(wide), bool), wide], 1)])
    raw = _score(values, knots, scores)
    mean = float(share @ raw)
    deviation = float(np.sqrt(share @ (raw - mean) ** 2))
    return tuple(knots.tolist()), tuple(((scores - mean) / deviation).tolist())


def _score(column: Floats, knots: Floats, heights: Floats) -> Floats:
    low, high = slopes(knots, heights)
    before, after = np.minimum(column - knots[0], 0.0) / low, np.maximum(column - knots[-1], 0.0) / high
    found = np.interp(column, knots, heights) + before + after
    own = 1 + np.flatnonzero(knots[2:] == knots[:-2])  # of three knots at one value that in the middle
    if len(own):
        nearest = own[np.searchsorted(knots[own], column).clip(0, len(own) - 1)]
        found = np.where(knots[nearest] == column, heights[nearest], found)
    return np.asarray(found)


def _value(column: Floats, scores: Floats, values: Floats, bounded: bool) -> Floats:
    found = np.interp(column, scores, values)
    if bounded:
        return np.asarray(found)
    low, high = slopes(values, scores)
    return np.asarray(found + np.minimum(column - scores[0], 0) * low + np.maximum(column - scores[-1], 0) * high)


def slopes(values: Floats, scores: Floats) -> tuple[float, float]:
    """By how much values change with one unit of the score before the first knot and after the last.

    Each line is as steep as the one from the value in the middle to that end; where these are one value, as the other.
    """
    middle = np.interp(0.0, scores, values)
    low, high = (middle - values[0]) / max(-scores[0], 1.0), (values[-1] - middle) / max(scores[-1], 1.0)
    return float(low or high), float(high or low)
