"""The interface of networks: a pair of builders, of an encoder and of a decoder for one data shape."""

from collections.abc import Callable
from dataclasses import dataclass

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


def checked_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one x as a tuple of positive integers.

    Raises:
        ValueError: an empty shape, or a dimension below 1.
    """
    shape = tuple(int(size) for size in shape)
    if not shape or min(shape) < 1:
        raise ValueError(f"expected the shape of one x, (d,) or (c, h, w) with every size >= 1, got {shape}.")
    return shape


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
            raise ValueError(f"expected {name} >= 1, got {size}.")
