from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from remblai.distances.rational import common_integers, filled, repaired


def test_masses_become_integers_of_one_total_without_rounding() -> None:
    a, b = [0.1, 0.2, 1e-40], [0.25, 3e10]
    first, second = common_integers(a, b)
    assert sum(first) == sum(second)
    for masses, integers in ((a, first), (b, second)):
        exact = [Fraction(mass) / sum(map(Fraction, masses)) for mass in masses]
        assert [Fraction(one, sum(integers)) for one in integers] == exact


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.integers(0, 10**6), some.integers(1, 7), some.integers(1, 7), some.sampled_from([0.0, 1e-16, 1e-3, 0.5]))
def test_any_entries_become_a_plan_of_exactly_these_masses(seed: int, n: int, m: int, error: float) -> None:
    rng = np.random.default_rng(seed)
    plan = rng.random((n, m)) * (rng.random((n, m)) > 0.4)
    plan[0, 0] = 1.0
    plan /= plan.sum()
    a, b = plan.sum(1), plan.sum(0)
    supply, demand = common_integers(a.tolist(), b.tolist())
    wrong = plan * (1 + error * rng.standard_normal((n, m))).clip(0.0)
    entries = [(i, j, float(wrong[i, j])) for i in range(n) for j in range(m) if wrong[i, j]]
    found = repaired(supply, demand, entries)
    left = filled(found, rng.random((len(found.rows), len(found.columns))))
    sent, came = Counter(), Counter()
    for i, j, mass in [*found.entries, *left]:
        assert mass > 0
        sent[i] += mass
        came[j] += mass
    assert [sent[i] for i in range(n)] == supply
    assert [came[j] for j in range(m)] == demand
    total = sum(supply)
    moved = sum(abs(mass / total - wrong[i, j]) for i, j, mass in found.entries)
    assert moved <= 1e-14 + 20 * error


def test_left_over_mass_takes_the_cheapest_pairs() -> None:
    found = repaired([3, 5], [4, 4], [])
    assert found.rows == {0: 3, 1: 5}
    assert found.columns == {0: 4, 1: 4}
    assert filled(found, np.array([[1.0, 5.0], [2.0, 0.0]])) == [(1, 1, 4), (0, 0, 3), (1, 0, 1)]


def test_a_tree_of_entries_carries_what_the_masses_say_whatever_the_entries_are() -> None:
    found = repaired([2, 3], [1, 4], [(0, 0, 0.9), (0, 1, 0.4), (1, 1, 0.1)])
    assert sorted(found.entries) == [(0, 0, 1), (0, 1, 1), (1, 1, 3)]
    assert not found.rows
    assert not found.columns


@pytest.mark.parametrize("entries", [[(0, 0, 1.0)], [(0, 0, 1.0), (1, 0, 1.0)]])
def test_what_the_pairs_cannot_carry_is_left_over(entries: list[tuple[int, int, float]]) -> None:
    found = repaired([2, 3], [1, 4], entries)
    assert sum(found.rows.values()) == sum(found.columns.values()) == 4
    assert found.columns == {1: 4}
