"""The networks of the Wasserstein auto-encoder paper, layer for layer as its code built them in TensorFlow."""

import math
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from remblai.networks.batchnorm import BatchNorm2d
from remblai.networks.network import Network, image_shape, positive

DEVIATION = 0.01
KERNELS = {28: 4, 64: 5}  # image side -> side of the square kernels
STRIDED = {28: 2, 64: 3}  # image side -> how often the decoder doubles
FIRST = {28: 7, 64: 8}  # image side -> side of the decoder's first map


def wae(shape: tuple[int, ...], width: int = 128) -> Network:
    """The exact networks of Wasserstein auto-encoders for 28x28 (MNIST) and 64x64 (CelebA) images.

    Encoder: four convolutions of stride 2 with width, 2, 4 and 8 x width channels, each batch-normalised and
    rectified, then a linear layer. TensorFlow's SAME padding: 28 -> 14 -> 7 -> 4 -> 2 (so 4096 features at width 128)
    with 4x4 kernels, 64 -> 32 -> 16 -> 8 -> 4 with 5x5. Decoder: a linear layer to 7x7 (8x8) maps of 8 x width
    channels, rectified, not normalised; transposed convolutions of stride 2 that halve the channels each, normalised
    and rectified; one of stride 1 to the image. First weights: normal of standard deviation 0.01, truncated at
    two standard deviations for convolutions; biases 0.

    Args:
        shape: the shape of one image, (c, 28, 28) or (c, 64, 64).
        width: channels of the encoder's first stage; the paper's is 128 (28 million weights at 64x64).

    Raises:
        ValueError: images of another size, points, or a width below 1.

    Source: Tolstikhin et al., arXiv 1711.01558 and github tolstikhin/wae (encoder dcgan, decoder dcgan_mod).
    """
    channels, height, columns = image_shape(shape, "wae")
    positive(width=width)
    if height != columns or height not in KERNELS:
        raise ValueError(
            f"network 'wae' is the paper's, for images of 28 x 28 or 64 x 64 pixels; got {height} x {columns}. "
            f"Use the network 'dcgan', which takes any size, or resize the data."
        )
    return Network(
        (channels, height, columns),
        partial(_encoder, channels, height, width),
        partial(_decoder, channels, height, width),
    )


def _encoder(channels: int, side: int, width: int, outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in pairwise([channels, width, 2 * width, 4 * width, 8 * width]):
        layers += [SameConv(before, after, KERNELS[side], 2), BatchNorm2d(after), nn.ReLU()]
    features = 8 * width * math.ceil(side / 16) ** 2
    return _start(nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, outputs)))


def _decoder(channels: int, side: int, width: int, inputs: int) -> nn.Module:
    first = (8 * width, FIRST[side], FIRST[side])
    layers: list[nn.Module] = [nn.Linear(inputs, math.prod(first)), nn.ReLU(), nn.Unflatten(1, first)]
    widths = [8 * width // 2**stage for stage in range(STRIDED[side] + 1)]
    for before, after in pairwise(widths):
        layers += [SameConvTranspose(before, after, KERNELS[side], 2), BatchNorm2d(after), nn.ReLU()]
    return _start(nn.Sequential(*layers, SameConvTranspose(widths[-1], channels, KERNELS[side], 1)))


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels that TensorFlow's SAME adds before and after one axis, so that ceil(side / stride) come out.

    Where their number is odd, the extra one comes after: (1, 2) for 5 taps at stride 2 on an even side.
    """
    total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


class SameConv(nn.Module):
    """A convolution (n, inputs, h, w) -> (n, outputs, ceil(h / stride), ceil(w / stride)), TensorFlow's SAME padding.

    Args:
        inputs: channels of x.
        outputs: channels of the result.
        kernel: side of the square kernel.
        stride: its step.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Pads by the size of x, then convolves."""
        rows, columns = (same_padding(side, self.kernel, self.stride) for side in x.shape[2:])
        if rows[0] == rows[1] and columns[0] == columns[1]:
            return nn.functional.conv2d(x, self.conv.weight, self.conv.bias, self.stride, (rows[0], columns[0]))
        padded = nn.functional.pad(x, (*columns, *rows))
        return nn.functional.conv2d(padded, self.conv.weight, self.conv.bias, self.stride)


class SameConvTranspose(nn.Module):
    """The transposed convolution (n, inputs, h, w) -> (n, outputs, stride h, stride w): the gradient of SameConv.

    Args:
        inputs: channels of x.
        outputs: channels of the result.
        kernel: side of the square kernel, at least the stride.
        stride: the factor of enlargement.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        before, _ = same_padding(stride, kernel, stride)
        self.conv = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding=before)

    def forward(self, x: Tensor) -> Tensor:
        """The transposed convolution; where SAME pads one pixel more after than before, that pixel is cut off here."""
        height, width = (self.stride * side for side in x.shape[2:])
        enlarged: Tensor = self.conv(x)
        return enlarged[:, :, :height, :width]


def _start(network: nn.Module) -> nn.Module:
    for layer in network.modules():
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        if isinstance(layer, nn.Conv2d):
            nn.init.trunc_normal_(layer.weight, 0.0, DEVIATION, -2.0 * DEVIATION, 2.0 * DEVIATION)
        else:
            nn.init.normal_(layer.weight, 0.0, DEVIATION)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network
