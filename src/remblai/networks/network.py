"""The interface of networks: a pair of builders, of an encoder and of a decoder for one data shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import torch
from torch import Tensor, nn

from remblai.networks.modes import in_evaluation

TRIED = 2
"""Points on which a network of one's own is tried."""


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


def tried(network: Network, shape: tuple[int, ...]) -> Network:
    """The pair, each of whose modules is tried on two zeros when it is built, in evaluation mode.

    Args:
        network: the pair, of one's own.
        shape: of the data.

    Raises:
        ValueError: the pair is of another shape; when a module is built: it fails, or answers in another shape.
    """
    if tuple(network.shape) != tuple(shape):
        raise ValueError(
            f"network: expected one for data of shape {tuple(shape)}, got one for {tuple(network.shape)}: build it for "
            "that shape."
        )

    def encoder(outputs: int) -> nn.Module:
        return _answering(network.encoder(outputs), f"encoder({outputs})", shape, (outputs,))

    def decoder(inputs: int) -> nn.Module:
        return _answering(network.decoder(inputs), f"decoder({inputs})", (inputs,), shape)

    return replace(network, encoder=encoder, decoder=decoder)


@torch.no_grad()
def _answering(built: object, call: str, takes: tuple[int, ...], gives: tuple[int, ...]) -> nn.Module:
    """The module, which answers points of one shape by points of another."""
    said = f"network: expected from {call} a module (n, {_sizes(takes)}) -> (n, {_sizes(gives)})"
    if not isinstance(built, nn.Module):
        raise ValueError(f"{said}, got {type(built).__name__}: let the builder return a torch.nn.Module.")
    try:
        with in_evaluation(built):
            answer = built(torch.zeros(TRIED, *takes))
    except (TypeError, RuntimeError, ValueError) as problem:
        raise ValueError(f"{said}, got one that fails on such a batch: {problem}.") from problem
    if not isinstance(answer, Tensor) or tuple(answer.shape) != (TRIED, *gives):
        came = f"(n, {_sizes(tuple(answer.shape[1:]))})" if isinstance(answer, Tensor) else type(answer).__name__
        raise ValueError(f"{said}, got one that answers {came}: use the number that the builder is called with.")
    return built


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


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
