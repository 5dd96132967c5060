"""Regularisers of the decoder against Jacobians and singular values taken directly."""

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from remblai.costs import Square
from remblai.laws import DECODERS, ENCODERS, PRIORS
from remblai.networks import NETWORKS
from remblai.networks.classes import Classes, Given
from remblai.objectives import AutoEncoder
from remblai.objectives.regularisers import (
    REGULARISERS,
    Gradient,
    Regulariser,
    SpectralNorm,
    WeightDecay,
)
from remblai.runs.load import eval_copy
from remblai.training import State, steps


def model(regulariser: Regulariser, shape: tuple[int, ...] = (2,), network: str = "mlp") -> AutoEncoder:
    torch.manual_seed(0)
    prior, nets = PRIORS["normal"](latent=3), NETWORKS[network](shape=shape, width=8)
    encoder = ENCODERS["deterministic"](network=nets, prior=prior)
    decoder = DECODERS["deterministic"](network=nets, range=None, latent=3)
    return AutoEncoder(encoder, decoder, prior, Square(), regulariser=regulariser, regulariser_weight=0.5)


def test_weight_decay_is_the_sum_of_squared_weights_without_biases() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    expected = net[0].weight.square().sum().item()  # type: ignore[union-attr,operator]
    assert WeightDecay()(net, torch.zeros(1, 2)).item() == pytest.approx(expected)


def test_the_gradient_is_the_jacobians_norm_on_average_over_signs() -> None:
    one, x = model(Gradient()), torch.randn(5, 2)
    z = one.encode(x).z
    jacobians = [torch.autograd.functional.jacobian(lambda c: one.decoder(c[None]).mean[0], c) for c in z]
    expected = torch.stack([jacobian.square().sum() for jacobian in jacobians]).mean().item()
    draws = torch.stack([Gradient()(one.decoder, z) for _ in range(300)])
    error = draws.std().item() / len(draws) ** 0.5
    assert abs(draws.mean().item() - expected) < 4 * error


def test_the_batch_statistics_of_the_decoder_move_once_a_step() -> None:
    one, other = model(Gradient(), (3, 17, 19), "dcgan"), model(WeightDecay(), (3, 17, 19), "dcgan")
    x = torch.rand(6, 3, 17, 19)
    one(x), other(x)
    buffers = dict(other.decoder.named_buffers())
    assert buffers
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in one.decoder.named_buffers())


@pytest.mark.parametrize("name", REGULARISERS)
def test_compiled_equals_eager(name: str) -> None:
    one, x, found = model(REGULARISERS[name]()).eval(), torch.randn(8, 2), []
    for call in (torch.compile(one.forward, backend="aot_eager"), one):
        torch.manual_seed(0)
        gradients = torch.autograd.grad(sum(call(x).values()), list(one.parameters()))
        found.append(gradients)
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_on_one_output_the_gradient_is_exact_and_its_own_gradient_a_finite_difference() -> None:
    one = model(Gradient(), shape=(1,)).double()
    one.decoder.body = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    net = one.decoder.body
    z = torch.randn(6, 3, dtype=torch.float64)
    weight = net[0].weight

    def value() -> torch.Tensor:
        return Gradient()(one.decoder, z)

    (slope,) = torch.autograd.grad(value(), weight)
    way = torch.randn_like(weight)
    with torch.no_grad():
        weight += 1e-5 * way
    high = value().item()
    with torch.no_grad():
        weight -= 2e-5 * way
    assert (slope * way).sum().item() == pytest.approx((high - value().item()) / 2e-5, rel=1e-5)


@pytest.mark.parametrize(("shape", "network"), [((2,), "mlp"), ((3, 17, 19), "dcgan")])
def test_under_the_spectral_norm_every_layer_of_the_decoder_has_norm_1(shape: tuple[int, ...], network: str) -> None:
    one = model(SpectralNorm(), shape, network)
    kinds = (nn.Linear, nn.ConvTranspose2d)
    layers = [layer for layer in one.decoder.modules() if isinstance(layer, kinds)]
    assert len(layers) > 2
    for layer in layers:
        norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item()
        assert norm == pytest.approx(1.0, rel=0.05)
    assert not any("parametrizations" in name for name, _ in one.encoder.named_parameters())
    assert set(one(torch.rand(4, *shape))) == {"transport"}


def test_averaged_weights_are_shown_under_their_own_spectral_norm() -> None:
    """The average of singular vectors is none: it is shorter, and the weights it divides come out too large."""
    one = model(SpectralNorm())
    state = State(one, lr=1e-2, average=0.99, steps=60, batch_size=20)
    for _ in steps(state, itertools.repeat(torch.randn(20, 2))):
        pass
    assert state.average is not None
    model_shown = eval_copy(one, state.average.values)
    for layer in model_shown.decoder.modules():
        if isinstance(layer, nn.Linear):
            assert torch.linalg.matrix_norm(layer.weight.detach(), 2).item() == pytest.approx(1.0, abs=1e-3)


def test_singular_vectors_advance_while_training_only() -> None:
    one, x = model(SpectralNorm()), torch.randn(4, 2)
    with torch.no_grad():
        for parameter in one.decoder.parameters():
            parameter.add_(torch.randn_like(parameter))
    before = {name: buffer.clone() for name, buffer in one.decoder.named_buffers()}
    one.eval()(x)
    assert all(torch.equal(buffer, before[name]) for name, buffer in one.decoder.named_buffers())
    one.train()(x)
    assert all(not torch.equal(buffer, before[name]) for name, buffer in one.decoder.named_buffers())


@pytest.mark.parametrize("name", REGULARISERS)
def test_the_term_carries_its_weight_and_reaches_the_decoder(name: str) -> None:
    one, x = model(REGULARISERS[name]()), torch.randn(4, 2)
    torch.manual_seed(1)
    terms = one(x)
    assert one.weights()["regulariser"] == 0.5
    if name == "spectral":
        assert "regulariser" not in terms
        return
    torch.manual_seed(1)
    z = one.encode(x).z
    raw = one.regulariser(one.decoder, z)  # type: ignore[misc]
    assert terms["regulariser"].item() == pytest.approx(0.5 * raw.item())  # type: ignore[union-attr]
    terms["regulariser"].backward()
    slopes = [parameter.grad for name, parameter in one.decoder.named_parameters() if name.endswith("0.weight")]
    assert all(slope is not None and slope.abs().sum() > 0 for slope in slopes)


def test_the_class_is_no_coordinate_of_the_code() -> None:
    torch.manual_seed(0)
    decoder, z = Linear(6, 3), torch.randn(50, 2)
    given = Given(decoder, Classes(4), torch.arange(50) % 4)
    found = [float(Gradient()(given, z)) for _ in range(200)]
    assert np.mean(found) == pytest.approx(float(decoder.layer.weight[:, :2].square().sum()), rel=0.1)
    assert float(WeightDecay()(given, z)) == pytest.approx(float(WeightDecay()(decoder, z)))


class Linear(nn.Module):
    """A linear decoder, as a law."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, z: Tensor) -> Any:
        return SimpleNamespace(mean=self.layer(z))
