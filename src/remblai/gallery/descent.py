"""Descent that an entry can watch: of one critic alone, or of one loss of its own."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from remblai.critics import Adversarial


def descent(
    parameters: Iterable[Tensor],
    loss: Callable[[], Tensor],
    steps: int,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    after: Callable[[], None] = lambda: None,
) -> Iterator[int]:
    """Adam with a rate that falls to 0 on a straight line. It yields each step's number before it, and `steps` at last.

    Args:
        parameters: what moves.
        loss: computed anew before each step.
        steps: how many.
        rate: the first rate.
        betas: Adam's two decay rates.
        after: called after each step.
    """
    moved = list(parameters)
    optimiser = torch.optim.Adam(moved, lr=rate, betas=betas)
    for step in range(steps):
        yield step
        optimiser.param_groups[0]["lr"] = rate * (1.0 - step / steps)
        for parameter, gradient in zip(moved, torch.autograd.grad(loss(), moved, allow_unused=True), strict=True):
            parameter.grad = gradient
        optimiser.step()
        after()
    yield steps


def ascent(
    game: Adversarial,
    batch: Callable[[], tuple[Tensor, Tensor]],
    steps: int,
    rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> Iterator[int]:
    """The critic's steps alone, on what `batch` returns each time: points of P and of Q; projected after each."""
    return descent(
        game.critic.parameters(), lambda: game.adversary_loss(*batch()), steps, rate, betas, after=game.project
    )
