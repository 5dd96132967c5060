"""The two players of the game, model and critics: whose parameters are whose, and what moves them."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from remblai.config.registry import unknown
from remblai.critics import Adversarial
from remblai.discrepancies import Discrepancy
from remblai.objectives import Objective, Penalty
from remblai.training.schedules import LearningRate

Optimiser = Literal["adam", "adamw", "rmsprop", "sgd"]
Rule = Callable[..., torch.optim.Optimizer]
"""What makes an optimiser of parameters and those of lr, betas and weight_decay that it names: a class, a function."""
OPTIMISERS: dict[str, Rule] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}

RMSPROP_MEMORY = 0.99
"""The largest smoothing of RMSprop, which is torch's own."""
COMPUTED = ("fused", "foreach", "capturable", "differentiable", "lr")
"""Of an optimiser: how it computes, which is a matter of the device."""


class Player:
    """One side of the game: its parameters, its optimiser, its learning rate and the norm of a clipped gradient.

    Attributes:
        rate: the present learning rate on the device, which a recorded step reads; None where it is a Python number.
    """

    def __init__(
        self, parameters: list[nn.Parameter], optimiser: torch.optim.Optimizer, learning_rate: LearningRate
    ) -> None:
        self.parameters, self.optimiser, self.learning_rate = parameters, optimiser, learning_rate
        self.gradient_norm: Tensor | None = None
        rate = optimiser.param_groups[0]["lr"]
        self.rate: Tensor | None = rate if isinstance(rate, Tensor) else None

    def set_rate(self, rate: float) -> None:
        """Sets the learning rate of the next step, without waiting for the device."""
        if self.rate is not None:
            self.rate.fill_(rate)
            return
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state; its learning rate is a Python number. Waits for the device."""
        saved = self.optimiser.state_dict()
        groups = [group | {"lr": float(group["lr"])} for group in saved["param_groups"]]
        return saved | {"param_groups": groups}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Continues from `state_dict`, of this device or another: how the steps are computed stays this device's."""
        pairs = zip(saved["param_groups"], self.optimiser.param_groups, strict=True)
        groups = [group | {name: here[name] for name in COMPUTED if name in here} for group, here in pairs]
        self.optimiser.load_state_dict(saved | {"param_groups": groups})
        for group in self.optimiser.param_groups:
            group["lr"] = group["lr"] if self.rate is None else self.rate


def critics_of(objective: Objective) -> dict[str, Adversarial]:
    """The parts of an objective that have a critic, by the name of the module."""
    return {name: part for name, part in objective.named_modules() if isinstance(part, Adversarial)}


def sides(objective: Objective) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """The critics' parameters and the model's, by name.

    Those that only a discrepancy or a penalty has, critics apart, are of neither: a model that minimises a discrepancy
    must not change it, or it would learn to make it small.
    """
    inner = {id(p) for part in critics_of(objective).values() for p in part.critic.parameters()}
    outer = {id(p) for p in _without_measures(objective)} - inner
    named = dict(objective.named_parameters())
    critics, model = ({name: p for name, p in named.items() if id(p) in own} for own in (inner, outer))
    return critics, model


