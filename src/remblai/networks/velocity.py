"""Networks of velocities v(x, t), for points: a multilayer perceptron that reads the time."""

import math

import torch
from torch import Tensor, nn

from remblai.networks.classes import Count
from remblai.networks.mlp import mlp
from remblai.networks.network import checked_shape, positive

FREQUENCIES = 4
"""Pairs of waves of the time, of 1 to 4 half periods in [0, 1]."""


def waves(t: Tensor) -> Tensor:
    """The time t (n,) as features (n, 9): t itself, and sin and cos of k pi t, k = 1 to 4."""
    angles = math.pi * t[:, None] * torch.arange(1, FREQUENCIES + 1, device=t.device, dtype=t.dtype)
    return torch.cat([t[:, None], angles.sin(), angles.cos()], 1)


class Perceptron(nn.Module):
    """v(x, t): x (n, *shape), t (n,) -> (n, *shape), fully connected; images are flattened.

    With classes it is v(x, t, c), where c (n, classes) are indicators; those of no class are 0.

    Args:
        shape: the shape of one x.
        width: units per hidden layer.
        depth: hidden layers.
        classes: how many, of a conditional model.

    Raises:
        ValueError: an empty shape, or width or depth below 1.
    """

    def __init__(self, shape: tuple[int, ...], width: int = 256, depth: int = 3, classes: Count = None) -> None:
        super().__init__()
        self.shape = checked_shape(shape)
        positive(width=width, depth=depth)
        size = math.prod(self.shape)
        self.body = mlp(size + 1 + 2 * FREQUENCIES + (classes or 0), size, width, depth, nn.SiLU)

    def forward(self, x: Tensor, t: Tensor, *classes: Tensor) -> Tensor:
        """The velocities (n, *shape)."""
        values: Tensor = self.body(torch.cat([x.flatten(1), waves(t), *classes], 1))
        return values.reshape(x.shape)
