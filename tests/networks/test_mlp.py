import pytest
import torch
from torch import nn

from remblai.networks.mlp import mlp, perceptron


def test_layers_and_weights_counted_by_hand():
    net = mlp(5, 3, width=7, depth=2)
    assert [type(layer).__name__ for layer in net] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert sum(p.numel() for p in net.parameters()) == (5 * 7 + 7) + (7 * 7 + 7) + (7 * 3 + 3)


def test_no_hidden_layer_is_a_linear_map():
    net = mlp(4, 2, depth=0)
    a, b = torch.randn(6, 4), torch.randn(6, 4)
    torch.testing.assert_close(net(a + b), net(a) + net(b))


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.LeakyReLU])
def test_activation_is_the_one_asked_for(activation):
    assert isinstance(mlp(2, 2, activation=activation)[1], activation)


def test_the_start_keeps_the_signal_through_many_layers():
    sizes = []
    for seed in range(5):
        torch.manual_seed(seed)
        with torch.no_grad():
            sizes.append(mlp(256, 256, width=256, depth=20)(torch.randn(500, 256)).square().mean())
    assert 0.5 < torch.stack(sizes).log().mean().exp() < 2.0


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU])
def test_the_start_is_not_homogeneous(activation):
    """From biases at 0 a network of rectifiers would be f(a x) = a f(x), blind to holes about the origin."""
    torch.manual_seed(0)
    net, x = mlp(2, 1, width=64, depth=2, activation=activation), torch.randn(100, 2)
    assert (net(2 * x) - 2 * net(x)).abs().mean() > 0.2 * net(x).abs().mean()


@pytest.mark.parametrize("bad", [{"width": 0}, {"depth": -1}])
def test_bad_sizes_are_refused(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} >= "):
        mlp(2, 2, **bad)
    with pytest.raises(ValueError, match=f"{next(iter(bad))} >= "):
        perceptron((2,), **bad)
    with pytest.raises(ValueError, match="outputs >= 1"):
        mlp(2, 0)


def test_perceptron_takes_points():
    net = perceptron((2,), width=16)
    assert net.encoder(3)(torch.randn(5, 2)).shape == (5, 3)
    assert net.decoder(3)(torch.randn(5, 3)).shape == (5, 2)
