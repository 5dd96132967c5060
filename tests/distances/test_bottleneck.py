import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from tests.distances.exact.rational import fractions, least_cost, shares

from remblai.distances import wasserstein

few = settings(max_examples=15, deadline=None, derandomize=True)


@st.composite
def laws(draw, d):
    found = []
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    for _ in range(2):
        n = draw(st.integers(1, 5))
        masses = rng.integers(0, 4, n) + 0.0
        masses[0] += 1.0
        found.append((rng.integers(-3, 4, (n, d)) + 0.0, masses / masses.sum()))
    return found


def least(x, y, a, b):
    """The least distance within which a linear program can carry all mass."""
    gaps = np.linalg.norm(x[:, None] - y, axis=-1)
    n, m = gaps.shape
    marginals = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    for gap in np.unique(gaps):
        within = [(0, None if free else 0) for free in (gaps <= gap).ravel()]
        if linprog(np.zeros(n * m), A_eq=marginals, b_eq=np.r_[a, b], bounds=within).status == 0:
            return gap
    raise AssertionError("some coupling is within the largest distance")


@pytest.mark.parametrize("d", [1, 2])
def test_it_is_the_least_distance_within_which_all_mass_is_carried(d):
    @few
    @given(two=laws(d))
    def check(two):
        (x, a), (y, b) = two
        assert wasserstein(x, y, math.inf, a, b) == pytest.approx(least(x, y, a, b), abs=1e-12)

    check()


def test_without_masses_it_is_the_best_matching():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 2)), rng.standard_normal((6, 2))
    gaps = np.linalg.norm(x[:, None] - y, axis=-1)
    truth = min(gaps[np.arange(6), list(order)].max() for order in itertools.permutations(range(6)))
    assert wasserstein(x, y, math.inf) == pytest.approx(truth, rel=1e-14)


@pytest.mark.parametrize("d", [1, 2])
def test_it_is_the_limit_of_growing_powers(d):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((9, d)), rng.standard_normal((7, d))
    values = [wasserstein(x, y, p) for p in (1, 2, 4, 8, 16, 100, 10_000, math.inf)]
    assert values == sorted(values)
    assert values[-2] == pytest.approx(values[-1], rel=1e-3)


@pytest.mark.parametrize("d", [1, 2])
def test_the_rounding_of_masses_carries_nothing_far(d):
    x, y = np.array([[0.0] * d, [1.0] * d, [50.0] * d]), np.array([[0.5] * d, [50.0] * d])
    assert wasserstein(x, y, math.inf, [0.1, 0.2, 0.7], [0.3, 0.7]) == pytest.approx(0.5 * d**0.5)


def test_its_gradient_follows_the_pair_that_attains_it():
    x = torch.tensor([[0.0, 0.0], [5.0, 0.0]], requires_grad=True)
    y = torch.tensor([[0.0, 1.0], [5.0, 3.0]])
    value = wasserstein(x, y, math.inf)
    value.backward()
    assert float(value.detach()) == 3.0
    assert x.grad.tolist() == [[0.0, 0.0], [0.0, -1.0]]
    same = torch.zeros(2, 2, requires_grad=True)
    wasserstein(same, torch.zeros(3, 2), math.inf).backward()
    assert same.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_large_power_of_many_points_lies_between_the_lower_ones_and_the_bottleneck():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((120, 3)), rng.standard_normal((90, 3))
    values = [wasserstein(x, y, p) for p in (8.0, 9.0, 20.0, 100.0, math.inf)]
    assert values == sorted(values)


def test_on_the_line_the_rounding_of_masses_counts_in_no_large_power():
    x, y, a, b = [0.0, 0.0, 1000.0], [0.001, 1000.001], [0.1, 0.2, 0.7], [0.3, 0.7]
    for p in (9, 20, 100, 1000, math.inf):
        assert wasserstein(x, y, p, a, b) == pytest.approx(1e-3, rel=1e-9)
        assert wasserstein(torch.tensor(x), torch.tensor(y), p, torch.tensor(a), torch.tensor(b)) == pytest.approx(
            1e-3, rel=0.1
        )


def test_on_the_line_a_tiny_mass_counts_in_every_power():
    for p in (1, 8, 8.5, 9, 20, 1000):
        assert wasserstein([0.0, 1.0], [0.0], p, [1 - 1e-13, 1e-13], [1.0]) == pytest.approx(1e-13 ** (1 / p), rel=1e-3)
    assert wasserstein([0.0, 1.0], [0.0], math.inf, [1 - 1e-13, 1e-13], [1.0]) == 1.0


@pytest.mark.parametrize("p", [9, 30, 100])
def test_a_large_power_on_the_line_is_that_of_rational_arithmetic(p):
    rng = np.random.default_rng(p)
    for _ in range(40):
        n, m = rng.integers(1, 6, 2)
        x, y = (rng.standard_normal(k) * 10.0 ** rng.integers(-3, 4) for k in (n, m))
        a, b = (rng.multinomial(16, np.full(k, 1.0 / k)) / 16.0 for k in (n, m))
        costs = [[abs(u - v) ** p for v in fractions(y)] for u in fractions(x)]
        truth = least_cost(shares(a), shares(b), costs)
        found = Fraction(wasserstein(x, y, p, a, b)) ** p
        assert float(found / truth) == pytest.approx(1.0, rel=1e-10)


def test_gradients_of_a_large_power_on_the_line_are_finite_differences():
    rng = np.random.default_rng(5)
    given = [torch.from_numpy(one) for one in (*rng.standard_normal((2, 5)), *rng.dirichlet(np.ones(5), 2))]
    leaves = [one.clone().requires_grad_() for one in given]
    found = torch.autograd.grad(wasserstein(leaves[0], leaves[1], 12, leaves[2], leaves[3]), leaves)
    for place, slope in enumerate(found):
        move = torch.from_numpy(rng.standard_normal(5))
        move = 1e-7 * (move - move.mean())
        ends = [[one + s * move if i == place else one for i, one in enumerate(given)] for s in (1, -1)]
        truth = [float(wasserstein(one[0], one[1], 12, one[2], one[3])) for one in ends]
        assert float(slope @ move) == pytest.approx(0.5 * (truth[0] - truth[1]), rel=1e-5)
    far = torch.tensor([0.0, 1000.0], requires_grad=True)
    wasserstein(far, torch.tensor([0.001, 1000.001]), 1000).backward()
    assert torch.isfinite(far.grad).all() and float(far.grad.sum()) == pytest.approx(-1.0, rel=1e-3)
