import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from remblai.critics import Clip, GradientPenalty
from remblai.critics.orthogonal import Orthogonal
from remblai.gallery.wgan.ring_critics import CELLS, Case, plane, slopes, through_depth, trained
from remblai.networks.mlp import mlp
from remblai.runtime.rng import seeded


@pytest.fixture(scope="module")
def case():
    return Case.of(100)


def test_the_value_is_that_of_the_best_assignment(case):
    costs = np.linalg.norm(case.x.double().numpy()[:, None] - case.y.double().numpy(), axis=2)
    assert case.value == pytest.approx(costs[linear_sum_assignment(costs)].mean(), rel=1e-9)


def test_slopes_agree_with_differences_along_both_axes():
    with seeded(0):
        critic, points = mlp(2, 1, 16, 2).double(), torch.randn(20, 2, dtype=torch.float64)
    found, values = slopes(critic, points)
    step = 1e-6 * torch.eye(2, dtype=torch.float64)
    with torch.no_grad():
        apart = [(critic(points + side) - critic(points - side)).squeeze(1).numpy() / 2e-6 for side in step]
        np.testing.assert_allclose(values, critic(points).squeeze(1).numpy())
    np.testing.assert_allclose(found, np.hypot(*apart), rtol=1e-6)


def test_the_grid_lies_as_contours_read_it():
    """Row by row from below, the first coordinate running fastest."""
    rows = plane().reshape(CELLS, CELLS, 2)
    assert (rows[0, 1:, 0] > rows[0, :-1, 0]).all()
    assert (rows[1:, 0, 1] > rows[:-1, 0, 1]).all()
    assert (rows[0, :, 1] == rows[0, 0, 1]).all()


def test_a_clipped_critic_has_its_weights_at_the_bound_and_an_orthogonal_one_its_slope(case):
    clipped = trained(case, Clip(0.01), 1e-3, 150)
    weights = np.abs(clipped.weights)
    assert weights.max() <= 0.01 + 1e-9
    assert (weights > 0.0098).mean() > 0.5
    orthogonal = trained(case, Orthogonal(), 1e-2, 60)
    assert orthogonal.steepest <= 1 + 1e-5
    assert orthogonal.slopes.max() <= 1 + 1e-5
    assert clipped.estimate / clipped.steepest < orthogonal.estimate < case.value


def test_gradients_vanish_or_explode_with_the_clip_and_stay_with_orthogonal_layers(case):
    tight, loose = through_depth(case, Clip(0.01), 1e-3, 20), through_depth(case, Clip(0.3), 1e-2, 60)
    sorting = through_depth(case, Orthogonal(), 1e-3, 10)
    assert tight[-1] == loose[-1] == sorting[-1] == 1.0
    assert tight[0] < 1e-6
    assert loose[0] > 100
    np.testing.assert_allclose(sorting, np.ones(12), atol=1e-5)


def test_the_penalty_holds_slopes_on_segments(case):
    found = trained(case, GradientPenalty(), 1e-2, 100).slopes
    assert 0.8 < found.mean() < 1.2
