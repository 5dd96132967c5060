"""Flow matching: a velocity that carries noise to data, and samples by integration."""

import math
from collections.abc import Callable, Mapping
from typing import get_args

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from remblai.config.registry import unknown
from remblai.laws.couplings import SemiDiscrete
from remblai.laws.ode import Method, Velocity, integrate
from remblai.laws.priors import Normal
from remblai.networks.classes import Classes, Count, required
from remblai.networks.modes import evaluated
from remblai.objectives import given
from remblai.objectives.objective import Objective, of
from remblai.objectives.reflow import Reflow
from remblai.runtime import distributed


class Independent(nn.Module):
    """Each draw of the noise with the datum in its row, as they come."""

    def forward(self, noise: Tensor, data: Tensor, labels: Tensor | None = None) -> Tensor:
        """The partners (n, d) of the noise (n, d), of the data (n, d)."""
        return data


class Batch(nn.Module):
    """The optimal coupling of a batch of noise with the batch of data, for the squared distance: an assignment.

    It is solved on the CPU, in O(n^3), of the points of all processes. With labels it is one within each class: the
    noise in a row has the label of the datum there. Source: Pooladian et al. (2023), arXiv 2304.14772; Tong et al.
    (2024), arXiv 2302.00482.
    """

    compiles = False

    @torch.no_grad()
    def forward(self, noise: Tensor, data: Tensor, labels: Tensor | None = None) -> Tensor:
        """The partners (n, d) of the noise (n, d), a permutation of the data (n, d)."""
        noise, data = distributed.gather(noise), distributed.gather(data)
        if labels is None:
            chosen = _assigned(noise, data)
        else:
            labels = distributed.gather(labels)
            chosen = torch.empty_like(labels)
            for label in sorted(set(labels.tolist())):
                own = (labels == label).nonzero()[:, 0]
                chosen[own] = own[_assigned(noise[own], data[own])]
        return data[chosen[distributed.share(len(chosen), "batch")]]


def _assigned(noise: Tensor, data: Tensor) -> Tensor:
    """The place in the data (n, d) of each noise's partner; solved on the CPU."""
    costs = torch.cdist(noise.double(), data.double()).square()
    return torch.as_tensor(linear_sum_assignment(costs.cpu().numpy())[1], device=data.device)


class Solved(nn.Module):
    """The optimal coupling of the noise with a fixed part of the data, solved once for the whole training.

    The data of the first batches are the atoms; while they are gathered, batches are coupled by themselves. With labels
    the atoms of each class are coupled with its noise alone; noise of a class without atoms takes the datum in its row.

    Args:
        dimensions: of a point, flattened.
        atoms: how many data.
        classes: how many, of a conditional model.

    Raises:
        ValueError: fewer than 1 atom.
    """

    compiles = False
    gathered: Tensor
    labels: Tensor | None

    def __init__(self, dimensions: int, atoms: int = 1024, classes: Count = None) -> None:
        super().__init__()
        if atoms < 1:
            raise ValueError(f"coupling 'semi-discrete': expected at least 1 atom, got {atoms}.")
        self.atoms, self.first = atoms, Batch()
        self.solved = SemiDiscrete(torch.zeros(atoms, dimensions))
        self.register_buffer("gathered", torch.zeros((), dtype=torch.int64))
        self.register_buffer("labels", None if classes is None else torch.zeros(atoms, dtype=torch.int64))
        self.is_solved = False  # once known on the host, no step waits for the device to say so
        self.register_load_state_dict_post_hook(_ask_again)  # type: ignore[no-untyped-call]  # torch has no types for it

    @torch.no_grad()
    def forward(self, noise: Tensor, data: Tensor, labels: Tensor | None = None) -> Tensor:
        """The partners (n, d) of the noise (n, d), of the batch (n, d) or, later, of the atoms."""
        gathered = self.atoms if self.is_solved else int(self.gathered)
        if gathered == self.atoms:
            self.is_solved = True
            return self.solved.partners(noise) if labels is None else self._within(noise, data, labels)
        if not self.training:  # what is only looked at becomes no atom
            partners: Tensor = self.first(noise, data, *of(labels))
            return partners
        everyone = distributed.gather(data)[: self.atoms - gathered]
        new = slice(gathered, gathered + len(everyone))
        self.solved.atoms[new] = everyone
        self.gathered += len(everyone)
        if labels is not None:
            if self.labels is None:
                raise ValueError(
                    "coupling 'semi-discrete': expected a coupling within classes for a conditional model, got one "
                    "without: build it with classes=..."
                )
            self.labels[new] = distributed.gather(labels)[: len(everyone)]
        if new.stop == self.atoms:
            self.solved.solve() if self.labels is None else self.solved.solve_within(self.labels)
        coupled: Tensor = self.first(noise, data, *of(labels))
        return coupled

    def _within(self, noise: Tensor, data: Tensor, labels: Tensor) -> Tensor:
        """The atoms of its own class to which each noise is carried."""
        assert self.labels is not None
        other = self.labels != labels[:, None]
        cells = self.solved.scores(noise).masked_fill(other, -math.inf).argmax(1)
        return torch.where(other.all(1, keepdim=True), data, self.solved.atoms[cells])


