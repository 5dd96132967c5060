"""How far each column moved, beside what random splits show and the smallest shift that these sizes would have seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from remblai.distances import line, total_variation
from remblai.populations import bounds
from remblai.populations.battery import Decision
from remblai.populations.seen import seen_shift
from remblai.populations.table import Column, Floats, Tables
from remblai.statistics.splits import Splits

FLOOR_SPLITS = 20
"""Random splits behind the floor of a shift."""
LISTED = 5
"""Levels that are named as grown, and as shrunk, at most."""


@dataclass(frozen=True)
class Change:
    """A level whose share changed: from `before` in the first table to `after` in the second."""

    level: str
    before: float
    after: float


@dataclass(frozen=True)
class Shift:
    """How far one column moved.

    Attributes:
        name: of the column.
        kind: numbers or categories.
        unit: "days" of dates: the distance, the floor and the deviations are in days, the means in days since
            1970-01-01; otherwise None.
        constant: whether both tables hold one and the same value: nothing is tested.
        distance: W1 of the values that are there, in the column's units; of categories, a gap among them, the total
            variation.
        floor, floor_spread: its mean and standard deviation over random splits of both tables, at the same sizes.
        at_least: a bound below `in_sd` of numbers (in standard deviations of both tables where that of the first is 0),
            or below the total variation of categories. The bounds of all columns hold together in all but the share
            `level` of pairs of tables; 0 where the column's own p-value is above the level.
        missing_at_least: the same of the share of gaps of numbers; 0 for categories.
        in_sd: W1 in standard deviations of the first table; None for categories, and where that deviation is 0.
        means, deviations: of the numbers in either table; None for categories and where there is no value.
        missing: the shares of gaps in either table.
        p_value: of the column by itself; `p_corrected`: by Holm for all columns that vary.
        effect: Cohen's d, the change of the mean in pooled standard deviations; of categories Cramer's V.
        grew, shrank: levels whose shares changed most.
        unseen: levels of the second table that the first does not have; `gone`: the reverse.
        smallest_seen: the smallest shift that the whole test would have called different in 4 of 5 pairs of tables of
            these sizes: of numbers moved as a whole, in standard deviations of the first table; of
            categories, the share of rows that change to the most common level. None where the largest is not seen.
    """

    name: str
    kind: str
    unit: str | None
    constant: bool
    distance: float
    floor: float
    floor_spread: float
    at_least: float
    missing_at_least: float
    in_sd: float | None
    means: tuple[float | None, float | None]
    deviations: tuple[float | None, float | None]
    missing: tuple[float, float]
    p_value: float
    p_corrected: float
    effect: float | None
    grew: tuple[Change, ...]
    shrank: tuple[Change, ...]
    unseen: tuple[str, ...]
    gone: tuple[str, ...]
    smallest_seen: float | None


def shifts(tables: Tables, decision: Decision, splits: Splits, level: float) -> list[Shift]:
    """How far each column moved.

    Args:
        tables: both.
        decision: about them.
        splits: that it used.
        level: of false alarms.
    """
    p_values, threshold = decision.p_columns, decision.threshold(level)
    each = bounds.share_of_each(tables.columns, level)
    found = []
    for column, test, *p in zip(tables.columns, decision.tests, p_values, decision.p_corrected, strict=True):
        seen = seen_shift(column, test, splits, threshold)
        found.append(_shift(tables, column, splits, (p[0], p[1]), each if p[0] <= level else None, seen))
    return found


def _shift(
    tables: Tables,
    column: Column,
    splits: Splits,
    p_values: tuple[float, float],
    level: float | None,
    seen: float | None,
) -> Shift:
    """How far one column moved; `level` is that of each of its bounds, None where there are none."""
    parts = column.values[: tables.n], column.values[tables.n :]
    gaps = tuple(float(np.isnan(part).mean()) for part in parts)
    null = [distance(column, mask) for mask in splits.masks[1 : 1 + FLOOR_SPLITS]]
    known = [part[~np.isnan(part)] for part in parts]
    shares = level_shares(column, tables.first) if column.levels is not None else np.zeros((2, 0))
    means: tuple[float | None, float | None] = (None, None)
    deviations = means
    if column.levels is None:
        means = _of_both(np.mean, known)
        deviations = _of_both(np.std, known)
    found, floor = distance(column, tables.first), float(np.mean(null))
    least = bounds.Bounds(0.0, 0.0)
    if level is not None and column.levels is None:
        least = bounds.numbers(column, splits.masks[: 1 + FLOOR_SPLITS], found, floor, level)
    elif level is not None:
        least = bounds.categories(shares, (tables.n, tables.m), floor, level)
    return Shift(
        name=column.name,
        kind="numbers" if column.levels is None else "categories",
        unit="days" if column.dates else None,
        constant=len(np.unique(column.values)) == 1,
        distance=found,
        floor=floor,
        floor_spread=float(np.std(null)),
        at_least=least.moved,
        missing_at_least=least.gaps,
        in_sd=found / deviations[0] if deviations[0] else None,
        means=means,
        deviations=deviations,
        missing=(gaps[0], gaps[1]),
        p_value=p_values[0],
        p_corrected=p_values[1],
        effect=_cohen(means, deviations) if column.levels is None else _cramer(shares, tables.n, tables.m),
        **_levels(column, shares)._asdict(),
        smallest_seen=seen,
    )


def _of_both(figure: Callable[[Floats], Any], known: Sequence[Floats]) -> tuple[float | None, float | None]:
    first, second = (float(figure(part)) if len(part) else None for part in known)
    return first, second


def distance(column: Column, first: np.ndarray) -> float:
    """W1 of the values that both parts have, or total variation of the levels, a gap among them.

    Args:
        column: of both parts.
        first: which rows are of the first part.
    """
    if column.levels is not None:
        return float(total_variation(*level_shares(column, first)))
    x, y = column.values[first & ~column.gaps], column.values[~first & ~column.gaps]
    return line.transport_cost(x, y, 1.0) if len(x) and len(y) else 0.0


def level_shares(column: Column, first: np.ndarray, weights: Floats | None = None) -> Floats:
    """The shares (2, levels + 1) of the levels of a column in both parts, gaps last.

    Args:
        column: of categories.
        first: which rows are of the first part.
        weights: of the rows; None is 1 each.
    """
    levels = column.levels or ()
    codes = np.where(column.gaps, len(levels), column.values).astype(np.int64)
    each = np.ones(len(codes)) if weights is None else weights
    counts = [np.bincount(codes[part], each[part], len(levels) + 1) for part in (first, ~first)]
    return np.stack([one / one.sum() for one in counts])


class _Levels(NamedTuple):
    grew: tuple[Change, ...] = ()
    shrank: tuple[Change, ...] = ()
    unseen: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def _levels(column: Column, shares: Floats) -> _Levels:
    if column.levels is None:
        return _Levels()
    before, after = shares
    order = np.argsort(before - after, kind="stable")
    names = [*column.levels, "missing"]
    changes = [Change(names[place], float(before[place]), float(after[place])) for place in order]
    every = list(zip(column.levels, before[:-1], after[:-1], strict=True))
    return _Levels(
        tuple(one for one in changes[:LISTED] if one.after > one.before),
        tuple(one for one in changes[::-1][:LISTED] if one.after < one.before),
        tuple(name for name, old, new in every if old == 0 and new > 0),
        tuple(name for name, old, new in every if old > 0 and new == 0),
    )


def _cohen(means: Sequence[float | None], deviations: Sequence[float | None]) -> float | None:
    if None in means:
        return None
    pooled = float(np.sqrt(np.mean(np.square(np.asarray(deviations, float)))))
    return (means[1] - means[0]) / pooled if pooled > 0 else None  # type: ignore[operator]  # no None is in it


def _cramer(shares: Floats, n: int, m: int) -> float:
    """Cramer's V of a table of 2 rows, the root of chi-squared over the number of rows."""
    counts = shares * np.array([[n], [m]])
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    kept = expected > 0
    return float(np.sqrt((((counts - expected) ** 2)[kept] / expected[kept]).sum() / counts.sum()))
