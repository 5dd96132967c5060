"""The network that suits the data's shape."""

from collections.abc import Callable
from functools import partial

from remblai.networks import dcgan
from remblai.networks.mlp import perceptron
from remblai.networks.network import Network

SMALLEST_IMAGE = 16


def auto(shape: tuple[int, ...], width: int | None = None, contrasts: bool = True) -> Network:
    """The network that suits the shape: dcgan for images of 16 pixels a side or more, mlp for smaller ones and points.

    Args:
        shape: the shape of one x, (d,) or (c, h, w).
        width: of the chosen network: channels of the first convolution, units of each layer of mlp; None takes that
            network's default, 32 channels or 512 units.
        contrasts: of images of 16 pixels a side or more: whether the last layer learns the mean over colours and the
            contrasts between them apart, as in `dcgan`; no effect on others.
    """
    chosen: Callable[..., Network] = partial(dcgan.dcgan, contrasts=contrasts) if convolves(shape) else perceptron
    return _of_width(chosen, shape, width)


def generator(shape: tuple[int, ...], width: int | None = None, hidden: int = 0, contrasts: bool = False) -> Network:
    """A generator's network by shape: dcgan for images of 16 pixels a side or more, mlp for smaller ones and points.

    Args:
        shape: the shape of one x, (d,) or (c, h, w).
        width: of the chosen network: channels of the first convolution, units of each layer of mlp; None takes that
            network's default, 32 channels or 512 units.
        hidden: of images of 16 pixels a side or more: units of a fully connected layer before the convolutions, 0 for
            none.
        contrasts: of images of 16 pixels a side or more: whether the last layer learns the mean over colours and the
            contrasts between them apart, as in `dcgan`; no effect on others.

    Raises:
        ValueError: a hidden layer for points or smaller images, whose network has others.
    """
    if convolves(shape):
        return _of_width(partial(dcgan.generator, hidden=hidden, contrasts=contrasts), shape, width)
    if hidden:
        raise ValueError(
            f"network 'auto': expected hidden 0 for points and images below {SMALLEST_IMAGE} pixels a side, got "
            f"{hidden}: their network is 'mlp', which has hidden layers of its own (--network mlp --network.depth)."
        )
    return auto(shape, width)


def convolves(shape: tuple[int, ...]) -> bool:
    """Whether points of this shape are images that convolutions suit."""
    return len(shape) == 3 and min(shape[1:]) >= SMALLEST_IMAGE


def _of_width(network: Callable[..., Network], shape: tuple[int, ...], width: int | None) -> Network:
    return network(shape) if width is None else network(shape, width=width)
