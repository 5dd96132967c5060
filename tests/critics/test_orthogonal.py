import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from scipy.optimize import linear_sum_assignment
from torch import nn
from torch.nn.functional import pdist

from remblai.critics import Adversarial, Kantorovich
from remblai.critics.orthogonal import GroupSort, Householder, Orthogonal, Orthonormal, patches
from remblai.networks.mlp import mlp

ACTIVATIONS = ["group-sort", "householder"]
TRANSPOSED = nn.ConvTranspose2d(1, 2, 3)


def steepest(critic, shape, n=60):
    """The largest |f(x) - f(y)| / |x - y| over far and near pairs, and the largest gradient."""
    x = torch.cat([scale * torch.randn(n, *shape, dtype=torch.float64) for scale in (0.1, 1.0, 10.0)])
    x = torch.cat([x, x + 1e-3 * torch.randn_like(x)]).requires_grad_()
    scores = critic(x).squeeze(1)
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    chords = pdist(scores.detach()[:, None]) / pdist(x.detach().flatten(1))
    return max(float(chords.max()), float(gradient.flatten(1).norm(dim=1).max()))


def shaken(critic, activation):
    """A held critic whose stored weights and angles were then moved far, without being projected."""
    Orthogonal(activation).prepare(critic)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.add_(torch.randn_like(parameter))
    return critic


def plain():
    torch.manual_seed(0)
    return mlp(2, 1, width=7, depth=3).double()


def convolutional():
    torch.manual_seed(0)
    stages = [nn.Conv2d(3, 5, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(5, 8, 3, 1, 1), nn.ReLU()]
    last = [nn.Conv2d(8, 6, 3, 2, groups=2), nn.Sequential(nn.ReLU(), nn.Flatten())]
    return nn.Sequential(*stages, *last, nn.Linear(6 * 2 * 2, 9), nn.ELU(), nn.Linear(9, 1)).double()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("build", "shape"), [(plain, (2,)), (convolutional, (3, 11, 11))])
def test_no_slope_is_above_one_whatever_the_weights(build, shape, activation):
    critic = shaken(build(), activation)
    assert steepest(critic, shape) <= 1.0 + 1e-12


@pytest.mark.parametrize("activation", ACTIVATIONS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 3), st.integers(0, 100))
def test_networks_of_any_widths_keep_the_bound_and_layers_that_narrow_keep_the_slope(
    activation, inputs, width, depth, seed
):
    torch.manual_seed(seed)
    critic = shaken(mlp(inputs, 1, width, depth).double(), activation)
    assert steepest(critic, (inputs,), n=10) <= 1.0 + 1e-9
    if inputs >= width:
        x = torch.randn(5, inputs, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(critic(x).sum(), x)
        torch.testing.assert_close(gradient.norm(dim=1), torch.ones(5, dtype=torch.float64))


@pytest.mark.parametrize(("out", "inner"), [(5, 3), (3, 5), (4, 4), (1, 6), (6, 1)])
def test_weights_have_orthonormal_rows_or_columns(out, inner):
    torch.manual_seed(0)
    layer = nn.Linear(inner, out).double()
    weight = Orthonormal(layer)(torch.randn(out, inner, dtype=torch.float64))
    small = weight @ weight.T if out <= inner else weight.T @ weight
    torch.testing.assert_close(small, torch.eye(min(out, inner), dtype=torch.float64))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.sampled_from([1, 2]))
def test_convolutions_have_norm_of_at_most_one_as_maps(kernel, stride, dilation, padding, groups):
    torch.manual_seed(0)
    layer = nn.Conv1d(4, 6, kernel, stride, padding, dilation, groups, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(Orthonormal(layer)(layer.weight))
        basis = torch.eye(4 * 13, dtype=torch.float64).reshape(-1, 4, 13)
        found = float(torch.linalg.matrix_norm(layer(basis).flatten(1), 2))
    assert found <= 1.0 + 1e-12
    covered = torch.zeros(200)
    for start in range(0, 200 - dilation * (kernel - 1), stride):
        covered[start : start + dilation * (kernel - 1) + 1 : dilation] += 1
    assert patches(layer) == int(covered.max())


def test_convolution_without_overlap_keeps_the_length():
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 8, 2, 2, bias=False).double()
    Orthogonal().prepare(nn.Sequential(layer, nn.Flatten()))
    x = torch.randn(3, 2, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x).flatten(1).norm(dim=1), x.flatten(1).norm(dim=1))


