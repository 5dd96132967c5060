"""How far a column has moved at least: bounds below its figures that hold for all columns together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from remblai.populations.table import Bools, Column, Floats


class Bounds(NamedTuple):
    """What a column has moved by at least.

    Attributes:
        moved: of numbers W1 in standard deviations of the first table, as it is, of both where that is 0; of categories
            the total variation.
        gaps: of numbers, the change of the share of gaps; 0 for categories, of which a gap is a level.
    """

    moved: float
    gaps: float


def share_of_each(columns: Sequence[Column], level: float) -> float:
    """The level of each bound, so that all of them together are wrong in at most the share `level` of pairs."""
    varying = [one for one in columns if len(np.unique(one.values)) > 1]
    count = len(varying) + sum(one.levels is None and bool(one.gaps.any()) for one in varying)
    return level / max(1, count)


def numbers(column: Column, masks: Bools, distance: float, floor: float, level: float) -> Bounds:
    """What a column of numbers has moved by at least, and its share of gaps.

    Args:
        column: of both parts.
        masks: which rows are of the first part: of the observed split first, then of random ones.
        distance: W1 of the parts.
        floor: of random splits.
        level: the share of pairs in which each bound may be above the truth.
    """
    return Bounds(_moved(column, masks[0], distance, floor, level), _gaps(column, masks, level))


def categories(shares: Floats, sizes: tuple[int, int], floor: float, level: float) -> Bounds:
    """What a column of categories has moved by at least.

    Args:
        shares: (2, levels) of the levels in both parts.
        sizes: rows of the parts.
        floor: of random splits.
        level: the share of pairs in which the bound may be above the truth.
    """
    return Bounds(_variation(shares, sizes, floor, level), 0.0)


def _moved(column: Column, first: Bools, distance: float, floor: float, level: float) -> float:
    """The least W1 in standard deviations of the first table, as it is: estimate - floor - t error.

    The expected distance of samples is at most the true one and the expected distance of two samples of one law, the
    floor, by the triangle inequality. The error is that of the delta method: W1 varies as the means of the Kantorovich
    potential, whose slope is the sign of the difference of the distribution functions; t is Student's quantile, with
    Welch's degrees of freedom.
    """
    kept = ~column.gaps
    values, inside = column.values[kept] - column.centre, first[kept]
    sizes = np.array([inside.sum(), (~inside).sum()], float)
    if sizes.min() < 2:
        return 0.0
    scale = float(values[inside].std()) or float(values.std())
    if scale == 0.0:
        return 0.0
    order = np.argsort(values, kind="stable")
    above = np.cumsum(np.where(inside[order], 1.0 / sizes[0], -1.0 / sizes[1]))[:-1]
    steps = np.diff(values[order]) / scale * np.sign(above)
    potential = np.empty_like(values)
    potential[order] = np.append(np.cumsum(steps[::-1])[::-1], 0.0)
    each = np.array([potential[part].var(ddof=1) for part in (inside, ~inside)]) / sizes
    if not each.any():
        return max(0.0, (distance - floor) / scale)
    freedom = each.sum() ** 2 / (each**2 / (sizes - 1.0)).sum()
    return max(0.0, (distance - floor) / scale - float(student.isf(level, freedom)) * float(np.sqrt(each.sum())))


def _variation(shares: Floats, sizes: tuple[int, int], floor: float, level: float) -> float:
    """The least total variation of two laws of categories: estimate - floor - z error.

    The levels whose share falls count against those whose share rises. Two rows more of each are counted, so that a
    part that has none of them is not taken to be without variation (Agresti and Coull 1998).
    """
    n = np.asarray(sizes, float)
    falls, rises = (((shares[0] > shares[1]) * shares).sum(1), ((shares[0] < shares[1]) * shares).sum(1))
    some = [(part * n + 2.0) / (n + 4.0) for part in (falls, rises)]
    variances = 0.25 * (some[0] + some[1] - (some[0] - some[1]) ** 2)
    found = float(0.5 * np.abs(shares[0] - shares[1]).sum())
    return max(0.0, found - floor - float(norm.isf(level)) * float(np.sqrt((variances / n).sum())))


def _gaps(column: Column, masks: Bools, level: float) -> float:
    """The least change of the share of gaps, a total variation of two levels."""
    if not column.gaps.any():
        return 0.0
    found = np.stack([[column.gaps[part].mean(), column.gaps[~part].mean()] for part in masks])
    floor = float(np.abs(found[1:, 0] - found[1:, 1]).mean())
    first = int(masks[0].sum())
    shares = np.stack([found[0], 1.0 - found[0]], 1)
    return _variation(shares, (first, len(masks[0]) - first), floor, level)
