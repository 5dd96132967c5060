"""Ordinary differential equations dx/dt = v(x, t) by explicit Runge-Kutta methods, and densities along them."""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]
"""v(x (n, ...), t (n,)) -> (n, ...)."""
Method = Literal["euler", "heun", "dopri5"]


class Tableau(NamedTuple):
    """A method's coefficients: `stages[i]` weighs the slopes before stage i + 1, `weights` all slopes of a step."""

    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


METHODS: Mapping[str, Tableau] = {
    "euler": Tableau((), (1.0,)),
    "heun": Tableau(((1.0,),), (0.5, 0.5)),
    "dopri5": Tableau(
        (
            (1 / 5,),
            (3 / 40, 9 / 40),
            (44 / 45, -56 / 15, 32 / 9),
            (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
            (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        ),
        (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    ),
}
"""Methods of order 1, 2 and 5, which take 1, 2 and 6 evaluations of v a step (Dormand & Prince 1980, fixed steps)."""


def integrate(
    velocity: Velocity, x: Tensor, steps: int, method: Method = "heun", start: float = 0.0, end: float = 1.0
) -> Tensor:
    """The solution at `end` of dx/dt = v(x, t) from x (n, ...) at `start`, by equal steps; backwards where end < start.

    Args:
        velocity: v(x (n, ...), t (n,)) -> (n, ...).
        x: (n, ...).
        steps: how many, at least 1.
        method: a name of `METHODS`.
        start: the time of x.
        end: the time of the solution.
    """
    size, tableau = (end - start) / steps, METHODS[method]
    for step in range(steps):
        time = start + step * size
        slopes = [velocity(x, x.new_full(x.shape[:1], time))]
        for coefficients in tableau.stages:
            # a stage lies at the share sum(coefficients) of the step
            moved = x + size * _weighed(coefficients, slopes)
            slopes.append(velocity(moved, x.new_full(x.shape[:1], time + size * sum(coefficients))))
        x = x + size * _weighed(tableau.weights, slopes)
    return x


def divergence(velocity: Velocity, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """v(x, t) (n, d), and the trace (n,) of its Jacobian in x (n, d), exactly: one forward derivative an axis."""
    value, trace = velocity(x, t), x.new_zeros(len(x))
    for axis in range(x.shape[1]):
        direction = torch.zeros_like(x)
        direction[:, axis] = 1.0
        slope: Tensor = torch.func.jvp(lambda moved: velocity(moved, t), (x,), (direction,))[1]
        trace = trace + slope[:, axis]
    return value, trace


@torch.no_grad()
def log_density(velocity: Velocity, z: Tensor, steps: int, method: Method = "heun") -> Tensor:
    """log p_1(z) (n,), where p_1 is the law at time 1 of x_0 ~ N(0, I) moved along v; z (n, d).

    log p_1(z) = log N(x_0; 0, I) - the integral over t of div v(x_t, t) on the path that ends in z, which is followed
    backwards together with the integral. Source: Chen et al., "Neural ordinary differential equations" (2018),
    theorem 1, arXiv 1806.07366.
    """

    def augmented(state: Tensor, t: Tensor) -> Tensor:
        value, trace = divergence(velocity, state[:, :-1], t)
        return torch.cat([value, trace[:, None]], 1)

    state = integrate(augmented, torch.cat([z, z.new_zeros(len(z), 1)], 1), steps, method, start=1.0, end=0.0)
    first, integral = state[:, :-1], -state[:, -1]
    normal = -0.5 * first.square().sum(1) - 0.5 * z.shape[1] * math.log(2.0 * math.pi)
    return normal - integral


def _weighed(coefficients: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    return torch.stack([c * slope for c, slope in zip(coefficients, slopes, strict=True) if c]).sum(0)
