"""The proven interval on the line, against rational arithmetic and at sizes that no matrix of costs has room for."""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.distances.exact.rational import fractions, least_cost, shares

from remblai.distances import line, transport
from remblai.distances.line_bounds import monotone

often = settings(max_examples=60, deadline=None, derandomize=True)
scales = st.integers(-12, 12)


@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), m=st.integers(1, 6), scale=scales, p=st.sampled_from([1, 2])
)
@often
def test_points_and_masses_of_many_sizes(seed: int, n: int, m: int, scale: int, p: int) -> None:
    draw = np.random.default_rng(seed)
    x, y = (draw.standard_normal(k) * 10.0 ** draw.integers(-3, 4, k) * 10.0**scale for k in (n, m))
    a, b = (draw.random(k) * 10.0 ** draw.integers(-9, 1, k) for k in (n, m))
    costs = [[abs(u - v) ** p for v in fractions(y)] for u in fractions(x)]
    truth = least_cost(shares(a), shares(b), costs)
    found = line.plan(x, y, p, a, b, normalise=True)
    lower, upper = found.certificate()
    assert Fraction(lower) <= truth <= Fraction(upper)
    assert lower <= found.value <= upper
    rounding = 1e-15 * max(float(max(row)) for row in costs)  # of masses, in the value, which the interval contains
    assert upper - lower <= 1e-12 * upper + rounding


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 6), m=st.integers(1, 6))
@often
def test_masses_in_float32_stand_for_all_that_round_to_them(seed: int, n: int, m: int) -> None:
    draw = np.random.default_rng(seed)
    x, y = draw.standard_normal(n), draw.standard_normal(m)
    a, b = draw.random(n), draw.random(m)
    costs = [[(u - v) ** 2 for v in fractions(y)] for u in fractions(x)]
    truth = least_cost(shares(a), shares(b), costs)
    rounded = [torch.from_numpy((one / one.sum()).astype(np.float32)) for one in (a, b)]
    lower, upper = line.plan(x, y, 2, *rounded).certificate()
    assert Fraction(lower) <= truth <= Fraction(upper)


def test_a_far_point_does_not_widen_the_interval_of_the_others() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.random(60), draw.random(60)
    x[0], y[0] = 1e9, 1e9 + 0.5
    lower, upper = transport(x, y).certificate()
    assert upper - lower <= 1e-12 * upper


def test_a_hundred_thousand_points_are_proven() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.standard_normal(100_000), draw.standard_normal(90_000)
    found = line.plan(x, y, 1)
    lower, upper = found.certificate()
    assert lower <= found.value <= upper
    assert upper - lower <= 1e-12 * upper


def test_copies_prove_the_same() -> None:
    found = line.plan([0.0, 0.3, 2.0], [1.0, 5.0])
    assert pickle.loads(pickle.dumps(found)).certificate() == found.certificate()
    assert copy.deepcopy(found).certificate() == found.certificate()


@pytest.mark.parametrize(
    ("supply", "demand", "entries"),
    [
        ([3], [3], [(0, 0, 3)]),
        ([0, 2, 0], [0, 1, 1, 0], [(1, 1, 1), (1, 2, 1)]),
        ([1, 2, 1], [2, 2], [(0, 0, 1), (1, 0, 1), (1, 1, 1), (2, 1, 1)]),
    ],
)
def test_the_monotone_coupling(supply: list[int], demand: list[int], entries: list[tuple[int, int, int]]) -> None:
    assert monotone(supply, demand) == entries
