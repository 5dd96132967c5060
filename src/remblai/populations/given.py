"""Drift given a column: what part of a change is another mix of that column, and what part is within it."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from remblai.config.registry import unknown
from remblai.distances import line, total_variation
from remblai.populations.battery import decide
from remblai.populations.shifts import level_shares
from remblai.populations.table import Column, Floats, Ints, Tables
from remblai.statistics.splits import Splits, mix

FEWEST_RANGES, MOST_RANGES, ROWS_A_RANGE = 5, 40, 20
"""Ranges of equal size that a column of numbers is cut into: as many as leave each so many rows, within these bounds.

Within wide ranges the given column itself may move, and others with it: of pairs of 400 rows in which it moved by a
standard deviation and another column followed it, five ranges gave false alarms in 40 %, 40 ranges in 2.5 %.
"""
MOST = 50
"""Groups that are compared, at most."""


@dataclass(frozen=True)
class Group:
    """A level, or a range of numbers, of the given column with its share in either table."""

    name: str
    before: float
    after: float


@dataclass(frozen=True)
class Within:
    """The change of one column, split in two.

    Attributes:
        name: of the column.
        of: what changes: the mean, of dates in days, or the share of the level that changed most.
        total, mix, within: the change, its part from another mix of groups and its part within groups; total = mix +
            within (Kitagawa's decomposition), over the groups that both tables have.
        distance: W1, or total variation, once both tables have the same mix.
        p_value: of no change within any group; `p_corrected`: by Holm for all columns.
    """

    name: str
    of: str
    total: float
    mix: float
    within: float
    distance: float
    p_value: float
    p_corrected: float


@dataclass(frozen=True)
class Given:
    """Drift given a column.

    Attributes:
        column: the given one.
        groups: its levels or ranges.
        left_out: the shares of either table in groups that the other does not have.
        p_value: of no change within any group, of all other columns together.
        columns: of the others.
        own_p_value: of no change of the mean of a given column of numbers within its ranges: where it is small, the
            ranges are too wide to tell a change of the others from one of it. None for levels.
    """

    column: str
    groups: tuple[Group, ...]
    left_out: tuple[float, float]
    p_value: float
    columns: tuple[Within, ...]
    own_p_value: float | None = None


def check_given(tables: Tables, name: str | None) -> None:
    """Refuses a given column that is not there.

    Raises:
        ValueError: it is not, or there is no other column.
    """
    names = [column.name for column in tables.every]
    if name is not None and name not in names:
        raise unknown("column in given", name, names)
    if name is not None and len(names) < 2:
        raise ValueError(f"given: expected another column beside {name!r}, got none: leave --given out.")


def drift_given(tables: Tables, name: str, permutations: int, draws: torch.Generator) -> Given:
    """Compares the other columns within groups of a column, both tables weighted to the mean of their two mixes.

    The rows are split anew within groups only, so that the test is exact for equal populations within groups, whatever
    the mixes are.

    Args:
        tables: both.
        name: of the given column.
        permutations: random splits.
        draws: they are a function of it.

    Raises:
        ValueError: no group is in both tables, or too many groups.

    Source: Kitagawa 1955, "Components of a difference between two rates".
    """
    strata, names = groups_of(tables.column(name))
    if len(names) > MOST:
        raise ValueError(
            f"given: expected a column of at most {MOST} levels, {name!r} has {len(names)}: choose another."
        )
    before, after, shares = mix(tables.first, strata)
    if not shares.any():
        raise ValueError(f"given: no level of {name!r} is in both tables, so that nothing can be compared within it.")
    others = [column for column in tables.columns if column.name != name]
    splits = Splits(tables.first, permutations, draws, strata)
    test = decide(others, splits, draws)
    found = zip(others, test.p_columns, test.p_corrected, strict=True)
    return Given(
        name,
        tuple(Group(*one) for one in zip(names, before.tolist(), after.tolist(), strict=True)),
        (float(before[shares == 0].sum()), float(after[shares == 0].sum())),
        test.p_value,
        tuple(Within(column.name, **_split(column, tables.first, strata), p_value=p, p_corrected=q)
              for column, p, q in found),
        None if tables.column(name).levels is not None else _own_p_value(tables.column(name), splits),
    )  # fmt: skip


def _own_p_value(column: Column, splits: Splits) -> float:
    """How often a random split within the groups moves the mean of the column as much as the observed one."""
    values = np.where(column.gaps, 0.0, column.values - column.values[~column.gaps].mean())
    moved = np.concatenate([np.abs(values @ weights) for _, weights in splits.weights()])
    return float((moved >= moved[0] * (1 - 1e-9)).mean())


def groups_of(column: Column) -> tuple[Ints, list[str]]:
    """The group (N,) of each row, and the names of the groups: levels, or ranges of numbers; gaps are one."""
    known = column.values[~column.gaps]
    ranges = min(MOST_RANGES, max(FEWEST_RANGES, len(known) // ROWS_A_RANGE))
    if column.levels is not None:
        codes, names = column.values, list(column.levels)
    elif len(values := np.unique(known)) <= ranges:
        codes, names = np.searchsorted(values, column.values).astype(float), [column.text(one) for one in values]
    else:
        bounds = np.unique(np.quantile(known, np.arange(1, ranges) / ranges))
        codes = np.searchsorted(bounds, column.values).astype(float)
        texts = [column.text(one) for one in bounds]
        names = [f"up to {texts[0]}", *(f"{low} to {high}" for low, high in pairwise(texts))]
        names.append(f"over {texts[-1]}")
    places = np.where(column.gaps, len(names), codes).astype(np.int64)
    present = np.unique(places)
    return np.searchsorted(present, places), [[*names, "missing"][place] for place in present]


def _split(column: Column, first: np.ndarray, strata: Ints) -> dict[str, Any]:
    """The change of a column in two parts, and what is left once both parts have the same mix."""
    known = np.ones(len(strata), bool) if column.levels is not None else ~column.gaps
    first, strata, column = first[known], strata[known], column.of(np.flatnonzero(known))
    if not first.any() or first.all():
        return {"of": "mean", "total": 0.0, "mix": 0.0, "within": 0.0, "distance": 0.0}
    before, after, shares = mix(first, strata)
    both = shares > 0
    weights = np.empty(len(strata))
    for part, size in ((first, before), (~first, after)):
        weights[part] = np.where(both, shares / np.where(both, size, 1.0), 0.0)[strata[part]] / part.sum()
    if column.levels is None:
        target, of = column.values, "mean, days" if column.dates else "mean"
        keep = weights > 0
        sides = [column.values[keep & part] for part in (first, ~first)]
        masses = [weights[keep & part] for part in (first, ~first)]
        left = line.transport_cost(sides[0], sides[1], 1.0, masses[0], masses[1], normalise=True) if both.any() else 0.0
    else:
        plain, level_weights = level_shares(column, first), level_shares(column, first, weights) if both.any() else None
        largest = int(np.argmax(np.abs(plain[1] - plain[0])))
        codes = np.where(column.gaps, len(column.levels), column.values)
        target, of = (codes == largest).astype(float), f"share of {[*column.levels, 'missing'][largest]}"
        left = float(total_variation(*level_weights)) if level_weights is not None else 0.0
    return {"of": of, **_kitagawa(target, first, strata, both), "distance": float(left)}


def _kitagawa(target: Floats, first: np.ndarray, strata: Ints, both: np.ndarray) -> dict[str, float]:
    """Change of a mean = sum of changes of shares times mean rates + sum of mean shares times changes of rates."""
    rows = both[strata]
    target, first, strata = target[rows], first[rows], strata[rows]
    sizes = [np.bincount(strata[part], minlength=len(both)) for part in (first, ~first)]
    sums = [np.bincount(strata[part], target[part], len(both)) for part in (first, ~first)]
    rates = [total / np.maximum(size, 1) for total, size in zip(sums, sizes, strict=True)]
    shares = [size / max(1, size.sum()) for size in sizes]
    by_mix = float(((shares[1] - shares[0]) * (rates[0] + rates[1]) / 2).sum())
    within = float(((shares[0] + shares[1]) / 2 * (rates[1] - rates[0])).sum())
    return {"total": by_mix + within, "mix": by_mix, "within": within}
