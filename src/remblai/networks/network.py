"""The interface of networks: a pair of builders, of an encoder and of a decoder for one data shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

from torch import nn


@dataclass(frozen=True)
class Network:
    """The interface: builders of an encoder and a decoder for one shape of data; each call builds a fresh module.

    Attributes:
        shape: the shape of one x, (d,) or (c, h, w).
        encoder: outputs -> a module x (n, *shape) -> (n, outputs).
        decoder: inputs -> a module z (n, inputs) -> (n, *shape), unbounded: the law of x adds the final activation.
    """

    shape: tuple[int, ...]
    encoder: Callable[[int], nn.Module]
    decoder: Callable[[int], nn.Module]


def checked_shape(shape: object) -> tuple[int, ...]:
    """The shape of one x as a tuple of positive integers.

    Raises:
        ValueError: what is no shape, an empty one, or a dimension below 1.
    """
    if not (isinstance(shape, Sequence) and shape and all(map(_is_size, shape))):
        raise ValueError(
            f"shape: expected that of one point or image, such as (2,) or (1, 28, 28), every size >= 1, got {shape!r}."
        )
    return tuple(int(size) for size in shape)


def _is_size(size: object) -> bool:
    return isinstance(size, Integral) and int(size) >= 1


def image_shape(shape: tuple[int, ...], network: str, kind: str = "network") -> tuple[int, int, int]:
    """The shape of one image as (channels, height, width), at least 2 pixels a side.

    Raises:
        ValueError: points instead of images, or an image of one row or column.
    """
    shape = checked_shape(shape)
    if len(shape) != 3:
        raise ValueError(
            f"{kind} {network!r} is convolutional: expected images (c, h, w), got x of shape {shape}; "
            f"use the {kind} 'mlp', which takes any shape."
        )
    channels, height, width = shape
    if min(height, width) < 2:
        raise ValueError(
            f"{kind} {network!r} expected images of at least 2 x 2 pixels, got {height} x {width}; "
            f"use the {kind} 'mlp', which takes any shape."
        )
    return channels, height, width


def positive(**sizes: int) -> None:
    """Checks that every named size is at least 1.

    Raises:
        ValueError: a size below 1, with its name.
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"expected {name} >= 1, got {size}: give a larger one.")
