"""The small ReLU generator whose continuity the gallery looks at, and its Lipschitz constants."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from remblai.networks.mlp import mlp

POINTS, WIDTH, SEED = 48, 8, 0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Generator:
    """A small ReLU network g from the line to the plane, and a direction in which its parameters theta move.

    Attributes:
        network: mlp(1, 2) with one hidden layer, in float64.
        direction: by the names of the parameters, of length 1.
        z: (n, 1), the draws of Z that every law of it is seen through.
    """

    network: nn.Sequential
    direction: dict[str, Tensor]
    z: Tensor

    def parameters(self, way: float) -> dict[str, Tensor]:
        """theta_0 + way * direction, ready for gradients."""
        start = dict(self.network.named_parameters())
        return {
            name: (start[name] + way * self.direction[name]).detach().requires_grad_() for name in start
        }  # fmt: skip

    def points(self, theta: dict[str, Tensor]) -> Tensor:
        """g_theta(z): (n, 2)."""
        found: Tensor = functional_call(self.network, theta, (self.z,))
        return found


def generator() -> Generator:
    """The generator of all figures; the global generator of random numbers is as before."""
    rng = torch.Generator().manual_seed(SEED)
    with torch.random.fork_rng(devices=[]):  # the network draws first weights, which are replaced
        network = mlp(1, 2, width=WIDTH, depth=1).double()
    with torch.no_grad():
        for one in network.parameters():
            one.copy_(torch.randn(one.shape, generator=rng, dtype=torch.float64) / math.sqrt(one[0].numel()))
    direction = {
        name: torch.randn(one.shape, generator=rng, dtype=torch.float64) for name, one in network.named_parameters()
    }
    length = math.sqrt(sum(float(one.square().sum()) for one in direction.values()))
    z = torch.randn(POINTS, 1, generator=rng, dtype=torch.float64)
    return Generator(network, {name: one / length for name, one in direction.items()}, z)


def lipschitz(model: Generator, z: Floats) -> Floats:
    """The length of the derivative of g in (theta, z) at theta_0: (n,), which bounds the local Lipschitz constant.

    For g = V h + b with h = max(0, w z + a), its square is 2 (|h|^2 + 1) + sum over the units that are on of
    |V_i|^2 (z^2 + 1) + |V_on w_on|^2, from b and V, from w and a, and from z.
    """
    w, a, v = (one.detach().numpy() for one in list(model.network.parameters())[:3])
    w = w[:, 0]
    kinks = np.sort(-a / w)  # between them the same units are on, and the square is a parabola in z
    inside = np.concatenate([[kinks[0] - 1.0], (kinks[1:] + kinks[:-1]) / 2.0, [kinks[-1] + 1.0]])
    on = (inside[:, None] * w + a > 0).astype(np.float64)
    second = on @ (2.0 * w * w + np.square(v).sum(0))
    first = on @ (4.0 * w * a)
    none = on @ (2.0 * a * a + np.square(v).sum(0)) + 2.0 + np.square(on @ (v * w).T).sum(1)
    piece = np.searchsorted(kinks, z)
    found: Floats = np.sqrt((second[piece] * z + first[piece]) * z + none[piece])
    return found


def expected_lipschitz(model: Generator) -> float:
    """E L(theta_0, Z) for Gaussian Z, by quadrature."""
    z = np.linspace(-12.0, 12.0, 240_001)
    density = np.exp(-0.5 * z * z)
    return float(lipschitz(model, z) @ density / density.sum())
