"""Critics of data: networks x (n, ...) -> (n, outputs), without batch statistics unless they are asked for."""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from remblai.networks.auto import convolves
from remblai.networks.batchnorm import BatchNorm2d
from remblai.networks.classes import split_points
from remblai.networks.convolutions import stages, start
from remblai.networks.mlp import mlp
from remblai.networks.network import Network, checked_shape, image_shape, positive

SLOPE = 0.2
"""Slope of the leaky rectifiers below 0, so that the critic's gradient vanishes nowhere (DCGAN, arXiv 1511.06434)."""
CriticNorm = Literal["none", "batch", "layer"]


def auto(shape: tuple[int, ...], outputs: int, width: int | None = None) -> nn.Module:
    """The critic that suits the shape: convolutional for images of 16 pixels a side or more, else fully connected.

    Args:
        shape: the shape of one x, (d,) or (c, h, w).
        outputs: numbers in the critic's output.
        width: the chosen network's width; None takes that network's default.
    """
    chosen: Callable[..., nn.Module] = convolutional if convolves(shape) else connected
    return chosen(shape, outputs) if width is None else chosen(shape, outputs, width=width)


def connected(shape: tuple[int, ...], outputs: int, *, width: int = 256, depth: int = 3) -> nn.Module:
    """Fully connected layers with leaky rectifiers, for points and for images, which it flattens.

    Args:
        shape: the shape of one x.
        outputs: numbers in the critic's output.
        width: units per hidden layer.
        depth: hidden layers.

    Raises:
        ValueError: an empty shape, width or outputs below 1, or depth below 0.
    """
    shape = checked_shape(shape)
    return nn.Sequential(nn.Flatten(), *mlp(math.prod(shape), outputs, width, depth, Leaky))


def convolutional(
    shape: tuple[int, ...], outputs: int, *, width: int = 32, widest: int = 512, norm: CriticNorm = "none"
) -> nn.Module:
    """Strided convolutions with leaky rectifiers and a linear layer: the discriminator of DCGAN, for any size.

    Args:
        shape: the shape of one image, (c, h, w), of at least 2 x 2 pixels.
        outputs: numbers in the critic's output.
        width: channels of the first stage; doubled at each further one.
        widest: the most channels of a stage.
        norm: normalisation of every stage but the first (of a single stage too): none, over the batch (DCGAN's; not
            with a gradient penalty), or over the features of each point (layer). With a norm the first weights have
            DCGAN's standard deviation of 0.02, without one they keep the signal's variance.

    Raises:
        ValueError: points instead of images, a side below 2 pixels, a width below 1, an unknown norm.

    Source: Radford et al., arXiv 1511.06434, section 3.
    """
    image = image_shape(shape, "dcgan", "critic")
    positive(width=width, widest=widest, outputs=outputs)
    if norm not in ("none", "batch", "layer"):
        raise ValueError(f"expected norm to be one of none, batch, layer; got {norm!r}.")
    layers: list[nn.Module] = []
    steps = stages(image, width, widest)
    for number, stage in enumerate(steps):
        stage_norm = norm if number or len(steps) == 1 else "none"
        layers.append(stage.down(bias=stage_norm == "none"))
        if stage_norm != "none":
            layers.append(BatchNorm2d(stage.outputs) if stage_norm == "batch" else nn.GroupNorm(1, stage.outputs))
        layers.append(Leaky())
    layers += [nn.Flatten(), nn.Linear(steps[-1].outputs * math.prod(steps[-1].after), outputs)]
    return start(nn.Sequential(*layers), "none", "he" if norm == "none" else "dcgan")


class Leaky(nn.LeakyReLU):
    """A leaky rectifier of slope 0.2 below 0."""

    def __init__(self) -> None:
        super().__init__(SLOPE)


class Energy(nn.Module):
    """An auto-encoder as a critic: x -> its energy |x - D(E(x))|^2, summed over x, and its code E(x).

    With classes it is D(E(x), c): points come with their class's coordinates behind them, as `Projection` has them,
    and the energy is that of the point.

    Args:
        network: the networks E and D.
        latent: coordinates of the code.
        classes: how many, of a conditional model; 0 where there are none.
        packing: points that are scored together, of a conditional model, for whose packs the networks are.

    Source: Zhao, Mathieu, LeCun, "Energy-based generative adversarial networks", section 2.3, arXiv 1609.03126.
    """

    def __init__(self, network: Network, latent: int, classes: int = 0, packing: int = 1) -> None:
        super().__init__()
        positive(latent=latent)
        self.shape, self.classes, self.packing = network.shape, classes, packing
        self.encoder, self.decoder = network.encoder(latent), network.decoder(latent + packing * classes)

    def forward(self, x: Tensor) -> Tensor:
        """x (n, ...) -> (n, 1 + latent): energies, then codes."""
        x, labels = split_points(x, self.shape, self.packing) if self.classes else (x, None)
        code = self.encoder(x)
        read = code if labels is None else torch.cat([code, labels], 1)
        energy = (x - self.decoder(read)).square().flatten(1).sum(1, keepdim=True)
        return torch.cat([energy, code], 1)


CRITICS: dict[str, Callable[..., Any]] = {
    "auto": auto,
    "mlp": connected,
    "dcgan": convolutional,
}
