import math

import pytest
import torch
from torch import nn

from remblai.networks.convolutions import Contrasts, Stage, check, halved, normalised, stages, start, to_image


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((28, 28), [(28, 28), (14, 14), (7, 7), (3, 3)]),
        ((64, 64), [(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)]),
        ((8, 8), [(8, 8), (4, 4)]),
        ((13, 17), [(13, 17), (6, 8), (3, 4)]),
        ((4, 40), [(4, 40), (4, 20), (4, 10), (4, 5)]),
        ((2, 2), [(2, 2), (2, 2)]),
        ((5, 5), [(5, 5), (5, 5)]),
    ],
)
def test_sizes_stage_by_stage(size, sizes):
    assert halved(size) == sizes


@pytest.mark.parametrize("height", range(2, 40))
def test_up_undoes_down_for_every_size(height):
    for width in (2, 3, 17, 32):
        steps = stages((1, height, width), 2, 4)
        x = torch.zeros(1, 1, height, width)
        for stage in steps:
            x = stage.down(bias=True)(x)
            assert x.shape[1:] == (stage.outputs, *stage.after)
        for stage in reversed(steps):
            x = stage.up(bias=True)(x)
            assert x.shape[1:] == (stage.inputs, *stage.before)


def test_channels_double_up_to_the_widest():
    assert [stage.outputs for stage in stages((3, 64, 64), 16, widest=50)] == [16, 32, 50, 50]
    assert [stage.outputs for stage in stages((3, 64, 64), 16, widest=4)] == [16] * 4  # never below the width itself


@pytest.mark.parametrize("size", [8, 9])
def test_every_pixel_inside_gets_as_many_taps_so_no_checkerboard(size):
    layer = Stage(1, 1, (size, size), (size // 2, size // 2)).up(bias=False)
    nn.init.ones_(layer.weight)
    inside = layer(torch.ones(1, 1, size // 2, size // 2))[0, 0, 1 : size - 2, 1 : size - 2]
    assert inside.unique().tolist() == [4.0]


@pytest.mark.parametrize("size", [7, 8, 9, 13])
def test_every_pixel_is_seen_on_the_way_down(size):
    x = torch.ones(1, 1, size, size, requires_grad=True)
    layer = Stage(1, 1, (size, size), (size // 2, size // 2)).down(bias=False)
    nn.init.ones_(layer.weight)
    layer(x).sum().backward()
    assert (x.grad > 0).all()


def test_he_start_keeps_the_second_moment_without_normalisation():
    torch.manual_seed(0)
    large, small = Stage(64, 64, (64, 64), (32, 32)), Stage(64, 64, (32, 32), (16, 16))
    layers = [large.down(True), nn.ReLU(), small.down(True), nn.ReLU(), small.up(True), nn.ReLU(), large.up(True)]
    net = start(nn.Sequential(*layers), "none")
    with torch.no_grad():
        y = net(torch.randn(4, 64, 64, 64))[:, :, 8:-8, 8:-8]
    assert 0.6 < y.square().mean() < 1.5


@pytest.mark.parametrize(("norm", "init"), [("none", "dcgan"), ("batch", "auto"), ("group", "auto")])
def test_dcgan_start_has_deviation_two_hundredths(norm, init):
    net = start(nn.Sequential(nn.Conv2d(64, 64, 4), nn.ConvTranspose2d(64, 64, 4)), norm, init)
    for layer in net:
        assert math.isclose(float(layer.weight.detach().std()), 0.02, rel_tol=0.03)
        assert not layer.bias.any()


def test_contrasts_are_an_orthonormal_combination_of_the_layers_channels():
    layer = to_image(Stage(3, 4, (9, 8), (4, 4)), contrasts=True)
    assert isinstance(layer, Contrasts)
    nn.init.normal_(layer.layer.bias)
    x = torch.randn(2, 4, 4, 4)
    parts = layer.layer(x)
    mean = parts[:, 0] / math.sqrt(3)
    first, second = parts[:, 1] / math.sqrt(2), parts[:, 2] / math.sqrt(6)
    expected = torch.stack([mean + first + second, mean - first + second, mean - 2 * second], 1)
    assert torch.allclose(layer(x), expected, atol=1e-6)
    assert list(layer.state_dict()) == ["layer.weight", "layer.bias"]


@pytest.mark.parametrize("channels", [1, 2, 4, 16])
def test_contrasts_keep_the_size_of_what_is_drawn_and_one_channel_has_none(channels):
    stage = Stage(channels, 8, (8, 8), (4, 4))
    layer, x = to_image(stage, contrasts=True), torch.randn(5, 8, 4, 4)
    if channels == 1:
        assert isinstance(layer, nn.ConvTranspose2d)
    else:
        assert torch.allclose(layer(x).square().sum(1), layer.layer(x).square().sum(1), rtol=1e-4, atol=1e-6)
    assert isinstance(to_image(stage, contrasts=False), nn.ConvTranspose2d)


def test_weights_for_contrasts_start_twice_as_large():
    net = start(nn.Sequential(nn.Conv2d(64, 64, 4), Contrasts(nn.ConvTranspose2d(64, 64, 4))), "batch")
    assert math.isclose(float(net[0].weight.detach().std()), 0.02, rel_tol=0.03)
    assert math.isclose(float(net[1].layer.weight.detach().std()), 0.04, rel_tol=0.03)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="expected norm to be one of batch, group, none; got 'layer'"):
        check("layer")
    with pytest.raises(ValueError, match="expected init to be one of auto, he, dcgan; got 'xavier'"):
        check("batch", "xavier")


@pytest.mark.parametrize("channels", [1, 6, 8, 12, 32, 33])
def test_group_norm_divides_any_number_of_channels(channels):
    x = torch.randn(3, channels, 4, 4)
    assert normalised("group", channels)[0](x).shape == x.shape
