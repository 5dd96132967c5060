"""What every network of the table must do."""

import inspect

import pytest
import torch
from docstring_parser import parse

from remblai.networks import GENERATORS, NETWORKS

FACTORIES = NETWORKS | {f"{name} of a generator": it for name, it in GENERATORS.items() if it is not NETWORKS[name]}
SHAPES = [(1, 28, 28), (1, 8, 8), (3, 13, 17), (4, 31, 31), (3, 64, 64), (2,), (7,)]


def build(name, shape):
    torch.manual_seed(0)
    narrow = {"width": 8} if "width" in inspect.signature(FACTORIES[name]).parameters else {}
    return FACTORIES[name](shape, **narrow)


def accepts(name, shape):
    try:
        build(name, shape)
    except ValueError:
        return False
    return True


CASES = [(name, shape) for name in FACTORIES for shape in SHAPES if accepts(name, shape)]


def test_each_accepts_digits_and_those_of_any_size_every_image():
    accepted = {name: [shape for other, shape in CASES if other == name] for name in FACTORIES}
    assert all(SHAPES[0] in shapes for shapes in accepted.values())
    assert accepted["mlp"] == accepted["auto"] == accepted["auto of a generator"] == SHAPES
    assert accepted["dcgan"] == accepted["dcgan of a generator"] == accepted["resnet"] == SHAPES[:5]
    assert accepted["wae"] == [(1, 28, 28), (3, 64, 64)]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_there_and_back(name, shape):
    network = build(name, shape)
    x = torch.rand(4, *shape)
    encoder, decoder = network.encoder(3), network.decoder(3)
    z = encoder(x)
    y = decoder(z)
    assert network.shape == shape
    assert z.shape == (4, 3)
    assert y.shape == x.shape
    (y - x).square().sum().backward()
    for parameter in [*encoder.parameters(), *decoder.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    assert any(p.grad.any() for p in encoder.parameters())


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_evaluation_is_deterministic_takes_one_point_and_survives_saving(name, shape):
    network, x = build(name, shape), torch.rand(4, *shape)
    for one, other, given in [
        (network.encoder(3), network.encoder(3), x),
        (network.decoder(3), network.decoder(3), torch.randn(4, 3)),
    ]:
        one(given)  # moves the batch statistics, which must be saved too
        one.eval(), other.eval()
        torch.testing.assert_close(one(given), one(given), rtol=0, atol=0)
        torch.testing.assert_close(one(given[:1]), one(given)[:1], rtol=1e-4, atol=1e-5)
        other.load_state_dict(one.state_dict())
        torch.testing.assert_close(one(given), other(given), rtol=0, atol=0)


@pytest.mark.parametrize(("name", "shape"), [case for case in CASES if len(case[1]) == 3])
def test_channels_last_gives_the_same(name, shape):
    network, x = build(name, shape), torch.rand(4, *shape)
    encoder, decoder = network.encoder(3).eval(), network.decoder(3).eval()
    plain = decoder(encoder(x))
    encoder, decoder = (module.to(memory_format=torch.channels_last) for module in (encoder, decoder))
    last = decoder(encoder(x.contiguous(memory_format=torch.channels_last)))
    torch.testing.assert_close(last, plain, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", FACTORIES)
def test_each_build_draws_fresh_weights(name):
    network = build(name, (1, 28, 28))
    first, second = network.encoder(3), network.encoder(3)
    assert not torch.equal(next(first.parameters()), next(second.parameters()))


@pytest.mark.parametrize("name", FACTORIES)
def test_every_option_is_documented(name):
    documented = {p.arg_name for p in parse(inspect.getdoc(FACTORIES[name])).params}
    assert set(inspect.signature(FACTORIES[name]).parameters) <= documented


@pytest.mark.parametrize("name", [name for name in FACTORIES if (name, (2,)) not in CASES])
def test_points_point_to_the_mlp(name):
    with pytest.raises(ValueError, match="use the network 'mlp'"):
        FACTORIES[name]((2,))
