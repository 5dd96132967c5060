"""Flow matching: a velocity that carries noise to data, and samples by integration."""

import math
from collections.abc import Callable, Mapping
from typing import get_args

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from remblai.config.registry import unknown
from remblai.laws.couplings import SemiDiscrete
from remblai.laws.ode import Method, integrate
from remblai.laws.priors import Normal
from remblai.objectives.objective import Objective
from remblai.runtime import distributed


class Independent(nn.Module):
    """Each draw of the noise with the datum in its row, as they come."""

    def forward(self, noise: Tensor, data: Tensor) -> Tensor:
        """The partners (n, d) of the noise (n, d), of the data (n, d)."""
        return data


class Batch(nn.Module):
    """The optimal coupling of a batch of noise with the batch of data, for the squared distance: an assignment.

    It is solved on the CPU, in O(n^3), of the points of all processes. Source: Pooladian et al. (2023), arXiv
    2304.14772; Tong et al. (2024), arXiv 2302.00482.
    """

    compiles = False

    @torch.no_grad()
    def forward(self, noise: Tensor, data: Tensor) -> Tensor:
        """The partners (n, d) of the noise (n, d), a permutation of the data (n, d)."""
        noise, data = distributed.gather(noise), distributed.gather(data)
        costs = torch.cdist(noise.double(), data.double()).square()
        chosen = torch.as_tensor(linear_sum_assignment(costs.cpu().numpy())[1], device=data.device)
        return data[chosen[distributed.share(len(chosen), "batch")]]


class Solved(nn.Module):
    """The optimal coupling of the noise with a fixed part of the data, solved once for the whole training.

    The data of the first batches are the atoms; while they are gathered, batches are coupled by themselves.

    Args:
        dimensions: of a point, flattened.
        atoms: how many data.

    Raises:
        ValueError: fewer than 1 atom.
    """

    compiles = False
    gathered: Tensor

    def __init__(self, dimensions: int, atoms: int = 1024) -> None:
        super().__init__()
        if atoms < 1:
            raise ValueError(f"coupling 'semi-discrete': expected at least 1 atom, got {atoms}.")
        self.atoms, self.first = atoms, Batch()
        self.solved = SemiDiscrete(torch.zeros(atoms, dimensions))
        self.register_buffer("gathered", torch.zeros((), dtype=torch.int64))
        self.is_solved = False  # once known on the host, no step waits for the device to say so
        self.register_load_state_dict_post_hook(_ask_again)  # type: ignore[no-untyped-call]  # torch has no types for it

    @torch.no_grad()
    def forward(self, noise: Tensor, data: Tensor) -> Tensor:
        """The partners (n, d) of the noise (n, d), of the batch (n, d) or, later, of the atoms."""
        gathered = self.atoms if self.is_solved else int(self.gathered)
        if gathered == self.atoms:
            self.is_solved = True
            return self.solved.partners(noise)
        everyone = distributed.gather(data)[: self.atoms - gathered]
        self.solved.atoms[gathered : gathered + len(everyone)] = everyone
        self.gathered += len(everyone)
        if gathered + len(everyone) == self.atoms:
            self.solved.solve()
        partners: Tensor = self.first(noise, data)
        return partners


def _ask_again(module: Solved, _: object) -> None:
    """What was loaded may be of a time before the coupling was solved."""
    module.is_solved = False


COUPLINGS: Mapping[str, Callable[..., nn.Module]] = {
    "batch": Batch,
    "semi-discrete": Solved,
    "independent": Independent,
}
"""Who is led to whom: modules (noise (n, d), data (n, d)) -> partners (n, d)."""


class Flow(Objective):
    """Flow matching: E |v(x_t, t) - (x_1 - x_0)|^2 with x_t = (1 - t) x_0 + t x_1, x_0 ~ N(0, I), x_1 its partner.

    A sample is the end of the path dx/dt = v(x, t) that starts at a draw of the noise, by `sampling_steps` equal steps.
    With the independent coupling it is a rectified flow; with an optimal one paths are nearly straight, and few steps
    do. Images on [0, 1] are carried on [-1, 1]. Codes are the noise.

    Args:
        velocity: v: x (n, *shape), t (n,) -> (n, *shape).
        shape: of one x.
        coupling: (noise (n, d), data (n, d)) -> partners (n, d).
        range: the data's range, (0, 1), or None for points.
        sampling_steps: steps of a sample.
        method: of the integration: euler, heun or dopri5, which take 1, 2 and 6 evaluations of v a step.

    Raises:
        ValueError: fewer than 1 step, or an unknown method.

    Source: Lipman et al. (2023), arXiv 2210.02747; Tong et al. (2024), arXiv 2302.00482; Liu et al. (2023), arXiv
    2209.03003.
    """

    decodes = True

    def __init__(
        self,
        velocity: nn.Module,
        shape: tuple[int, ...],
        coupling: nn.Module,
        range: tuple[float, float] | None = None,
        sampling_steps: int = 20,
        method: Method = "heun",
    ) -> None:
        super().__init__()
        if sampling_steps < 1:
            raise ValueError(f"sampling_steps: expected at least 1, got {sampling_steps}.")
        if method not in get_args(Method):
            raise unknown("method", method, get_args(Method))
        self.velocity, self.shape, self.coupling, self.range = velocity, tuple(shape), coupling, range
        self.sampling_steps, self.method = sampling_steps, method
        self.prior = Normal(math.prod(shape))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        data = (x if self.range is None else 2.0 * x - 1.0).flatten(1)
        noise, t = torch.randn_like(data), torch.rand(len(x), 1, device=x.device, dtype=x.dtype)
        way = self.coupling(noise, data) - noise
        found = self.velocity((noise + t * way).reshape(x.shape), t[:, 0])
        return {"velocity": (found.flatten(1) - way).square().mean()}

    def decode(self, z: Tensor) -> Tensor:
        x = integrate(self.velocity, z.reshape(-1, *self.shape or ()), self.sampling_steps, self.method)
        return x if self.range is None else (0.5 * x + 0.5).clamp(*self.range)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        return self.decode(self.prior.sample(n))
