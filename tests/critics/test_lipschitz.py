import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from remblai.config.registry import make
from remblai.critics import LIPSCHITZ, Adversarial, Clip, Free, GradientPenalty, Hinge, Kantorovich, Spectral
from remblai.critics.lipschitz import R1
from remblai.networks.convolutions import connected


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))


def linear(*weights):
    layer = nn.Linear(len(weights), 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
    return layer


def test_free_does_nothing():
    critic = network()
    before = copy.deepcopy(critic.state_dict())
    Free().prepare(critic)
    Free().project(critic)
    assert Free().penalty(critic, torch.zeros(2, 3), torch.zeros(2, 3)) == 0.0
    assert all(torch.equal(before[name], value) for name, value in critic.state_dict().items())


def test_clip_cuts_every_parameter_and_nothing_else():
    critic = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    before = copy.deepcopy(critic)
    Clip(0.05).project(critic)
    for old, new in zip(before.parameters(), critic.parameters(), strict=True):
        torch.testing.assert_close(new, old.clamp(-0.05, 0.05))
        assert new.requires_grad
    assert torch.equal(critic[1].running_var, before[1].running_var)


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("weights", [(3.0, 4.0), (0.3, 0.4)])
def test_penalty_of_a_linear_critic_is_known(weights, one_sided):
    """The slope of w . x is |w| everywhere."""
    critic, slope = linear(*weights), math.hypot(*weights)
    excess = max(0.0, slope - 1) if one_sided else slope - 1
    found = GradientPenalty(10.0, one_sided).penalty(critic, torch.randn(6, 2), torch.randn(4, 2))
    assert float(found.detach()) == pytest.approx(10 * excess**2, rel=1e-5)
    found.backward()
    expected = 20 * excess * critic.weight.detach() / slope
    torch.testing.assert_close(critic.weight.grad, expected, rtol=1e-4, atol=1e-5)


def test_each_point_has_its_own_norm_over_all_of_its_entries():
    """f(x) = sum of x_i^2 / 2 has slope |x|; with P = Q the segments are the points themselves."""
    x = torch.randn(7, 1, 4, 4)
    found = GradientPenalty(1.0).penalty(lambda z: z.square().flatten(1).sum(1) / 2, x, x)
    torch.testing.assert_close(found, (x.flatten(1).norm(dim=1) - 1).square().mean())


def test_points_lie_on_segments_each_at_its_own_place():
    seen = []

    def score(z):
        seen.append(z.detach())
        return z.sum(1)

    x, y = torch.zeros(200, 2), torch.tensor([1.0, 2.0]).expand(200, 2)
    GradientPenalty().penalty(score, x, y)
    places = seen[0][:, 0]
    torch.testing.assert_close(seen[0][:, 1], 2 * places)
    assert ((places >= 0) & (places <= 1)).all()
    assert places.unique().numel() > 190
    assert 0.4 < float(places.mean()) < 0.6


def test_penalty_reaches_the_critic_only_and_survives_a_flat_score():
    critic, y = network(), torch.randn(5, 3, requires_grad=True)
    GradientPenalty().penalty(critic, torch.randn(5, 3), y).backward()
    assert y.grad is None
    flat = linear(0.0, 0.0)
    GradientPenalty().penalty(flat, torch.randn(5, 2), torch.randn(5, 2)).backward()
    assert torch.isfinite(flat.weight.grad).all()


@pytest.mark.parametrize("held", [GradientPenalty(), R1()])
def test_penalties_refuse_batch_normalisation_when_built(held):
    critic = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    with pytest.raises(ValueError, match=r"BatchNorm1d at 1: use layer"):
        Adversarial(critic, Kantorovich(), held)
    nested = nn.Sequential(nn.Flatten(), nn.Sequential(*connected("batch", 3, 4)), nn.Linear(4, 1))
    with pytest.raises(ValueError, match=r"BatchNorm1d at 1\.1: use layer"):
        Adversarial(nested, Kantorovich(), held)
    parametrised = nn.Sequential(nn.Linear(3, 4), nn.SyncBatchNorm(4), nn.Linear(4, 1))
    weight_norm(parametrised[0])
    with pytest.raises(ValueError, match=r"SyncBatchNorm at 1: use layer"):
        Adversarial(parametrised, Kantorovich(), held)
    Adversarial(nn.Sequential(*connected("group", 3, 4), nn.Linear(4, 1)), Kantorovich(), held)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.RMSNorm(4)])
def test_the_spectral_norm_refuses_layers_that_undo_it(layer):
    with pytest.raises(ValueError, match=f"without normalisation, got {type(layer).__name__} at 1: it undoes"):
        Adversarial(nn.Sequential(nn.Linear(3, 4), layer, nn.Linear(4, 1)), Hinge(), Spectral())


