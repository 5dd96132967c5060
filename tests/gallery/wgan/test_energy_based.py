import itertools

import numpy as np
import pytest

from remblai.gallery.wgan import energy_based as entry


@pytest.mark.parametrize("margin", [0.3, 1.0, 7.0])
def test_the_least_loss_is_that_of_the_best_energy_with_values_0_and_m(margin):
    # the loss is piecewise linear in each energy with kinks at 0 and m: brute force over the corners
    rng = np.random.default_rng(0)
    for _ in range(5):
        p, q = rng.dirichlet(np.ones(6), size=2)
        corners = np.array(list(itertools.product((0.0, margin), repeat=6)))
        losses = corners @ p + np.maximum(margin - corners, 0) @ q
        assert entry.least_loss(p, q, margin) == pytest.approx(losses.min(), abs=1e-10)
        assert losses.min() == pytest.approx(margin * (1 - np.abs(p - q).sum() / 2), abs=1e-12)


def test_parallel_lines_are_all_or_nothing():
    for theta in (-0.8, 1e-3, 0.4):
        assert entry.least_loss(*entry.on_lines(theta), 2.0) == pytest.approx(0, abs=1e-12)
    assert entry.least_loss(*entry.on_lines(0.0), 2.0) == pytest.approx(2.0)


def test_an_energy_held_where_the_model_is_costs_its_mass():
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert entry.least_loss(p, q, 1.0, fixed=0.25) == pytest.approx(0.75)


@pytest.mark.parametrize("theta", [-0.9, -0.2, 0.3, 1.0])
def test_w1_and_its_slope_are_those_of_the_shift(theta):
    assert entry.w1(theta) == pytest.approx((abs(theta), np.sign(theta)), abs=1e-9)


def test_the_lipschitz_critic_rises_all_the_way_from_data_to_model():
    way = np.linspace(0, entry.BETWEEN, 11)
    assert entry.critic(way) == pytest.approx(way, abs=1e-9)
