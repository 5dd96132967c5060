"""Small residual encoder and decoder, for images of any size."""

import math
from functools import partial

from torch import Tensor, nn

from remblai.networks.convolutions import Norm, Stage, check, normalised, stages, start, to_image
from remblai.networks.network import Network, image_shape, positive


def resnet(
    shape: tuple[int, ...],
    width: int = 32,
    widest: int = 256,
    blocks: int = 1,
    norm: Norm = "batch",
    contrasts: bool = True,
) -> Network:
    """Residual blocks between the strided convolutions of `dcgan`: deeper, slower, steadier to train when deep.

    Encoder: at every stage a strided convolution that doubles the channels, then residual blocks; a linear layer. The
    decoder mirrors it back to the exact size. A block is x + conv(relu(norm(conv(relu(norm(x)))))), 3 x 3 kernels.

    Args:
        shape: the shape of one image, (c, h, w), any size from 2 x 2 pixels and any number of channels.
        width: channels of the first stage; doubled at each further one.
        widest: the most channels of a stage.
        blocks: residual blocks a stage.
        norm: normalisation of hidden layers: over the batch, over groups of 8 channels, or none.
        contrasts: as in `dcgan`: the last layer's weights are for the mean over the channels and contrasts of them.

    Raises:
        ValueError: points instead of images, a side below 2 pixels, a width or blocks below 1, an unknown norm.

    Source: He et al. "Identity mappings in deep residual networks", figure 1b, arXiv 1603.05027.
    """
    image = image_shape(shape, "resnet")
    positive(width=width, widest=widest, blocks=blocks)
    check(norm)
    steps = stages(image, width, widest)
    return Network(image, partial(_encoder, steps, blocks, norm), partial(_decoder, steps, blocks, norm, contrasts))


class Residual(nn.Module):
    """x (n, channels, h, w) -> x + a branch of two 3 x 3 convolutions, each after a normalisation and a ReLU.

    Args:
        channels: of x and of the result.
        norm: the normalisation.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        bias = norm == "none"
        self.branch = nn.Sequential(
            *normalised(norm, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=bias),
            *normalised(norm, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        """x and its correction."""
        correction: Tensor = self.branch(x)
        return x + correction


def _encoder(steps: list[Stage], blocks: int, norm: Norm, outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for stage in steps:
        layers += [stage.down(bias=True), *(Residual(stage.outputs, norm) for _ in range(blocks))]
    channels = steps[-1].outputs
    layers += [*normalised(norm, channels), nn.Flatten(), nn.Linear(channels * math.prod(steps[-1].after), outputs)]
    return start(nn.Sequential(*layers), norm, "he")


def _decoder(steps: list[Stage], blocks: int, norm: Norm, contrasts: bool, inputs: int) -> nn.Module:
    first = (steps[-1].outputs, *steps[-1].after)
    layers: list[nn.Module] = [nn.Linear(inputs, math.prod(first)), nn.Unflatten(1, first)]
    for stage in reversed(steps):
        layers += [Residual(stage.outputs, norm) for _ in range(blocks)]
        last = stage is steps[0]
        layers += [*normalised(norm, stage.outputs), to_image(stage, contrasts) if last else stage.up(bias=True)]
    return start(nn.Sequential(*layers), norm, "he")
