"""Stochastic gradient ascent of the dual in a reproducing kernel Hilbert space, for two laws that are sampled."""

import math
import time
from typing import NamedTuple

import torch
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.config.registry import Choice, make
from remblai.costs import Cost
from remblai.distances import validation
from remblai.distances.certificate import transformed
from remblai.distances.geometry import CostLike, Points, resolved
from remblai.distances.mapping import extension
from remblai.distances.plan import Parts, Plan
from remblai.distances.problem import Problem
from remblai.distances.stochastic.sampling import Draws, Sampler, checked_error, checked_evaluation
from remblai.distances.stochastic.semidual import response
from remblai.kernels import KERNELS, Gaussian, Kernel
from remblai.runtime.rng import seeded

RECORDS = 40
"""Points of the curve."""

PROBE = 256
"""Samples of each law for the start, the scale of the kernels and the curve."""

PACE, DELAY = 3.0, 10.0
"""Step i is PACE / sqrt(1 + i / DELAY) in units of epsilon / max k(x, x); measured, with the exponent cut as below."""

CEILING = 3.0
"""Largest exponent in exp((u + v - c) / epsilon): the weight of a pair is at most e^3, about twenty."""


@checked_options
def continuous(
    sampler_x: Sampler,
    sampler_y: Sampler,
    cost: CostLike = "square",
    epsilon: float = 1.0,
    kernel: Choice | Kernel | None = None,
    *,
    samples: int = 2**13,
    evaluation: int = 2**13,
    batch: int = 64,
    step: float = 1.0,
    seed: int = 0,
) -> Plan:
    """Entropic transport between two laws that are sampled, with potentials in a kernel's space.

    Maximises E u(X) + v(Y) - epsilon (exp((u(X) + v(Y) - c(X, Y)) / epsilon) - 1) over u, v that are each a start plus
    a sum of alpha_i k(., x_i), respectively beta_i k(., y_i): each sampled pair enters with alpha_i = beta_i =
    (C / sqrt(i + i0)) (1 - exp((u(x_i) + v(y_i) - c(x_i, y_i)) / epsilon)). Here a batch uses all its pairs, i0
    is 10 batches, the exponent is clipped at 3, and the second half of the iterates is averaged. The start is the soft
    c-transform of 0, and of that again, between 256 samples of each law.

    The value is that of the semi-dual at v, between fresh samples: E v(Y) + E f(X), f the soft c-transform of v over
    the fresh y. Its standard error does not include the bias, which falls as 1 / `evaluation`, nor how far v is from
    the optimum, which shows in the plan's `marginal_error`: what the fresh y receive less their masses. Where that is
    more than a tenth, a warning says so and `converged` is False. Work grows as samples^2. The value has no gradient.
    For fewer than some thousand points, and for small epsilon, prefer `sinkhorn` on samples.

    Args:
        sampler_x: the law of x: a torch Distribution, or a function n -> (n, d).
        sampler_y: the law of y.
        cost: a name of the table of costs, a `Cost`, or a function of pairs (k, d), (k, d) -> (k,).
        epsilon: the regularisation, absolute, above 0; a tenth to a half of the mean cost suits this method.
        kernel: a `Kernel` for both laws, or a name or mapping of the table of kernels, whose scale comes from each
            law; None is a Gaussian of variance E|X - X'|^2.
        samples: number of samples of each law for the potentials; they are stored.
        evaluation: number of fresh samples of each law that measure the value, at least 2.
        batch: number of samples in a step.
        step: C in units of its own estimate.
        seed: of torch's generator on the CPU during the call; a generator inside a sampler is not seeded.

    Raises:
        ValueError: an epsilon that is not positive, samplers that do not give n finite points (n, d) of one space, or a
            kernel with k(x, x) <= 0.

    Source: Genevay, Cuturi, Peyre, Bach (2016), algorithm 3 and proposition 5, arXiv 1605.08527.

    Example:
        >>> from torch.distributions import Normal
        >>> from remblai.distances import stochastic
        >>> plan = stochastic.continuous(Normal(0.0, 1.0), Normal(2.0, 1.0), samples=256, evaluation=512)
        >>> 3.0 < float(plan.value) < 6.0
        True
    """
    started = time.perf_counter()
    epsilon = validation.epsilon(epsilon)
    batch, pace = validation.positive_integer("batch", batch), validation.positive("step", step)
    steps = -(-validation.positive_integer("samples", samples) // batch)
    evaluation = checked_evaluation(evaluation)
    draws = Draws("sampler_x", sampler_x), Draws("sampler_y", sampler_y)
    with seeded(validation.seed_number("seed", seed)):
        probe = Problem.of_points(draws[0](PROBE), draws[1](PROBE), cost)
        u, v = _start(probe, resolved(cost), kernel, epsilon)
        curve = _ascend(draws, (u, v), resolved(cost), epsilon, steps, batch, pace, probe)
        problem = Problem.of_points(draws[0](evaluation), draws[1](evaluation), cost)
    g = v(_points(problem)[1])
    f, received = _response(problem, g, epsilon)
    # To first order a sample y changes its own v and, through f, the mass that it receives.
    variance = float(f.var()) + float((g - epsilon * evaluation * received).var())
    arrays = not any(one.tensors for one in draws)
    error = float((received - 1.0 / evaluation).abs().sum())
    value = f.mean() + g.mean()
    return Plan(
        value=float(value) if arrays else value,
        method=f"continuous, stochastic gradient in the space of the kernel {type(u.kernel).__name__}",
        epsilon=epsilon,
        standard_error=math.sqrt(variance / evaluation),
        marginal_error=error,
        converged=checked_error("continuous", error, 0.0, "samples, evaluation or epsilon"),
        iterations=steps,
        seconds=time.perf_counter() - started,
        curve=curve,
        arrays=arrays,
        parts=Parts(extend=extension(problem, g, epsilon)),
    )


class _Start(NamedTuple):
    """The soft c-transform, at any point, of a potential on a law's samples."""

    points: Tensor
    potential: Tensor
    cost: Cost
    flipped: bool
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        costs = self.cost.matrix(self.points, x).T if self.flipped else self.cost.matrix(x, self.points)
        even = torch.full_like(self.potential, 1.0 / len(self.potential))
        return response(costs.double(), torch.zeros_like(x[:, 0]), self.potential, even, self.epsilon).f


class _Potential:
    """A start plus sum of weights_i k(., centres_i)."""

    def __init__(self, start: _Start, kernel: Kernel) -> None:
        self.start, self.kernel = start, kernel
        self.centres: list[Tensor] = []
        self.weights: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        found = self.start(x)
        if self.centres:
            found = found + self.kernel(x, torch.cat(self.centres)) @ torch.cat(self.weights)
        return found

    def grow(self, centres: Tensor, weights: Tensor) -> None:
        self.centres.append(centres)
        self.weights.append(weights)

    def averaged(self, since: int) -> None:
        """Replaces the last iterate by the mean of those after `since` steps."""
        steps = len(self.weights)
        self.weights = [one * min(1.0, (steps - k) / (steps - since)) for k, one in enumerate(self.weights)]


def _start(probe: Problem, cost: Cost, kernel: Choice | Kernel | None, epsilon: float) -> tuple[_Potential, _Potential]:
    x, y = _points(probe)
    zero = torch.zeros_like(probe.b)
    first = transformed(probe, zero, epsilon)
    kernels = [_kernel(kernel, one) for one in (x, y)]
    return (
        _Potential(_Start(y, zero, cost, False, epsilon), kernels[0]),
        _Potential(_Start(x, first, cost, True, epsilon), kernels[1]),
    )


class _Scale(NamedTuple):
    square_distance: float


def _kernel(kernel: Choice | Kernel | None, x: Tensor) -> Kernel:
    # A law at a single point has variance 0: any scale will do.
    scale = _Scale(2.0 * float(x.var(0).sum()) or 1.0)
    found = Gaussian(scale.square_distance) if kernel is None else make(KERNELS, kernel, "kernel", prior=scale)
    if not isinstance(found, Kernel):
        raise ValueError(f"kernel: expected a name, a mapping or a Kernel, got {type(found).__name__}.")
    if not bool((found.diagonal(x) > 0).all()):
        raise ValueError(
            f"kernel {type(found).__name__}: expected k(x, x) > 0, got {float(found.diagonal(x).min()):g}."
        )
    return found


@torch.no_grad()
def _ascend(
    draws: tuple[Draws, Draws],
    potentials: tuple[_Potential, _Potential],
    cost: Cost,
    epsilon: float,
    steps: int,
    batch: int,
    step: float,
    probe: Problem,
) -> tuple[tuple[int, float], ...]:
    u, v = potentials
    curve = []
    for k in range(steps):
        x, y = draws[0](batch), draws[1](batch)
        exponent = (u(x)[:, None] + v(y) - cost.matrix(x, y).double()) / epsilon
        gains = 1.0 - torch.exp(exponent.clamp(max=CEILING))
        for potential, points, gain in ((u, x, gains.mean(1)), (v, y, gains.mean(0))):
            pace = PACE * step * epsilon / float(potential.kernel.diagonal(points).max())
            potential.grow(points, pace / (batch * math.sqrt(1.0 + k / DELAY)) * gain)
        if (k + 1) * RECORDS // steps > k * RECORDS // steps:
            at = v(_points(probe)[1])
            curve.append(((k + 1) * batch, float(_response(probe, at, epsilon)[0].mean() + at.mean())))
    u.averaged(steps // 2)
    v.averaged(steps // 2)
    return tuple(curve)


def _points(problem: Problem) -> tuple[Tensor, Tensor]:
    assert isinstance(problem.geometry, Points)  # built from points
    return problem.geometry.x, problem.geometry.y


def _response(problem: Problem, g: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """f of all places x, and the mass that each place y receives."""
    found = [response(costs, problem.a[part], g, problem.b, epsilon) for part, costs in problem.geometry.blocks()]
    return torch.cat([one.f for one in found]), torch.stack([one.received for one in found]).sum(0)