def test_r1_of_a_known_score_is_half_of_its_mean_squared_slope_at_the_data():
    """f(x) = scale |x|^2 / 2 has the gradient scale x."""
    scale = torch.tensor(3.0, requires_grad=True)
    x, y = torch.randn(7, 1, 4, 4), torch.full((5, 1, 4, 4), torch.nan)
    found = R1(10.0).penalty(lambda z: scale * z.square().flatten(1).sum(1) / 2, x, y)
    squares = x.square().flatten(1).sum(1).mean()
    torch.testing.assert_close(found.detach(), 5.0 * 9.0 * squares)
    (slope,) = torch.autograd.grad(found, scale)
    torch.testing.assert_close(slope, 5.0 * 2.0 * 3.0 * squares)


def test_r1_reaches_the_critic_only():
    critic, x = network(), torch.randn(5, 3, requires_grad=True)
    R1().penalty(critic, x, torch.randn(5, 3)).backward()
    assert x.grad is None
    assert all(p.grad is not None for name, p in critic.named_parameters() if name.endswith("weight"))


def spectral():
    critic = network()
    Spectral().prepare(critic)
    return critic


def test_spectral_layers_have_norm_one():
    for layer in spectral():
        if isinstance(layer, nn.Linear):
            assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(1.0, abs=1e-3)


def test_spectral_critic_has_slopes_of_at_most_one():
    critic, x = spectral(), torch.randn(2000, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    assert slope.norm(dim=1).max() <= 1.001


def test_spectral_convolution_is_taken_as_a_matrix():
    critic = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Flatten(), nn.Linear(5, 1))
    Spectral().prepare(critic)
    assert float(torch.linalg.matrix_norm(critic[0].weight.detach().flatten(1), 2)) == pytest.approx(1.0, abs=1e-3)


def test_spectral_moves_in_projection_only_and_follows_the_weights():
    critic = spectral()
    before = copy.deepcopy(dict(critic.named_buffers()))
    critic.train()
    critic(torch.randn(4, 3))
    assert all(torch.equal(before[name], buffer) for name, buffer in critic.named_buffers())
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    for _ in range(30):
        Spectral().project(critic)
    assert any(not torch.equal(before[name], buffer) for name, buffer in critic.named_buffers())
    assert float(torch.linalg.matrix_norm(critic[0].weight.detach(), 2)) == pytest.approx(1.0, abs=1e-3)


def test_spectral_gradient_goes_through_the_norm():
    """W / |W| does not change along W, so that the gradient is orthogonal to W."""
    critic = spectral()
    critic(torch.randn(4, 3)).sum().backward()
    original = critic[0].parametrizations.weight.original
    assert float((original.grad * original).sum().detach()) == pytest.approx(0.0, abs=1e-5)


def test_spectral_state_and_copies():
    critic, other = spectral(), spectral()
    with torch.no_grad():
        critic[0].parametrizations.weight.original.mul_(3.0)
    Spectral().project(critic)
    x = torch.randn(4, 3)
    torch.testing.assert_close(copy.deepcopy(critic)(x), critic(x))
    other.load_state_dict(critic.state_dict())
    torch.testing.assert_close(other(x), critic(x))


def test_bad_settings_are_refused():
    for bound in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive, finite bound"):
            Clip(bound)
    for weight in (-1.0, math.inf):
        with pytest.raises(ValueError, match="finite weight"):
            GradientPenalty(weight)
        with pytest.raises(ValueError, match="r1: expected a finite weight"):
            R1(weight)
    with pytest.raises(ValueError, match="linear or convolution"):
        Spectral().prepare(nn.ReLU())


@pytest.mark.parametrize("name", list(LIPSCHITZ))
def test_every_constraint_trains_a_critic(name):
    critic, held = network(), make(LIPSCHITZ, name)
    held.prepare(critic)
    held.project(critic)
    x, y = torch.randn(6, 3), torch.randn(6, 3)
    loss = critic(y).mean() - critic(x).mean() + held.penalty(lambda z: critic(z).squeeze(1), x, y)
    loss.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in list(critic.parameters())[:-1])


def test_a_weight_of_zero_waits_for_its_singular_vectors():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    nn.init.zeros_(critic[2].weight)
    part = Adversarial(critic, Hinge(), Spectral())
    optimiser = torch.optim.SGD(critic.parameters(), 0.1)
    for _ in range(5):
        optimiser.zero_grad()
        loss = part.adversary_loss(torch.randn(20, 3), torch.randn(20, 3) + 1.0)
        loss.backward()
        optimiser.step()
        part.project()
        assert torch.isfinite(loss)
    assert float(torch.linalg.matrix_norm(critic[2].weight, 2)) == pytest.approx(1.0, abs=1e-4)


def test_transposed_convolutions_are_held_too():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.ConvTranspose2d(2, 4, 3), nn.Flatten(), nn.Linear(4 * 25, 1))
    Spectral().prepare(critic)
    assert float(torch.linalg.matrix_norm(critic[0].weight.flatten(1), 2)) == pytest.approx(1.0, abs=0.05)
