"""Bounds on how far a column moved: against finite differences, and against pairs of tables of known distance."""

import numpy as np
import pytest
from scipy import stats

from remblai.populations import bounds
from remblai.populations.shifts import distance, level_shares
from remblai.populations.table import Column

RNG = np.random.default_rng(0)
N, M = 150, 120
FIRST = np.arange(N + M) < N


def masks(count: int = 20) -> np.ndarray:
    return np.stack([FIRST, *(RNG.permutation(FIRST) for _ in range(count))])


def of_numbers(x: np.ndarray, y: np.ndarray, level: float) -> bounds.Bounds:
    column = Column("x", np.concatenate([x, y]))
    splits = masks()
    floor = float(np.mean([distance(column, one) for one in splits[1:]]))
    return bounds.numbers(column, splits, distance(column, FIRST), floor, level)


def of_categories(x: np.ndarray, y: np.ndarray, levels: int, level: float) -> bounds.Bounds:
    column = Column("x", np.concatenate([x, y]).astype(float), tuple(map(str, range(levels))))
    floor = float(np.mean([distance(column, one) for one in masks()[1:]]))
    return bounds.categories(level_shares(column, FIRST), (N, M), floor, level)


def test_the_error_is_the_one_of_weights_that_vary() -> None:
    """The delta method against finite differences in the weights of the rows, with floor 0 and Welch's quantile."""
    x, y = RNG.normal(size=N), RNG.normal(0.4, 1.5, M)
    column = Column("x", np.concatenate([x, y]))

    def moved(p: np.ndarray, q: np.ndarray) -> float:
        return float(stats.wasserstein_distance(x, y, p, q) / x.std())

    p, q = np.full(N, 1.0 / N), np.full(M, 1.0 / M)
    size, whole = 1e-6, moved(p, q)
    slope_p = [(moved((1 - size) * p + size * np.eye(N)[k], q) - whole) / size for k in range(N)]
    slope_q = [(moved(p, (1 - size) * q + size * np.eye(M)[k]) - whole) / size for k in range(M)]
    each = np.array([np.var(slope_p, ddof=1) / N, np.var(slope_q, ddof=1) / M])
    freedom = each.sum() ** 2 / (each[0] ** 2 / (N - 1) + each[1] ** 2 / (M - 1))
    level = 0.01
    found = bounds.numbers(column, FIRST[None].repeat(2, 0), distance(column, FIRST), 0.0, level)
    assert found.moved == pytest.approx(whole - stats.t.isf(level, freedom) * np.sqrt(each.sum()), rel=1e-3)


@pytest.mark.parametrize("make", ["shifted", "wider", "heavy", "skewed"])
def test_bounds_of_numbers_are_seldom_above_the_truth(make: str) -> None:
    laws = {
        "shifted": (stats.norm(), stats.norm(0.5), 0.5),
        "wider": (stats.norm(), stats.norm(0.0, 2.0), float(np.sqrt(2.0 / np.pi))),
        "heavy": (stats.t(5), stats.t(5, 0.6), 0.6),
        "skewed": (stats.lognorm(1.5), stats.lognorm(1.5, loc=6.0), 6.0),
    }
    first, second, truth = laws[make]
    shares = []
    for _ in range(100):
        x = first.rvs(N, random_state=RNG)
        shares.append(of_numbers(x, second.rvs(M, random_state=RNG), 0.1).moved * x.std() / truth)
    assert np.mean(np.asarray(shares) > 1.0) <= 0.16  # twice the standard error above .1
    assert np.mean(shares) > 0.2  # and they say something


@pytest.mark.parametrize(("share", "second"), [(0.85, 10), (0.95, 30), (0.7, 5)])
def test_small_parts_of_one_level_do_vary(share: float, second: int) -> None:
    first = np.arange(1000 + second) < 1000
    found = []
    for _ in range(200):
        codes = np.concatenate([RNG.random(1000) < 0.01, RNG.random(second) < share]).astype(float)
        column = Column("x", codes, ("no", "yes"))
        floor = float(np.mean([distance(column, RNG.permutation(first)) for _ in range(20)]))
        found.append(bounds.categories(level_shares(column, first), (1000, second), floor, 0.05).moved)
    assert np.mean(np.asarray(found) > share - 0.01) <= 0.08


@pytest.mark.parametrize("levels", [2, 8, 100])
def test_bounds_of_categories_are_seldom_above_the_truth(levels: int) -> None:
    p = RNG.dirichlet(np.full(levels, 2.0))
    q = 0.7 * p
    q[0] += 0.3
    truth = 0.5 * np.abs(p - q).sum()
    draws = [(RNG.choice(levels, N, p=p), RNG.choice(levels, M, p=q)) for _ in range(100)]
    found = [of_categories(x, y, levels, 0.1).moved for x, y in draws]
    assert np.mean(np.asarray(found) > truth) <= 0.16
    assert np.mean(found) > 0.02 * truth


def test_gaps_and_columns_without_a_scale() -> None:
    x, y = RNG.normal(size=N), RNG.normal(size=M)
    y[:60] = np.nan
    found = of_numbers(x, y, 0.05)
    assert 0.3 < found.gaps < 0.5
    assert of_numbers(x, RNG.normal(size=M), 0.05).gaps == 0.0
    assert of_numbers(np.ones(N), np.ones(M), 0.05) == (0.0, 0.0)
    assert of_numbers(np.ones(N), np.full(M, 2.0), 0.05).moved == pytest.approx(2.0, abs=0.2)  # sd of both: about .5
    assert of_numbers(np.full(N, np.nan), y, 0.05).moved == 0.0


def test_bounds_do_not_depend_on_place_and_scale() -> None:
    column = Column("x", np.concatenate([RNG.normal(size=N), RNG.normal(0.5, 1.0, M)]))
    far = Column("x", 1e9 + 1e3 * column.values)
    splits = masks()
    found = [bounds.numbers(one, splits, distance(one, FIRST), 0.0, 0.05).moved for one in (column, far)]
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_the_level_is_shared_by_all_bounds() -> None:
    gapped = np.array([1.0, np.nan, 2.0])
    columns = [
        Column("a", np.arange(3.0)),
        Column("b", gapped),
        Column("c", np.ones(3)),
        Column("d", gapped, ("x",) * 3),
    ]
    assert bounds.share_of_each(columns, 0.08) == pytest.approx(0.02)  # a, b, gaps of b, d
    assert bounds.share_of_each([Column("c", np.ones(3))], 0.05) == 0.05
