"""How often the bound on a column's move is above its true distance, and how much of it the bound keeps.

    python benchmarks/bounds.py [--pairs 1000] [--rows 300 3000] [--level 0.05]

Each row is a pair of laws whose distance is known: W1 (from a million quantiles), beside which bounds are taken in the
units of the numbers, or total variation. Both samples have the same number of rows. A bound is right where it is above
the truth in at most the share --level of the pairs; the last column is its mean as a share of the truth.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from remblai.populations import bounds
from remblai.populations.shifts import FLOOR_SPLITS, distance, level_shares
from remblai.populations.table import Column

Floats = np.ndarray
RNG = np.random.default_rng(0)
GRID = (np.arange(1_000_000) + 0.5) / 1_000_000


class Pair(NamedTuple):
    """Two laws: how n values of each are drawn, the levels (0 of numbers) and their true distance."""

    first: Callable[[int], Floats]
    second: Callable[[int], Floats]
    levels: int
    truth: float


def numbers(first: stats.rv_continuous, second: stats.rv_continuous) -> Pair:
    x, y = first.ppf(GRID), second.ppf(GRID)
    truth = float(np.abs(x - y).mean())
    return Pair(lambda n: first.rvs(n, RNG), lambda n: second.rvs(n, RNG), 0, truth)


def categories(levels: int, moved: float) -> Pair:
    p = RNG.dirichlet(np.ones(levels))
    q = (1.0 - moved) * p
    q[0] += moved
    truth = float(0.5 * np.abs(p - q).sum())
    return Pair(lambda n: RNG.choice(levels, n, p=p), lambda n: RNG.choice(levels, n, p=q), levels, truth)


PAIRS = {
    "equal": lambda: numbers(stats.norm(), stats.norm()),
    "mean + 0.2 sd": lambda: numbers(stats.norm(), stats.norm(0.2)),
    "scale x 1.3": lambda: numbers(stats.norm(), stats.norm(0.0, 1.3)),
    "log-normal": lambda: numbers(stats.lognorm(1.0), stats.lognorm(1.0, scale=np.exp(0.2))),
    "log-normal, sigma 1.5": lambda: numbers(stats.lognorm(1.5), stats.lognorm(1.5, loc=2.0)),
    "tail of t, 5 degrees": lambda: numbers(stats.t(5), stats.t(5, 0.2)),
    "2 levels": lambda: categories(2, 0.1),
    "10 levels": lambda: categories(10, 0.1),
    "100 levels": lambda: categories(100, 0.1),
    "100 levels, equal": lambda: categories(100, 0.0),
}


def bound(pair: Pair, rows: int, level: float) -> float:
    """The bound of one pair of samples."""
    values = np.concatenate([pair.first(rows), pair.second(rows)]).astype(float)
    first = np.arange(2 * rows) < rows
    masks = np.stack([first, *(RNG.permutation(first) for _ in range(FLOOR_SPLITS))])
    column = Column("x", values, tuple(map(str, range(pair.levels))) if pair.levels else None)
    floor = float(np.mean([distance(column, mask) for mask in masks[1:]]))
    if pair.levels:
        return bounds.categories(level_shares(column, first), (rows, rows), floor, level).moved
    moved = bounds.numbers(column, masks, distance(column, first), floor, level).moved
    return moved * float(values[:rows].std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 3000])
    parser.add_argument("--level", type=float, default=0.05)
    given = parser.parse_args()
    print(f"{'':24}{'rows':>8}{'truth':>10}{'above the truth %':>20}{'mean bound / truth':>22}")
    for name, make in PAIRS.items():
        pair = make()
        for rows in given.rows:
            found = np.asarray([bound(pair, rows, given.level) for _ in range(given.pairs)])
            share = f"{found.mean() / pair.truth:22.2f}" if pair.truth > 1e-9 else f"{'-':>22}"
            print(f"{name:24}{rows:8,}{pair.truth:10.4f}{100 * (found > pair.truth + 1e-12).mean():20.1f}{share}")


if __name__ == "__main__":
    main()
