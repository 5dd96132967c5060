"""Shared by convolutional networks: sizes stage by stage, layers that halve and exactly undo it, first weights."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import torch
from scipy.linalg import helmert
from torch import Tensor, nn

from remblai.networks.batchnorm import BatchNorm1d, BatchNorm2d

Size = tuple[int, int]
Norm = Literal["batch", "group", "none"]
Init = Literal["auto", "he", "dcgan"]


SMALLEST = 3
"""Pixels a side that stages of convolutions keep, at least."""


def check(norm: str, init: str = "auto") -> None:
    """Checks the options that the networks share.

    Raises:
        ValueError: an unknown norm or init.
    """
    for option, value, annotation in (("norm", norm, Norm), ("init", init, Init)):
        if value not in get_args(annotation):
            raise ValueError(f"expected {option} to be one of {', '.join(get_args(annotation))}; got {value!r}.")


def halved(size: Size) -> list[Size]:
    """The sizes (height, width) of an image before each stage and after the last.

    Each stage halves, rounding down, the axes that would keep at least 3 pixels; it stops when no axis would:
    28 -> 14 -> 7 -> 3, 64 -> 32 -> 16 -> 8 -> 4. There is at least one stage, which on a tiny image keeps the size.
    """
    sizes = [size]
    while True:
        height, width = (side // 2 if side // 2 >= SMALLEST else side for side in sizes[-1])
        if (height, width) == sizes[-1]:
            return sizes if len(sizes) > 1 else [size, size]
        sizes.append((height, width))


@dataclass(frozen=True)
class Stage:
    """One halving of the image: `inputs` channels of size `before` to `outputs` channels of size `after`, and back."""

    inputs: int
    outputs: int
    before: Size
    after: Size

    def down(self, bias: bool) -> nn.Conv2d:
        """A convolution: on each axis 4 taps at stride 2, or 3 at stride 1 where the size stays."""
        kernel, stride = self._taps()
        return nn.Conv2d(self.inputs, self.outputs, kernel, stride, padding=1, bias=bias)

    def up(self, bias: bool) -> nn.ConvTranspose2d:
        """The transposed convolution back to exactly the size `before`.

        4 taps at stride 2 overlap evenly, so every pixel gets 2 taps an axis: no checkerboard pattern is built in.
        Source: Odena et al. "Deconvolution and checkerboard artifacts" (Distill 2016).
        """
        kernel, stride = self._taps()
        lost = (self.before[0] - self.after[0] * stride[0], self.before[1] - self.after[1] * stride[1])
        return nn.ConvTranspose2d(self.outputs, self.inputs, kernel, stride, padding=1, output_padding=lost, bias=bias)

    def _taps(self) -> tuple[Size, Size]:
        rows, columns = (1 if before == after else 2 for before, after in zip(self.before, self.after, strict=True))
        return (rows + 2, columns + 2), (rows, columns)


class Contrasts(nn.Module):
    """A transposed convolution with weights for the mean over its output channels and for contrasts between them.

    Its weights (inputs, channels, h, w) are multiplied by Helmert's orthonormal matrix (channels, channels): the first
    of them adds the same to all channels, each other moves one channel against those before it. Optimisers scale the
    step of a weight by its own gradients, so contrasts are learned at a rate of their own, also where their gradients
    are small beside those of the mean. Weights for each channel instead follow the gradients of the mean together.

    Args:
        layer: the transposed convolution.
    """

    basis: Tensor

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.layer = layer
        basis = torch.from_numpy(helmert(layer.out_channels, full=True)).to(layer.weight)
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The images (n, channels, h, w) of maps x (n, inputs, h, w)."""
        layer = self.layer
        weight = torch.einsum("ikhw,kc->ichw", layer.weight, self.basis)
        bias = None if layer.bias is None else layer.bias @ self.basis
        return nn.functional.conv_transpose2d(x, weight, bias, layer.stride, layer.padding, layer.output_padding)  # type: ignore[arg-type]


def to_image(stage: Stage, contrasts: bool) -> nn.Module:
    """The last layer of a decoder: the transposed convolution to the image, in contrasts of its channels or not."""
    layer = stage.up(bias=True)
    return Contrasts(layer) if contrasts and layer.out_channels > 1 else layer


def stages(shape: tuple[int, int, int], width: int, widest: int) -> list[Stage]:
    """The stages of an image (c, h, w): `width` channels after the first, doubled at each other, at most `widest`."""
    sizes = halved(shape[1:])
    widths = [shape[0]] + [min(width * 2**stage, max(width, widest)) for stage in range(len(sizes) - 1)]
    return [
        Stage(*channels, *before_after)
        for channels, before_after in zip(pairwise(widths), pairwise(sizes), strict=True)
    ]


def normalised(norm: Norm, channels: int) -> list[nn.Module]:
    """The normalisation of maps (n, channels, h, w) and their ReLU: over the batch, groups of 8 channels, or none."""
    if norm == "batch":
        return [BatchNorm2d(channels), nn.ReLU()]
    if norm == "group":
        return [nn.GroupNorm(channels // math.gcd(channels, 8), channels), nn.ReLU()]
    return [nn.ReLU()]


def connected(norm: Norm, inputs: int, outputs: int) -> list[nn.Module]:
    """A fully connected layer (n, inputs) -> (n, outputs), its normalisation (a vector is one group) and its ReLU."""
    linear = nn.Linear(inputs, outputs, bias=norm == "none")
    if norm == "none":
        return [linear, nn.ReLU()]
    return [linear, BatchNorm1d(outputs) if norm == "batch" else nn.LayerNorm(outputs), nn.ReLU()]


def start(network: nn.Module, norm: Norm, init: Init = "auto") -> nn.Module:
    """Draws the first weights of every convolution and linear layer; biases start at 0.

    "he": normal, variance 2 / (terms summed into one output), which keeps the signal's size from layer to layer with or
    without normalisation; the last layer, which no ReLU follows, variance 1 / terms. "dcgan": standard deviation 0.02;
    small weights learn faster under a normalisation, which hides their size and leaves larger relative steps, and do
    not learn at all without one; twice that for `Contrasts`, which with 0.02 are not learned where the channels share
    nothing. So "auto" is "dcgan" with a normalisation and "he" without.

    Source: He et al., arXiv 1502.01852, equation 10; Radford et al. (DCGAN), arXiv 1511.06434, section 4.
    """
    small = norm != "none" if init == "auto" else init == "dcgan"
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    in_contrasts = [module.layer for module in network.modules() if isinstance(module, Contrasts)]
    for layer in layers:
        gain = 1.0 if layer is layers[-1] else 2.0
        deviation = 0.04 if layer in in_contrasts else 0.02
        nn.init.normal_(layer.weight, 0.0, deviation if small else math.sqrt(gain / _terms(layer)))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def _terms(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    """How many products are summed into one output; a transposed convolution spreads its taps over stride^2 outputs."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    terms = layer.in_channels * math.prod(layer.kernel_size)
    return terms / math.prod(layer.stride) if isinstance(layer, nn.ConvTranspose2d) else terms