def _without_measures(module: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters of a module and of its parts, but for parts that measure: discrepancies and penalties."""
    yield from module.parameters(recurse=False)
    for part in module.children():
        if not isinstance(part, Discrepancy | Penalty):
            yield from _without_measures(part)


def trained(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Those that require a gradient: what a user froze stays as it is."""
    return [parameter for parameter in parameters if parameter.requires_grad]


def model_state(objective: Objective) -> list[str]:
    """The names in the objective's state that are the model's, parameters and buffers: the critics' are left out."""
    critics = sides(objective)[0]
    prefixes = tuple(f"{name}.critic.".removeprefix(".") for name in critics_of(objective))
    return [name for name in objective.state_dict() if name not in critics and not name.startswith(prefixes)]


def player(
    parameters: list[nn.Parameter],
    learning_rate: LearningRate,
    optimiser: Optimiser | Rule,
    betas: tuple[float, float],
    weight_decay: float,
) -> Player:
    """A player with its optimiser; arguments as for `State`.

    Raises:
        ValueError: no parameters, an unknown optimiser, one of the user's own that cannot be used, betas outside
            [0, 1), or a weight decay that is negative or not finite.
    """
    if not parameters:
        raise ValueError("objective: expected parameters to train, got none that requires a gradient.")
    if isinstance(optimiser, torch.optim.Optimizer):
        raise ValueError(
            "optimiser: expected a name, a class or a function that makes an optimiser of parameters, got a ready "
            f"{type(optimiser).__name__}: pass torch.optim.{type(optimiser).__name__} itself."
        )
    if not callable(optimiser) and optimiser not in OPTIMISERS:
        raise unknown("optimiser", str(optimiser), OPTIMISERS)
    if not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas: expected two numbers from 0 to below 1, got {betas}.")
    if not 0 <= weight_decay < float("inf"):
        raise ValueError(f"weight_decay: expected a finite number of at least 0, got {weight_decay}.")
    if callable(optimiser):
        rule = own_rule(optimiser, parameters, lr=learning_rate.lr, betas=betas, weight_decay=weight_decay)
    else:
        rule = _named_rule(optimiser, parameters, learning_rate.lr, betas, weight_decay)
    return Player(parameters, rule, learning_rate)


def own_rule(make: Rule, parameters: list[nn.Parameter], **options: Any) -> torch.optim.Optimizer:
    """The optimiser that a class or a function of the user's makes of the parameters and the options that it names.

    Raises:
        ValueError: a weight decay that it does not name, what is no optimiser, one whose parameter groups have no
            learning rate or several, or whose step computes the loss again.
    """
    name, taken = getattr(make, "__name__", type(make).__name__), inspect.signature(make).parameters
    if options["weight_decay"] and "weight_decay" not in taken:
        raise ValueError(
            f"weight_decay: expected 0, for the optimiser {name} takes none, got {options['weight_decay']}: name "
            "weight_decay among its parameters."
        )
    rule = make(parameters, **{option: value for option, value in options.items() if option in taken})
    if not isinstance(rule, torch.optim.Optimizer):
        raise ValueError(f"optimiser: expected a torch.optim.Optimizer from {name}, got {type(rule).__name__}.")
    rates = {None if (rate := group.get("lr")) is None else float(rate) for group in rule.param_groups}
    if len(rates) > 1 or None in rates:
        raise ValueError(
            f"optimiser: expected one learning rate in {name}, which lr and the schedule set, got "
            f"{'none' if rates == {None} else 'several'}: give all parameters the same."
        )
    closure = inspect.signature(rule.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise ValueError(
            f"optimiser: expected one that steps by gradients, got {name}, whose step computes the loss several times: "
            "use another, or a loop of your own."
        )
    return rule


def _named_rule(
    optimiser: str, parameters: list[nn.Parameter], lr: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """The optimiser of a name in `OPTIMISERS`, as fast as the device has it."""
    device = parameters[0].device
    # a recorded step reads its learning rate from the device; sgd has no form that does
    recordable = device.type != "cpu" and optimiser != "sgd"
    rate = torch.full((), lr, device=device) if recordable else lr
    # rmsprop has no fused form; that of sgd fails where some parameters get their first gradient late
    fused = optimiser in ("adam", "adamw")
    fast = {"fused": True} if fused else {"foreach": True} if recordable else {}
    fast |= {"capturable": True} if recordable else {}
    # rmsprop does not correct its start: the first steps of a longer memory are 1 / sqrt(1 - alpha) times the rate
    memory = min(betas[1], RMSPROP_MEMORY)
    momenta = {"rmsprop": {"alpha": memory}, "sgd": {"momentum": betas[0]}}.get(optimiser, {"betas": betas})
    return OPTIMISERS[optimiser](parameters, lr=rate, weight_decay=weight_decay, **momenta, **fast)
