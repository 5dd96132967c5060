"""The paper's networks against hand counts, and TensorFlow's SAME padding against plain loops in numpy."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from remblai.networks.wae import SameConv, SameConvTranspose, same_padding, wae


def same_convolution(x, weight, bias, stride):
    """TensorFlow's definition: out[i] = sum_k x[i * stride + k - before] w[k], ceil(side / stride) outputs."""
    kernel = weight.shape[2]
    channels, height, width = x.shape
    rows, columns = -(-height // stride), -(-width // stride)
    top = max((rows - 1) * stride + kernel - height, 0) // 2
    left = max((columns - 1) * stride + kernel - width, 0) // 2
    out = np.zeros((len(weight), rows, columns))
    for o, i, j, c, a, b in np.ndindex(len(weight), rows, columns, channels, kernel, kernel):
        row, column = i * stride + a - top, j * stride + b - left
        if 0 <= row < height and 0 <= column < width:
            out[o, i, j] += x[c, row, column] * weight[o, c, a, b]
    return out + bias[:, None, None]


@pytest.mark.parametrize("side", [5, 6, 7])
@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (5, 2), (4, 1), (5, 1), (3, 3)])
def test_same_convolution(side, kernel, stride):
    layer = SameConv(2, 3, kernel, stride).double()
    x = torch.randn(1, 2, side, side + 1, dtype=torch.float64)
    expected = same_convolution(
        x[0].numpy(), layer.conv.weight.detach().numpy(), layer.conv.bias.detach().numpy(), stride
    )
    np.testing.assert_allclose(layer(x)[0].detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("side", [3, 4])
@pytest.mark.parametrize(("kernel", "stride"), [(4, 2), (5, 2), (4, 1), (5, 1), (3, 3)])
def test_same_transposed_convolution_is_the_transpose_of_the_loops(side, kernel, stride):
    """conv2d_transpose is defined as the gradient of the convolution: <conv(u), v> = <u, conv_transpose(v)>."""
    layer = SameConvTranspose(3, 2, kernel, stride).double()
    nn.init.zeros_(layer.conv.bias)
    v = torch.randn(1, 3, side, side, dtype=torch.float64)
    result = layer(v)[0].detach().numpy()
    assert result.shape == (2, side * stride, side * stride)
    weight = layer.conv.weight.detach().numpy()  # (3, 2, kernel, kernel): the convolution from 2 to 3 channels
    u = np.random.default_rng(0).normal(size=result.shape)
    forward = same_convolution(u, weight, np.zeros(3), stride)
    np.testing.assert_allclose((forward * v[0].numpy()).sum(), (u * result).sum(), rtol=1e-10)


def test_five_taps_at_stride_two_pad_one_before_and_two_after():
    assert same_padding(64, 5, 2) == (1, 2)
    assert same_padding(28, 4, 2) == (1, 1)
    assert same_padding(7, 4, 2) == (1, 2)


@pytest.mark.parametrize(
    ("side", "channels", "sides", "features"), [(28, 1, [14, 7, 4, 2], 4096), (64, 3, [32, 16, 8, 4], 16384)]
)
def test_sizes_and_features_of_the_paper(side, channels, sides, features):
    encoder = wae((channels, side, side)).encoder(8)
    seen = []
    for layer in encoder:
        if isinstance(layer, SameConv):
            layer.register_forward_hook(lambda _, __, out: seen.append(out.shape[-1]))
    with torch.no_grad():
        encoder.eval()(torch.rand(1, channels, side, side))
    assert seen == sides
    assert encoder[-1].in_features == features


def test_weights_of_mnist_counted_by_hand():
    net = wae((1, 28, 28))
    convolutions = 16 * (1 * 128 + 128 * 256 + 256 * 512 + 512 * 1024)
    norms = 2 * (128 + 256 + 512 + 1024)
    encoder = convolutions + (128 + 256 + 512 + 1024) + norms + 4096 * 8 + 8
    decoder = 9 * 7 * 7 * 1024 + 16 * (1024 * 512 + 512 * 256 + 256 * 1) + (512 + 256 + 1) + 2 * (512 + 256)
    assert sum(p.numel() for p in net.encoder(8).parameters()) == encoder
    assert sum(p.numel() for p in net.decoder(8).parameters()) == decoder


def test_weights_of_celeba_counted_by_hand():
    net = wae((3, 64, 64))
    widths = 128 + 256 + 512 + 1024
    encoder = 25 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024) + 3 * widths + 16384 * 64 + 64
    decoder = 65 * 8 * 8 * 1024 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 3 * (512 + 256 + 128) + 3
    assert sum(p.numel() for p in net.encoder(64).parameters()) == encoder
    assert sum(p.numel() for p in net.decoder(64).parameters()) == decoder


def test_order_of_the_decoder_no_normalisation_after_its_first_layer():
    names = [type(layer).__name__ for layer in wae((1, 28, 28), width=4).decoder(8)]
    block = ["SameConvTranspose", "BatchNorm2d", "ReLU"]
    assert names == ["Linear", "ReLU", "Unflatten", *block, *block, "SameConvTranspose"]


def test_first_weights():
    torch.manual_seed(0)
    net = wae((3, 64, 64), width=32)
    conv, deconv = net.encoder(8)[3].conv, net.decoder(8)[3].conv
    assert conv.weight.abs().max() <= 0.02  # cut off at two deviations
    assert math.isclose(float(conv.weight.detach().std()), 0.0088, rel_tol=0.02)  # of a normal law cut off there
    assert math.isclose(float(deconv.weight.detach().std()), 0.01, rel_tol=0.02)
    assert not conv.bias.any() and not deconv.bias.any()


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 28, 64), (1, 8, 8)])
def test_another_size_points_to_dcgan(shape):
    with pytest.raises(ValueError, match="Use the network 'dcgan'"):
        wae(shape)


def test_images_come_back():
    for shape in [(1, 28, 28), (3, 64, 64)]:
        net = wae(shape, width=4)
        assert net.decoder(5)(net.encoder(5)(torch.rand(2, *shape))).shape == (2, *shape)