def _ask_again(module: Solved, _: object) -> None:
    """What was loaded may be of a time before the coupling was solved."""
    module.is_solved = False


COUPLINGS: Mapping[str, Callable[..., nn.Module]] = {
    "batch": Batch,
    "semi-discrete": Solved,
    "independent": Independent,
    "reflow": Reflow,
}
"""Who is led to whom: modules (noise (n, d), data (n, d)) -> partners (n, d); with labels (n,) within classes."""


class Flow(Objective):
    """Flow matching: E |v(x_t, t) - (x_1 - x_0)|^2 with x_t = (1 - t) x_0 + t x_1, x_0 ~ N(0, I), x_1 its partner.

    A sample is the end of the path dx/dt = v(x, t) that starts at a draw of the noise, by `sampling_steps` equal steps.
    With the independent coupling it is a rectified flow; with an optimal one paths are nearly straight, and few steps
    do. Images on [0, 1] are carried on [-1, 1]. Codes are the noise.

    With classes it is v(x, t, c), and the noise is coupled within each class. Of a share of the rows the label is
    dropped, so that v(x, t, none) is learned too, the velocity of all classes together. A sample of class c follows

        v(x, t, none) + guidance (v(x, t, c) - v(x, t, none)),

    classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598): at 1 the law of the class, above 1 a narrower law
    of more typical samples of it.

    Args:
        velocity: v: x (n, *shape), t (n,) -> (n, *shape); with classes it reads indicators (n, count) too.
        shape: of one x.
        coupling: (noise (n, d), data (n, d)) -> partners (n, d); with classes it reads labels (n,) too.
        range: the data's range, (0, 1), or None for points.
        sampling_steps: steps of a sample.
        method: of the integration: euler, heun or dopri5, which take 1, 2 and 6 evaluations of v a step.
        classes: of a conditional model.
        guidance: of samples of a class.
        label_dropout: the share of rows whose label is dropped, from 0 to below 1.
        distilled: k above 0 trains v at the times 0, 1 / k ... (k - 1) / k alone, which samples of k Euler steps need
            and no others: a one-step map where k is 1. It takes pairs that one path joins, such as those of `Reflow`.

    Raises:
        ValueError: fewer than 1 step, an unknown method, a guidance that is negative or other than 1 without classes or
            without rows whose label is dropped, or such a share outside [0, 1).

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
        classes: Classes | None = None,
        guidance: float = 1.0,
        label_dropout: float = 0.1,
        distilled: int = 0,
    ) -> None:
        super().__init__(classes)
        if range not in (None, (0.0, 1.0)):
            raise ValueError(f"range: expected (0, 1), of images, or None, of points, got {range}.")
        if distilled < 0:
            raise ValueError(f"distilled: expected steps of at least 1, or 0 to train all times, got {distilled}.")
        if not 0.0 <= label_dropout < 1.0:
            raise ValueError(f"label_dropout: expected a share from 0 to below 1, got {label_dropout}.")
        if method not in get_args(Method):
            raise unknown("method", method, get_args(Method))
        self.velocity, self.shape, self.coupling, self.range = velocity, tuple(shape), coupling, range
        self.distilled, self.method = distilled, "euler" if distilled else method
        self.sampling_steps = distilled or 1
        self.take_sampling_steps(distilled or sampling_steps)
        self.prior = Normal(math.prod(shape))
        self.label_dropout, self.guidance = label_dropout, 1.0
        self.guide(guidance)

    def take_sampling_steps(self, steps: int) -> None:
        """Draws samples by another number of steps.

        Raises:
            ValueError: fewer than 1, or another number than a distilled velocity is trained for.
        """
        if steps < 1:
            raise ValueError(f"sampling_steps: expected at least 1, got {steps}.")
        if self.distilled and steps != self.distilled:
            raise ValueError(
                f"sampling_steps: expected {self.distilled}, the steps that this model was distilled to, got {steps}: "
                "leave it out, or take the model that it was distilled from."
            )
        self.sampling_steps = steps

    def guide(self, guidance: float) -> None:
        """Takes another guidance for samples of a class.

        Raises:
            ValueError: it is negative or not finite; or other than 1 for a model that has not learned v(x, t, none).
        """
        if not 0.0 <= guidance < math.inf:
            raise ValueError(f"guidance: expected a finite number of at least 0, got {guidance}.")
        if guidance != 1.0 and (self.classes is None or not self.label_dropout):
            why = "is not conditional" if self.classes is None else "was trained with every label"
            remedy = "--conditional" if self.classes is None else "--label-dropout 0.1"
            raise ValueError(
                f"guidance: expected 1, for the model {why}, got {guidance}: train with {remedy}, or leave it out."
            )
        self.guidance = guidance

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        data = (x if self.range is None else 2.0 * x - 1.0).flatten(1)
        noise, t = torch.randn_like(data), torch.rand(len(x), 1, device=x.device, dtype=x.dtype)
        if self.distilled:
            t = (self.distilled * t).floor() / self.distilled
        read: tuple[Tensor, ...] = ()
        if self.classes is not None:
            kept = torch.rand(len(x), 1, device=x.device) >= self.label_dropout
            read = (kept * self.classes.one_hot(required(labels)).to(x.dtype),)
        way = self._partners(noise, data, None if self.classes is None else labels) - noise
        found = self.velocity((noise + t * way).reshape(x.shape), t[:, 0], *read)
        return {"velocity": (found.flatten(1) - way).square().mean()}

    @property
    def range_of_values(self) -> tuple[float, float] | None:
        return self.range

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_codes(z, labels)
        x = self.arrive(z, labels)
        return x if self.range is None else (0.5 * x + 0.5).clamp(*self.range)

    def _partners(self, noise: Tensor, data: Tensor, labels: Tensor | None) -> Tensor:
        """The partners (n, d) of the noise; rows between classes, of which each may be the only one, keep theirs."""
        if labels is not None and labels.is_floating_point() and not isinstance(self.coupling, Reflow):
            return data
        partners: Tensor = self.coupling(noise, data, *of(labels))
        return partners

    def arrive(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The ends (n, ...) of the paths of noise z (n, d), images on [-1, 1] and beyond."""
        velocity = self.velocity if self.classes is None else self._guided(self.classes.one_hot(required(labels)))
        return integrate(velocity, z.reshape(-1, *self.shape or ()), self.sampling_steps, self.method)

    @evaluated
    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        return self.decode(self.prior.sample(given.check_number(n)), *of(self.labels_or_drawn(n, labels)))

    def _guided(self, indicators: Tensor) -> Velocity:
        """The velocity of samples of these classes (n, count)."""

        def guided(x: Tensor, t: Tensor) -> Tensor:
            conditional: Tensor = self.velocity(x, t, indicators)
            if self.guidance == 1.0:
                return conditional
            free: Tensor = self.velocity(x, t, torch.zeros_like(indicators))
            return free + self.guidance * (conditional - free)

        return guided
