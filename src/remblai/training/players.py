"""The two players of the game, model and critics: whose parameters are whose, and what moves them."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from remblai.critics import Adversarial
from remblai.objectives import Objective
from remblai.training.schedules import LearningRate

Optimiser = Literal["adam", "adamw", "rmsprop", "sgd"]
OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


class Player:
    """One side of the game: its parameters, its optimiser, its learning rate and the norm of a clipped gradient."""

    def __init__(
        self, parameters: list[nn.Parameter], optimiser: torch.optim.Optimizer, learning_rate: LearningRate
    ) -> None:
        self.parameters, self.optimiser, self.learning_rate = parameters, optimiser, learning_rate
        self.gradient_norm: Tensor | None = None


def critics_of(objective: Objective) -> dict[str, Adversarial]:
    """The parts of an objective that have a critic, by the name of the module."""
    return {name: part for name, part in objective.named_modules() if isinstance(part, Adversarial)}


def sides(objective: Objective) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """The critics' parameters and the model's, by name."""
    inner = {id(p) for part in critics_of(objective).values() for p in part.critic.parameters()}
    named = dict(objective.named_parameters())
    critics = {name: p for name, p in named.items() if id(p) in inner}
    return critics, {name: p for name, p in named.items() if name not in critics}


def model_state(objective: Objective) -> list[str]:
    """The names in the objective's state that are the model's, parameters and buffers: the critics' are left out."""
    critics = sides(objective)[0]
    prefixes = tuple(f"{name}.critic.".removeprefix(".") for name in critics_of(objective))
    return [name for name in objective.state_dict() if name not in critics and not name.startswith(prefixes)]


def player(
    parameters: list[nn.Parameter],
    learning_rate: LearningRate,
    optimiser: Optimiser,
    betas: tuple[float, float],
    weight_decay: float,
) -> Player:
    """A player with its optimiser; arguments as for `State`.

    Raises:
        ValueError: betas outside [0, 1), or a weight decay that is negative or not finite.
    """
    if not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas: expected two numbers from 0 to below 1, got {betas}.")
    if not 0 <= weight_decay < float("inf"):
        raise ValueError(f"weight_decay: expected a finite number of at least 0, got {weight_decay}.")
    # rmsprop has no fused form; that of sgd fails where some parameters get their first gradient late
    fused = optimiser in ("adam", "adamw") and all(p.device.type in ("cpu", "cuda") for p in parameters)
    fast = {"fused": True} if fused else {}
    momenta = {"rmsprop": {"alpha": betas[1]}, "sgd": {"momentum": betas[0]}}.get(optimiser, {"betas": betas})
    rule = OPTIMISERS[optimiser](parameters, lr=learning_rate.lr, weight_decay=weight_decay, **momenta, **fast)
    return Player(parameters, rule, learning_rate)
