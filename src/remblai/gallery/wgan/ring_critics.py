"""Critics trained alone between the ring of eight and the same ring with noise: their values, slopes and weights."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from remblai.critics.adversarial import Adversarial
from remblai.critics.games import Kantorovich
from remblai.critics.lipschitz import Lipschitz
from remblai.data.toys import ring
from remblai.distances import transport
from remblai.gallery.descent import ascent
from remblai.networks.mlp import mlp
from remblai.runtime.rng import seeded

BATCH, WIDTH = 256, 64
DEPTH, DEEP = 3, 11
"""Hidden layers: of the critics whose values are shown, and of those whose gradients are followed through 12 layers."""
REACH, CELLS = 3.2, 97
"""Half of the side of the plane that is shown, and the points of its grid on a side."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """The ring of eight (n, 2), and the same ring with unit Gaussian noise, as one fixed generator's points (n, 2)."""

    x: Tensor
    y: Tensor
    value: float

    @classmethod
    def of(cls, atoms: int) -> "Case":
        """As many points of each, and their W1."""
        noise = torch.randn(atoms, 2, generator=torch.Generator().manual_seed(0))
        x, y = ring().split("test")[:atoms], ring().split("validation")[:atoms] + noise
        return cls(x, y, float(transport(x, y, "euclidean").value))


@dataclass(frozen=True)
class Critic:
    """A critic at the end of its training.

    Attributes:
        network: it.
        estimate: its E f(x) - E f(y).
        steepest: its largest slope on a grid over the plane.
        slopes: its slopes on segments from points of P to points of Q.
        heights: its values on the grid (k, k).
    """

    network: nn.Module
    estimate: float
    steepest: float
    slopes: Floats
    heights: Floats

    @property
    def weights(self) -> Floats:
        """All of its parameters, one after the other."""
        return np.concatenate([one.detach().double().numpy().ravel() for one in self.network.parameters()])


def game(case: Case, constraint: Lipschitz, depth: int, rate: float, steps: int) -> Adversarial:
    """A critic trained alone, on batches of the points."""
    with seeded(0):
        critic = Adversarial(mlp(2, 1, WIDTH, depth), Kantorovich(), constraint)

        def batch() -> tuple[Tensor, Tensor]:
            rows = torch.randint(len(case.x), (2, min(BATCH, len(case.x))))
            return case.x[rows[0]], case.y[rows[1]]

        for _ in ascent(critic, batch, steps, rate):
            pass
    return critic


def trained(case: Case, constraint: Lipschitz, rate: float, steps: int) -> Critic:
    """A critic at the end of its training."""
    played = game(case, constraint, DEPTH, rate, steps)
    with seeded(1):
        segments = torch.lerp(case.x, case.y, torch.rand(len(case.x), 1))
    on_plane, heights = slopes(played.critic, plane())
    return Critic(
        played.critic, float(played.estimate(case.x, case.y)), float(on_plane.max()),
        slopes(played.critic, segments)[0], heights.reshape(CELLS, CELLS),
    )  # fmt: skip


def plane() -> Tensor:
    """A grid over what is drawn: (k * k, 2)."""
    line = torch.linspace(-REACH, REACH, CELLS)
    return torch.cartesian_prod(line, line).flip(1)


def slopes(critic: nn.Module, points: Tensor) -> tuple[Floats, Floats]:
    """The critic's slope and its value at each point: (n,) each."""
    points = points.detach().requires_grad_()
    scores = critic(points).squeeze(1)
    (gradient,) = torch.autograd.grad(scores.sum(), points)
    return gradient.double().norm(dim=1).numpy(), scores.detach().double().numpy()


def through_depth(case: Case, constraint: Lipschitz, rate: float, steps: int) -> Floats:
    """The mean norm, over the data, of the score's gradient at the output of each of 12 layers, after training."""
    critic = game(case, constraint, DEEP, rate, steps).critic.double()
    layers, value = [], case.x.double()
    for part in critic.children():
        value = part(value)
        if isinstance(part, nn.Linear):
            layers.append(value)
    gradients = torch.autograd.grad(value.sum(), layers)
    return np.array([float(one.norm(dim=1).mean()) for one in gradients])
