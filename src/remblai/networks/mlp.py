"""Fully connected networks."""

import math
from functools import partial
from itertools import pairwise

from torch import nn

from remblai.networks.network import Network, checked_shape, positive

RECTIFIERS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus)


def mlp(
    inputs: int, outputs: int, width: int = 256, depth: int = 2, activation: type[nn.Module] = nn.ReLU
) -> nn.Sequential:
    """A multilayer perceptron, (n, inputs) -> (n, outputs), linear at the end.

    Weights start from He's normal law, variance 2 / fan-in, where an activation of the ReLU family follows, and from
    1 / fan-in where another follows and in the last layer, whose biases start at 0. Hidden biases start like the
    weights of one more input that is always 1: with biases of 0 a network of rectifiers is homogeneous,
    f(a x) = a f(x) for a > 0, and does not see a hole around the origin until its biases are trained. Under the
    constraint `orthogonal` they start at 0 all the same (`critics.Orthogonal` says why).

    Args:
        inputs: the number of inputs.
        outputs: the number of outputs.
        width: units per hidden layer.
        depth: the number of hidden layers; 0 is a linear map.
        activation: the class of the nonlinearity after each hidden layer.

    Raises:
        ValueError: inputs, outputs or width below 1, or depth below 0.

    Source: He et al., "Delving deep into rectifiers" (2015), equation 10, arXiv 1502.01852.
    """
    positive(inputs=inputs, outputs=outputs, width=width)
    if depth < 0:
        raise ValueError(f"mlp: expected depth >= 0 hidden layers, got {depth}.")
    sizes = [inputs] + [width] * depth
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        rectified = issubclass(activation, RECTIFIERS)
        hidden = linear(before, after, rectified)
        nn.init.normal_(hidden.bias, 0.0, deviation(before, rectified))
        layers += [hidden, activation()]
    return nn.Sequential(*layers, linear(sizes[-1], outputs))


def linear(inputs: int, outputs: int, rectified: bool = False) -> nn.Linear:
    """A linear layer that keeps the variance of its input; `rectified` if a ReLU follows."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0.0, deviation(inputs, rectified))
    nn.init.zeros_(layer.bias)
    return layer


def deviation(inputs: int, rectified: bool) -> float:
    """The standard deviation of the first weights of a layer that keeps the variance of its input."""
    return math.sqrt((2.0 if rectified else 1.0) / inputs)


def perceptron(shape: tuple[int, ...], width: int = 512, depth: int = 2) -> Network:
    """Fully connected encoder and decoder, for points and for small images (which they flatten).

    Args:
        shape: the shape of one x, (d,) or (c, h, w).
        width: units per hidden layer.
        depth: hidden layers of the encoder, and of the decoder.

    Raises:
        ValueError: an empty shape, width below 1 or depth below 0.
    """
    shape = checked_shape(shape)
    positive(width=width)
    if depth < 0:
        raise ValueError(f"network mlp: expected depth >= 0 hidden layers, got {depth}.")
    return Network(shape, partial(_encoder, shape, width, depth), partial(_decoder, shape, width, depth))


def _encoder(shape: tuple[int, ...], width: int, depth: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), *mlp(math.prod(shape), outputs, width, depth))


def _decoder(shape: tuple[int, ...], width: int, depth: int, inputs: int) -> nn.Module:
    return nn.Sequential(*mlp(inputs, math.prod(shape), width, depth), nn.Unflatten(1, shape))
