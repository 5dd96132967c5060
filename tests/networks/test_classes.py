"""Classes as coordinates, and the networks that read them."""

import pytest
import torch
from torch import nn

from remblai.critics import GradientPenalty
from remblai.networks import NETWORKS
from remblai.networks.classes import Classes, Projection, ScaledByClass, beside, conditional, split_points


def test_labels_are_drawn_by_their_shares_and_counted_from_data() -> None:
    classes = Classes((1.0, 2.0, 5.0))
    torch.manual_seed(0)
    shares = torch.bincount(classes.draw(80_000), minlength=3) / 80_000
    assert torch.allclose(shares, torch.tensor([0.125, 0.25, 0.625]), atol=4 * (0.25 / 80_000) ** 0.5)
    classes.count_from(torch.tensor([0, 1, 1, 2]))
    assert classes.shares.tolist() == [0.25, 0.5, 0.25]
    for bad in (1, (0.0, 0.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="classes: expected"):
            Classes(bad)


def test_a_class_is_a_coordinate_of_mean_square_one() -> None:
    classes, z = Classes(4), torch.zeros(8, 3)
    joint = classes.beside(z, torch.arange(8) % 4)
    assert joint.shape == (8, 7)
    assert torch.allclose(joint[:, 3:].square().mean(0), torch.ones(4))
    assert classes.one_hot(torch.tensor([2, -1])).tolist() == [[0, 0, 1, 0], [0, 0, 0, 0]]
    weights = torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    assert classes.one_hot(weights) is weights
    assert beside(None, z, None) is z
    with pytest.raises(ValueError, match="labels: expected one for each row"):
        beside(classes, z, None)


def test_encoders_are_scaled_and_shifted_by_class_and_decoders_have_more_inputs() -> None:
    pair = conditional(NETWORKS["mlp"]((2,), width=4), 3)
    encoder, decoder = pair.encoder(5), pair.decoder(2)
    assert isinstance(encoder, ScaledByClass)
    x, indicators = torch.randn(6, 2), torch.eye(3).repeat(2, 1)
    assert torch.equal(encoder(x, indicators), encoder.body(x))  # before it is trained
    with torch.no_grad():
        encoder.affine.weight.copy_(torch.arange(30.0).reshape(10, 3))
    scale, shift = (indicators @ encoder.affine.weight.T).chunk(2, 1)
    assert torch.allclose(encoder(x, indicators), encoder.body(x) * (1 + scale) + shift)
    assert decoder(torch.randn(6, 5)).shape == (6, 2)


def test_the_projection_is_the_papers_formula() -> None:
    critic = Projection(nn.Linear(2, 4), 4, (2,), 3, outputs=2)
    x, labels = torch.randn(5, 2), torch.tensor([0, 1, 2, 1, 0])
    pairs = torch.cat([x, 7.0 * torch.eye(3)[labels]], 1)
    features = nn.functional.leaky_relu(critic.body(x), 0.2)
    vectors = critic.vectors.weight.T.reshape(3, 2, 4)[labels]
    expected = critic.head(features) + torch.einsum("nof,nf->no", vectors, features)
    assert torch.allclose(critic(pairs), expected, atol=1e-6)


def test_a_penalty_on_the_critic_s_gradient_is_one_on_that_in_the_point() -> None:
    critic = Projection(nn.Linear(2, 4), 4, (2,), 3)
    pairs = torch.cat([torch.randn(5, 2), torch.eye(3)[[0, 1, 2, 1, 0]]], 1)
    moved = pairs.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(moved).sum(), moved)
    assert gradient[:, 2:].abs().max() == 0 < gradient[:, :2].abs().max()
    other = torch.cat([torch.randn(5, 2), pairs[:, 2:]], 1)
    torch.manual_seed(0)
    penalty = GradientPenalty(1.0).penalty(lambda t: critic(t)[:, 0], pairs, other)
    torch.manual_seed(0)
    between = torch.lerp(other, pairs, torch.rand(5, 1)).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between)
    assert torch.allclose(penalty, (gradient[:, :2].norm(dim=1) - 1.0).square().mean())


def test_packs_are_split_into_their_points_and_classes() -> None:
    images, classes = torch.randn(4, 2, 3, 3), torch.eye(5)[[0, 1, 2, 3]]
    rows = torch.cat([images.flatten(1), classes], 1)
    points, indicators = split_points(rows.reshape(2, -1), (4, 3, 3), 2)
    assert torch.equal(points, images.reshape(2, 4, 3, 3))
    assert torch.equal(indicators, classes.reshape(2, 10))
