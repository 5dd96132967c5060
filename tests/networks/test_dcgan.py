from itertools import count, islice

import pytest
import torch
from torch import Tensor

from remblai.networks.dcgan import dcgan, generator
from remblai.recipes import ae
from remblai.training import State, steps


@pytest.mark.parametrize(
    ("hidden", "into", "out_of"),
    [
        (0, 9 * 128 * 8 + 8, 8 * 9 * 128),
        (256, 9 * 128 * 256 + 2 * 256 + 256 * 8 + 8, 8 * 256 + 2 * 256 + 256 * 9 * 128),
    ],
)
def test_weights_counted_by_hand(hidden, into, out_of):
    net = dcgan((1, 28, 28), width=32, hidden=hidden)
    stages = 16 * (1 * 32 + 32 * 64 + 64 * 128)
    encoder = stages + 2 * (32 + 64 + 128) + into
    decoder = out_of + stages + 2 * (128 + 64 + 32) + 1
    assert sum(p.numel() for p in net.encoder(8).parameters()) == encoder
    assert sum(p.numel() for p in net.decoder(8).parameters()) == decoder


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 3, 2), (5, 4, 40), (1, 96, 33)])
@pytest.mark.parametrize("norm", ["batch", "group", "none"])
@pytest.mark.parametrize("hidden", [0, 5])
def test_odd_and_oblong_images_come_back(shape, norm, hidden):
    net = dcgan(shape, width=4, norm=norm, hidden=hidden)
    x = torch.rand(3, *shape)
    assert net.decoder(2)(net.encoder(2)(x)).shape == x.shape


def test_group_norm_does_not_mix_images():
    torch.manual_seed(0)
    encoder = dcgan((1, 16, 16), width=8, norm="group").encoder(3)
    x = torch.rand(6, 1, 16, 16)
    torch.testing.assert_close(encoder(x)[:2], encoder(x[:2]))


def test_unknown_options_are_refused_before_a_module_is_built():
    with pytest.raises(ValueError, match="expected norm"):
        dcgan((1, 8, 8), norm="layer")
    with pytest.raises(ValueError, match="expected init"):
        dcgan((1, 8, 8), init="zeros")
    with pytest.raises(ValueError, match="hidden >= 0"):
        dcgan((1, 8, 8), hidden=-1)
    with pytest.raises(ValueError, match="width >= 1"):
        dcgan((1, 8, 8), width=0)


def test_a_generator_has_no_fully_connected_hidden_layer():
    """With one, samples of `gan` on MNIST are one picture."""
    linear = [layer for layer in generator((1, 28, 28), 4).decoder(3).modules() if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(3, 16 * 9)]


def spots(n: int, seed: int) -> Tensor:
    """Images (n, 3, 16, 16) whose channels show a bright spot each, at places of their own."""
    draws = torch.Generator().manual_seed(seed)
    rows, columns = (torch.rand(2, n, 3, 1, generator=draws) * 10 + 3).expand(2, n, 3, 16)
    side = torch.arange(16.0)
    return torch.exp(-((side - rows).square()[..., None] + (side - columns).square()[..., None, :]) / 8)


@pytest.mark.parametrize(("contrasts", "low", "high"), [(True, 0.0, 0.6), (False, 0.95, 1.05)])
def test_channels_that_share_nothing_are_learned_in_contrasts_and_in_grey_without(contrasts, low, high):
    torch.manual_seed(0)
    network = {"name": "dcgan", "width": 16, "contrasts": contrasts}
    model = ae(shape=(3, 16, 16), network=network, latent=8)
    for _ in islice(steps(State(model, lr=2e-3), (spots(50, seed) for seed in count())), 120):
        pass
    x, model = spots(300, 10**6), model.eval()
    with torch.no_grad():
        error = model.decode(model.encode(x).law.mean) - x
    differing = [(values - values.mean(1, keepdim=True)).square().mean() for values in (error, x)]
    assert low <= float(differing[0] / differing[1]) < high