def test_group_sort_sorts_pairs_and_leaves_the_odd_one():
    x = torch.tensor([[3.0, 1.0, 2.0, 5.0, -7.0]])
    torch.testing.assert_close(GroupSort()(x), torch.tensor([[3.0, 5.0, 2.0, 1.0, -7.0]]))
    maps = torch.randn(2, 4, 3, 3)
    pairs = torch.stack([maps[:, :2], maps[:, 2:]]).sort(dim=0, descending=True).values
    torch.testing.assert_close(GroupSort()(maps), torch.cat([pairs[0], pairs[1]], 1))


def test_householder_starts_as_group_sort_and_reflects_at_its_line():
    x = torch.randn(50, 5, 2, dtype=torch.float64)
    layer = Householder(5).double()
    torch.testing.assert_close(layer(x), GroupSort()(x), atol=1e-6, rtol=1e-6)
    with torch.no_grad():
        layer.angle.copy_(torch.tensor([0.4, -2.5], dtype=torch.float64))
    found = layer(x)
    for pair, angle in enumerate((0.4, -2.5)):
        axis = np.array([math.sin(angle / 2), -math.cos(angle / 2)])
        for before, after in zip(
            x[:, [pair, pair + 2]].numpy(), found[:, [pair, pair + 2]].detach().numpy(), strict=True
        ):
            mirrored = before - 2 * np.outer(axis, axis) @ before
            np.testing.assert_allclose(after, np.where(axis @ before > 0, before, mirrored), atol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_continuous_and_keep_the_gradients_length(activation):
    x = torch.randn(200, 6, dtype=torch.float64, requires_grad=True)
    layer = GroupSort() if activation == "group-sort" else Householder(6).double()
    back = torch.randn(200, 6, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(layer(x), x, back)
    torch.testing.assert_close(gradient.norm(dim=1), back.norm(dim=1))
    moved = layer(x + 1e-6 * back) - layer(x)
    assert (moved.norm(dim=1) <= 1e-6 * back.norm(dim=1) * (1 + 1e-6)).all()


def test_projection_changes_no_answer_and_stores_what_the_layer_uses():
    critic, x = shaken(convolutional(), "householder"), torch.randn(4, 3, 11, 11, dtype=torch.float64)
    before = critic(x).detach()
    Orthogonal("householder").project(critic)
    torch.testing.assert_close(critic(x).detach(), before)
    stored = critic[0].parametrizations.weight.original
    assert stored.shape == (5, 3, 4, 4)
    torch.testing.assert_close(stored, critic[0].weight)


def test_gradients_reach_every_weight_and_turn_it_only():
    """Along the stored orthonormal weight itself the answer does not change."""
    critic, x = shaken(plain(), "householder"), torch.randn(30, 2, dtype=torch.float64)
    Orthogonal("householder").project(critic)
    critic(x).square().sum().backward()
    assert all(float(p.grad.abs().max()) > 0 for p in critic.parameters())
    stored = critic[0].parametrizations.weight.original
    assert float((stored.grad * stored).sum().detach()) == pytest.approx(0.0, abs=1e-9)


def test_layers_that_start_at_zero_are_held_and_learn():
    critic = mlp(2, 1, width=4)
    for parameter in critic.parameters():
        nn.init.zeros_(parameter)
    part = Adversarial(critic, Kantorovich(), Orthogonal())
    part.adversary_loss(torch.randn(8, 2), torch.randn(8, 2) + 1).backward()
    assert all(torch.isfinite(p.grad).all() for p in critic.parameters())
    assert steepest(critic.double(), (2,)) <= 1.0 + 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_state_and_copies_and_files(activation, tmp_path):
    critic, other = shaken(convolutional(), activation), convolutional()
    Orthogonal(activation).prepare(other)
    x = torch.randn(2, 3, 11, 11, dtype=torch.float64)
    torch.testing.assert_close(copy.deepcopy(critic)(x), critic(x))
    save_file(critic.state_dict(), tmp_path / "critic.safetensors")
    other.load_state_dict(load_file(tmp_path / "critic.safetensors"))
    torch.testing.assert_close(other(x), critic(x))


def test_weights_stay_orthonormal_under_half_precision():
    critic = mlp(2, 1, width=16)
    Orthogonal().prepare(critic)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        weight = critic[2].weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(16), atol=1e-5, rtol=0)


def shifted():
    torch.manual_seed(0)
    return torch.randn(64, 2), 0.5 * torch.randn(64, 2) + torch.tensor([1.5, 0.0])


def ring():
    """Eight clusters around one: the critic must fold its slope in every direction."""
    torch.manual_seed(0)
    angle = torch.arange(48) * (2 * math.pi / 8)
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(48, 2), 0.5 * torch.randn(48, 2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("points", "width", "share"), [(shifted, 32, 0.98), (ring, 64, 0.97)])
def test_trained_critic_finds_w1_from_below(points, width, share, activation):
    """On the ring the same critic with the biases that `mlp` draws ends at 0.91 to 0.94 of W1."""
    x, y = points()
    costs = torch.cdist(x.double(), y.double()).numpy()
    exact = float(costs[linear_sum_assignment(costs)].mean())
    part = Adversarial(mlp(2, 1, width, depth=2), Kantorovich(), Orthogonal(activation))
    optimiser = torch.optim.Adam(part.parameters(), lr=1e-2)
    for step in range(150):
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 - step / 150)
        optimiser.zero_grad()
        part.adversary_loss(x, y).backward()
        optimiser.step()
        part.project()
    assert share * exact <= float(part.estimate(x, y)) <= exact * (1 + 1e-5)


