"""Spectral normalisation: each layer's weight divided by its largest singular value, advanced outside of forward."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import ParametrizationList, register_parametrization

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
FIRST_ITERATIONS = 50
"""Power iterations when the spectral norm is put on, from a random start; later ones follow slowly moving weights."""


def add_spectral_norm(module: nn.Module) -> None:
    """Puts the division by its largest singular value on each layer's weight.

    Raises:
        ValueError: there are no layers.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, LAYERS + TRANSPOSED)]
    if not layers:
        raise ValueError("spectral: expected linear or convolution layers, got none.")
    for layer in layers:
        register_parametrization(layer, "weight", UnitNorm(layer.weight))


def power_iterate(module: nn.Module, iterations: int = FIRST_ITERATIONS) -> None:
    """Power iterations on the singular vectors of every weight that has the spectral norm, from where they are."""
    for weight in module.modules():
        if isinstance(weight, ParametrizationList):
            for part in weight:
                if isinstance(part, UnitNorm):
                    part.advance(weight.original, iterations)


class UnitNorm(nn.Module):
    """W -> W / (u . W v), with u, v the singular vectors of the largest singular value of W (out, ...).

    Args:
        weight: the W to start from.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.register_buffer("u", normalize(torch.randn_like(matrix[:, 0]), dim=0))
        self.register_buffer("v", normalize(torch.randn_like(matrix[0]), dim=0))
        self.advance(weight, FIRST_ITERATIONS)

    def forward(self, weight: Tensor) -> Tensor:
        """W / (u . W v); u and v are constants to the gradient."""
        with torch.autocast(weight.device.type, enabled=False):
            largest = torch.dot(self.u, torch.mv(weight.flatten(1), self.v))
        return weight / torch.where(largest > 0.0, largest, 1.0)

    @torch.no_grad()
    def advance(self, weight: Tensor, iterations: int) -> None:
        """Power iterations towards the singular vectors of `weight`."""
        matrix = weight.flatten(1)
        for _ in range(iterations):
            _advance(self.v, matrix.T @ self.u)
            _advance(self.u, matrix @ self.v)


def _advance(old: Tensor, towards: Tensor) -> None:
    """Replaces a singular vector; a weight of 0 has none, and keeps the last until it is no longer 0."""
    old.copy_(torch.where(towards.any(), normalize(towards, dim=0), old))
