import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from remblai.distances import transport
from remblai.gallery.wgan.bracket import Case, above, below, bracket, distances, steepest

STEPS = 120


@pytest.fixture(scope="module")
def case():
    return Case.of(40)


@pytest.fixture(scope="module")
def low(case):
    return below(case, STEPS)


@pytest.fixture(scope="module")
def high(case):
    return above(case, STEPS)


def test_the_value_is_that_of_the_best_assignment(case):
    costs = np.linalg.norm(case.x.numpy()[:, None] - case.y.numpy(), axis=2)
    assert case.value == pytest.approx(costs[linear_sum_assignment(costs)].mean(), rel=1e-9)


def test_the_bounds_hold_at_every_step_and_close(case, low, high):
    assert len(low.estimates) == len(high.sums) == STEPS + 1
    assert max(low.estimates) <= case.value * (1 + 1e-9)
    assert min(high.sums) >= case.value * (1 - 1e-9)
    assert low.estimates[-1] > 0.95 * case.value > low.estimates[0]
    assert high.sums[-1] < 1.01 * case.value < high.sums[0]


def test_the_critic_has_no_steeper_chord_than_one(case, low):
    assert 0.9 < steepest(low.critic, case) <= 1 + 1e-9


def test_the_encoders_parts_are_its_mean_distance_and_the_w1_of_what_is_made(case, high):
    """W1 again by `transport` between weighted points, instead of by the matrix."""
    law = high.encoder
    torch.testing.assert_close(law.sum(1), torch.ones(40, dtype=torch.float64))
    assert high.costs[-1] == pytest.approx(float((law * distances(case.x, case.y)).sum() / 40), rel=1e-9)
    again = transport(case.y, case.y, "euclidean", a=law.mean(0)).value
    assert high.gaps[-1] == pytest.approx(float(again), rel=1e-6)


def test_a_short_run_draws_its_picture_and_leaves_the_global_generator():
    before = torch.get_rng_state()
    assert [picture.name for picture in bracket(atoms=12, steps=4).pictures] == ["bracket"]
    assert torch.equal(torch.get_rng_state(), before)
