import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch.func import functional_call, jacrev

from remblai.gallery.wgan import continuity as entry
from remblai.gallery.wgan.relu_generator import expected_lipschitz, generator, lipschitz


@pytest.fixture(scope="module")
def model():
    return generator()


def test_the_derivative_s_length_is_that_of_automatic_differentiation(model):
    theta = {name: one.detach() for name, one in model.network.named_parameters()}
    z = np.array([-50.0, -2.3, -0.4, 0.01, 0.9, 3.1, 1e4])

    def value(theta, z):
        return functional_call(model.network, theta, (z[None],))[0]

    for place, found in zip(z, lipschitz(model, z), strict=True):
        by_theta, by_z = jacrev(value, argnums=(0, 1))(theta, torch.tensor([place], dtype=torch.float64))
        square = sum(float(one.square().sum()) for one in (*by_theta.values(), by_z))
        assert found == pytest.approx(math.sqrt(square), rel=1e-10)


def test_the_mean_under_a_gaussian_is_that_of_quadrature(model):
    def weighted(z):
        return float(lipschitz(model, np.array([z]))[0]) * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

    pieces = np.linspace(-10, 10, 81)
    found = sum(quad(weighted, a, b, limit=100)[0] for a, b in pairwise(pieces))
    assert expected_lipschitz(model) == pytest.approx(found, rel=1e-5)


def test_the_mean_under_cauchy_grows_without_bound_as_the_tail_is_let_in(model):
    def truncated(reach):  # by z = tan(angle), whose angle is uniform
        angle = np.linspace(-math.atan(reach), math.atan(reach), 2_000_001)
        return lipschitz(model, np.tan(angle)).mean() * math.atan(reach) * 2 / math.pi

    means = [truncated(reach) for reach in (1e1, 1e2, 1e3, 1e4)]
    steps = np.diff(means)
    assert steps == pytest.approx(np.full(3, steps[-1]), rel=0.05)  # the same for every decade: log n
    assert steps[-1] > 1


def test_running_means_are_plain_means(model):
    found = entry.running_means(model, "cauchy")
    z = np.random.default_rng(4).standard_cauchy(entry.DRAWS)
    assert found[4, -1] == pytest.approx(lipschitz(model, z).mean())
    assert found[4, 0] == pytest.approx(lipschitz(model, z[:10]).mean())


@pytest.mark.parametrize("way", [-1.4, -0.01, 0.7, 2.0])
def test_w1_is_the_best_assignment_and_its_slope_the_finite_difference(model, way):
    def assigned(at):
        both = [model.points(model.parameters(one)).detach().numpy() for one in (0.0, at)]
        costs = cdist(*both)
        return costs[linear_sum_assignment(costs)].mean()

    value, slope = entry.w1(model, way)
    assert value == pytest.approx(assigned(way), abs=1e-9)
    assert slope == pytest.approx((assigned(way + 1e-6) - assigned(way - 1e-6)) / 2e-6, abs=1e-6)


def test_jensen_shannon_jumps(model):
    assert entry.js(model, 0.0) == 0
    assert entry.js(model, 1e-9) == pytest.approx(math.log(2))