def test_biases_start_at_zero_and_are_trained():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 4, 2), nn.Flatten(), *mlp(12, 1, 8))
    Orthogonal().prepare(critic)
    biases = [parameter for name, parameter in critic.named_parameters() if name.endswith("bias")]
    assert len(biases) == 4
    assert all((bias == 0).all() for bias in biases)
    critic(torch.randn(6, 4)).square().sum().backward()
    assert all(bias.grad is not None and bias.grad.abs().sum() > 0 for bias in biases)


@pytest.mark.parametrize(
    ("critic", "message"),
    [
        (nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), "BatchNorm1d at 1"),
        (nn.Sequential(nn.Linear(2, 4), nn.Sequential(nn.LayerNorm(4)), nn.Linear(4, 1)), r"LayerNorm at 1\.0"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)), "MaxPool2d at 1"),
        (nn.Sequential(nn.Linear(2, 1), nn.Dropout()), "Dropout at 1"),
        (nn.Sequential(TRANSPOSED, nn.Conv2d(2, 1, 3)), "ConvTranspose2d at 0"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")), "circular"),
        (nn.ModuleList([nn.Linear(2, 1)]), "ModuleList at its top"),
        (nn.ReLU(), "expected a critic with linear or convolution layers"),
    ],
)
def test_parts_without_a_known_bound_are_refused(critic, message):
    with pytest.raises(ValueError, match=message):
        Orthogonal().prepare(critic)


def test_angles_are_as_precise_as_their_layer():
    critic = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)).double()
    Orthogonal("householder").prepare(critic)
    assert critic[1].angle.dtype == torch.float64


def test_bad_activations_and_places_are_refused():
    with pytest.raises(ValueError, match="group-sort or householder, got 'relu'"):
        Orthogonal("relu")
    with pytest.raises(ValueError, match="before each activation"):
        Orthogonal("householder").prepare(nn.Sequential(nn.ReLU(), nn.Linear(2, 1)))


def test_an_activation_that_stands_twice_is_replaced_twice():
    twice = nn.PReLU(init=3.0)
    critic = nn.Sequential(nn.Linear(2, 8), twice, nn.Linear(8, 8), twice, nn.Linear(8, 1))
    Orthogonal().prepare(critic)
    assert not any(isinstance(part, nn.PReLU) for part in critic.modules())
    x = torch.randn(500, 2)
    with torch.no_grad():
        slopes = (critic(x[:-1]) - critic(x[1:])).abs().squeeze(1) / (x[:-1] - x[1:]).norm(dim=1)
    assert float(slopes.max()) <= 1.0 + 1e-5
