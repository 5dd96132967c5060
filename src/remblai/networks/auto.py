"""The network that suits the data's shape."""

from remblai.networks.dcgan import dcgan
from remblai.networks.mlp import perceptron
from remblai.networks.network import Network

SMALLEST_IMAGE = 16


def auto(shape: tuple[int, ...], width: int | None = None) -> Network:
    """The network that suits the shape: dcgan for images of 16 pixels a side or more, mlp for smaller ones and points.

    Args:
        shape: the shape of one x, (d,) or (c, h, w).
        width: the chosen network's width; None takes that network's default.
    """
    chosen = dcgan if len(shape) == 3 and min(shape[1:]) >= SMALLEST_IMAGE else perceptron
    return chosen(shape) if width is None else chosen(shape, width=width)
