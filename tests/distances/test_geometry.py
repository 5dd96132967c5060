import math

import numpy as np
import pytest
import torch

from remblai.config.registry import make
from remblai.costs import COSTS, Square
from remblai.distances import geometry as module
from remblai.distances.coupling import Dense, Sparse
from remblai.distances.geometry import Matrix, Points, resolved

NAMES = [name for name in COSTS if not (make(COSTS, name).images_only or make(COSTS, name).reads_law)]
"""The costs of points: the Laplacian one is of images."""


def sets(n=5, m=7, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator).double(), torch.randn(m, d, generator=generator).double()


@pytest.fixture(params=NAMES)
def cost(request):
    return make(COSTS, request.param)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "ENTRIES", 15)
    monkeypatch.setattr("remblai.distances.coupling.ENTRIES", 15)


def test_blocks_pairs_and_the_flip_are_the_matrix(cost, small_blocks):
    x, y = sets()
    points, expected = Points(x, y, cost), cost.matrix(x, y)
    parts = list(points.blocks())
    assert len(parts) == 3
    torch.testing.assert_close(torch.cat([block for _, block in parts]), expected)
    rows, columns = torch.tensor([0, 4, 2]), torch.tensor([6, 0, 2])
    torch.testing.assert_close(points.pairs(rows, columns), expected[rows, columns], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(points.flipped().matrix(), expected.T, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(points.flipped().flipped().matrix(), expected, rtol=1e-12, atol=1e-12)
    other = Matrix(expected)
    torch.testing.assert_close(other.pairs(rows, columns), expected[rows, columns])
    torch.testing.assert_close(other.flipped().matrix(), expected.T)


def test_the_mean_is_that_of_independence_and_leaves_infinity_out(small_blocks):
    a, b = torch.tensor([0.5, 0.5]).double(), torch.tensor([0.25, 0.75]).double()
    assert Matrix([[1.0, 2.0], [3.0, 4.0]]).mean(a, b) == pytest.approx(0.125 + 0.75 + 0.375 + 1.5)
    assert Matrix([[1.0, np.inf], [3.0, 4.0]]).mean(a, b) == pytest.approx((0.125 + 0.375 + 1.5) / 0.625)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hamming"])
@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_are_those_of_the_summed_cost(name, sparse, small_blocks):
    x, y = (one.requires_grad_() for one in sets())
    masses = torch.rand(5, 7, generator=torch.Generator().manual_seed(1)).double()
    rows, columns = masses.nonzero(as_tuple=True)
    coupling = Sparse(rows, columns, masses[rows, columns], (5, 7)) if sparse else Dense(masses)
    expected = torch.autograd.grad((masses * make(COSTS, name).matrix(x, y)).sum(), (x, y))
    found = Points(x, y, name).gradients(coupling)
    assert [one for one, _ in found] == [x, y]
    for (_, gradient), right in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, right, rtol=1e-9, atol=1e-9)


def test_only_what_asks_for_a_gradient_gets_one():
    x, y = sets()
    coupling = Dense(torch.ones(5, 7))
    assert Points(x, y).gradients(coupling) == []
    y.requires_grad_()
    assert [one is y for one, _ in Points(x, y).gradients(coupling)] == [True]
    costs = torch.rand(5, 7, requires_grad=True)
    ((one, gradient),) = Matrix(costs).gradients(coupling)
    assert one is costs
    assert gradient.shape == (5, 7)


def test_a_cost_without_gradient_refuses_to_give_one():
    x, y = sets()
    with pytest.raises(ValueError, match="no gradient"):
        Points(x.requires_grad_(), y, "hamming").gradients(Dense(torch.ones(5, 7)))


def test_a_function_of_pairs_is_a_cost():
    x, y = sets()
    points = Points(x, y, lambda x, y: (x - y).square().sum(-1))
    torch.testing.assert_close(points.matrix(), Square().matrix(x, y), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (lambda x, y: (x - y).square(), "function of pairs"),
        (lambda x, y: 1.0, "function of pairs"),
        (math.hypot, "one that fails on [0-9]+ pairs: "),
        (lambda x, y: torch.full((len(x),), torch.nan), "NaN"),
    ],
)
def test_a_function_that_is_no_cost_is_refused(cost, words):
    with pytest.raises(ValueError, match=words):
        Points(*sets(), cost).matrix()


@pytest.mark.parametrize("cost", ["sqaure", "negative-log-likelihood", 3])
def test_what_is_no_cost_between_points_is_refused(cost):
    with pytest.raises(ValueError, match="cost"):
        resolved(cost)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((3, 2)), np.zeros((3, 3))),
        (np.zeros(3), np.zeros((1, 3))),
        (np.zeros((0, 2)), np.zeros((3, 2))),
        (np.zeros((3, 0)), np.zeros((3, 0))),
        (np.array(1.0), np.zeros((3, 1))),
        (np.array([[np.nan, 0.0]]), np.zeros((3, 2))),
        (np.array([[np.inf, 0.0]]), np.zeros((3, 2))),
    ],
)
def test_points_that_do_not_fit_are_refused(x, y):
    with pytest.raises(ValueError, match="expected"):
        Points(x, y)


def test_one_number_each_is_a_point_on_the_line():
    torch.testing.assert_close(Points([0, 1], [[2.0]]).matrix(), torch.tensor([[4.0], [1.0]]).double())


@pytest.mark.parametrize("costs", [np.zeros(3), np.zeros((0, 3)), [[np.nan]], [[-np.inf]], np.zeros((2, 2, 2))])
def test_matrices_that_are_none_are_refused(costs):
    with pytest.raises(ValueError, match="cost matrix: expected"):
        Matrix(costs)
