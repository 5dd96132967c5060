import numpy as np
import pytest
import torch
from torch import nn

from remblai.critics import Adversarial, Clip, Kantorovich, Logistic
from remblai.gallery.wgan.vanishing import LAWS, PLAYERS, SHIFT, at_best, followed, gradients, heard, vanishing


def line(slope, offset):
    critic = nn.Linear(1, 1).double()
    with torch.no_grad():
        critic.weight.fill_(slope)
        critic.bias.fill_(offset)
    return critic


def points(n=2000):
    torch.manual_seed(0)
    return torch.randn(n, 1, dtype=torch.float64), SHIFT + torch.randn(n, 1, dtype=torch.float64)


def test_gradients_are_those_of_each_point_alone():
    """The saturating loss log(1 - sigmoid(s y + b)) has the slope -s sigmoid(s y + b), and -f the slope -s."""
    x, y = points(50)
    found = gradients(Adversarial(line(-0.7, 3.0), Logistic(saturating=True)), x, y)
    torch.testing.assert_close(found, 0.7 * torch.sigmoid(3.0 - 0.7 * y))
    torch.testing.assert_close(gradients(Adversarial(line(-0.7, 3.0), Kantorovich()), x, y), torch.full_like(y, 0.7))


def test_the_best_discriminators_gradient_is_a_mean_over_the_model():
    """D* of two unit Gaussians has the logit SHIFT (SHIFT / 2 - y); 4e6 draws against the quadrature."""
    y = SHIFT + np.random.default_rng(0).standard_normal(4_000_000)
    slopes = SHIFT / (1 + np.exp(SHIFT * (y - SHIFT / 2)))
    assert at_best() == pytest.approx(slopes.mean(), abs=4 * slopes.std() / 2000)
    x, y = points()
    best = Adversarial(line(-SHIFT, SHIFT**2 / 2), Logistic(saturating=True))
    assert heard(best, x, y) < 1e-2


def test_a_critics_slope_is_measured_over_its_own_constant():
    x, y = points(50)
    assert heard(
        Adversarial(line(1e-4, 0.0).float(), Kantorovich(), Clip(0.01)), x.float(), y.float()
    ) == pytest.approx(1)


@pytest.mark.parametrize("name", list(LAWS))
def test_on_the_way_the_discriminators_gradient_falls_and_the_critics_does_not(name):
    discriminator, clipped, orthogonal = (followed(player, LAWS[name], 80) for player in PLAYERS)
    assert discriminator.gradients[-1] < 0.2 * max(discriminator.gradients)
    assert clipped.gradients[-1] > 0.3
    assert 0.9 < orthogonal.gradients[-1] <= 1 + 1e-5


def test_a_short_run_draws_its_picture_and_leaves_the_global_generator():
    before = torch.get_rng_state()
    assert [picture.name for picture in vanishing(steps=4).pictures] == ["vanishing"]
    assert torch.equal(torch.get_rng_state(), before)
