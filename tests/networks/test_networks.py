"""What every network of the table must do."""

import inspect

import pytest
import torch
from docstring_parser import parse

from remblai.networks import NETWORKS

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 13, 17), (4, 31, 31)]
CASES = [("mlp", shape) for shape in [*SHAPES, (2,), (7,)]]
CASES += [(name, shape) for name in ("dcgan", "resnet") for shape in SHAPES]
CASES += [("auto", (1, 28, 28)), ("auto", (1, 8, 8)), ("auto", (2,))]
CASES += [("wae", (1, 28, 28)), ("wae", (3, 64, 64))]


def build(name, shape):
    torch.manual_seed(0)
    return NETWORKS[name](shape, width=8)


def test_every_network_of_the_table_is_tested():
    assert {name for name, _ in CASES} == set(NETWORKS)


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


@pytest.mark.parametrize("name", NETWORKS)
def test_each_build_draws_fresh_weights(name):
    network = build(name, (1, 28, 28))
    first, second = network.encoder(3), network.encoder(3)
    assert not torch.equal(next(first.parameters()), next(second.parameters()))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_option_is_documented(name):
    told = {p.arg_name for p in parse(inspect.getdoc(NETWORKS[name])).params}
    assert set(inspect.signature(NETWORKS[name]).parameters) <= told


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"mlp", "auto"}))
def test_points_point_to_the_mlp(name):
    with pytest.raises(ValueError, match="use the network 'mlp'"):
        NETWORKS[name]((2,))
