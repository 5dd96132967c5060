"""The explicit state of a training run: objective, optimisers, average, counters - all that a checkpoint needs."""

import contextlib
import math
import random
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from remblai.critics import Adversarial
from remblai.objectives import Objective
from remblai.runtime import distributed
from remblai.training.average import Average
from remblai.training.compiled import Compiled
from remblai.training.critic_steps import CriticSteps, scheduled

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
Schedule = Literal["constant", "step", "cosine"]
Terms = dict[str, Tensor]


class Player:
    """One side of the game: its parameters, its optimiser and its learning rate's schedule."""

    def __init__(
        self, parameters: list[nn.Parameter], optimiser: torch.optim.Optimizer, lr: float, schedule: str
    ) -> None:
        self.parameters, self.optimiser, self.lr, self.schedule = parameters, optimiser, lr, schedule
        self.gradient_norm: Tensor | None = None


class State:
    """A run in progress: give it to `steps` with an endless stream of batches.

    Of several processes all begin with the first one's weights.

    Args:
        objective: what is trained; its critics are the `Adversarial` parts found in it.
        lr: learning rate of the model.
        critic_lr: learning rate of the critics; None takes the model's.
        optimiser: the rule that turns gradients into steps, for both sides.
        betas: Adam's two decay rates; RMSprop takes the second as its smoothing, SGD the first as its momentum.
        weight_decay: decay of the model's weights (decoupled for adamw).
        schedule: how the model's learning rate falls: constant; step (times decays at milestones); cosine (to 0).
        critic_schedule: the same for the critics; None takes the model's.
        milestones: shares of the run after which a step schedule falls.
        decays: the factor at each milestone (the WAE authors': 0.5 after 30 %, 0.2 more after 50 %).
        clip: largest norm of the model's gradient; None leaves it free.
        accumulate: batches whose gradients are averaged into one step.
        average: decay of the moving average of the model's weights; None keeps none.
        critic_steps: turns of the critics before each turn of the model: a number, long-rounds (WGAN's), every-third
            (OT-GAN's), or a function of the step.
        own_batches: whether the critics draw batches of their own (WGAN) or share the model's (WAE).
        warm_start: first steps that only match the codes' mean and covariance to the prior's, or a machine by
            likelihood; below 1 it is a share of the steps.
        batch_size: points in a batch.
        steps: how many steps the run has; schedules are shares of it.
        precision: float32, or bfloat16 under autocast.
        compile: whether the losses are compiled; one that cannot be falls back to eager and says so.

    Raises:
        ValueError: a setting outside its range.
    """

    def __init__(
        self,
        objective: Objective,
        *,
        lr: float = 1e-3,
        critic_lr: float | None = None,
        optimiser: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam",
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        schedule: Schedule = "constant",
        critic_schedule: Schedule | None = None,
        milestones: tuple[float, ...] = (0.3, 0.5),
        decays: tuple[float, ...] = (0.5, 0.2),
        clip: float | None = None,
        accumulate: int = 1,
        average: float | None = None,
        critic_steps: int | str | CriticSteps = 1,
        own_batches: bool = False,
        warm_start: int | float = 0,
        batch_size: int = 100,
        steps: int | None = None,
        precision: Literal["float32", "bfloat16"] = "float32",
        compile: bool = False,
    ) -> None:
        _check(lr=lr, critic_lr=critic_lr, clip=clip)
        _check_counts(1, accumulate=accumulate, batch_size=batch_size, steps=1 if steps is None else steps)
        warm_start = _first_steps(warm_start, steps)
        if steps is not None and warm_start >= steps:
            raise ValueError(
                f"warm_start: expected fewer than the run's {steps} steps, got {warm_start}: the objective itself "
                "would never be descended; take more steps, or a shorter first phase (--warm-start)."
            )
        if len(milestones) != len(decays):
            raise ValueError(f"milestones and decays: expected as many of each, got {milestones} and {decays}.")
        if sorted(milestones) != list(milestones) or not all(0 <= share <= 1 for share in milestones):
            raise ValueError(f"milestones: expected shares of the run from 0 to 1 that rise, got {milestones}.")
        _check(**{f"decays[{i}]": value for i, value in enumerate(decays)})
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas: expected two numbers from 0 to below 1, got {betas}.")
        if not 0 <= weight_decay < float("inf"):
            raise ValueError(f"weight_decay: expected a finite number of at least 0, got {weight_decay}.")
        distributed.begin_as_one(objective)
        self.objective, self.clip, self.accumulate, self.own_batches = objective, clip, accumulate, own_batches
        self.critic_steps, self.warm_start, self.batch_size, self.steps, self.precision = (
            scheduled(critic_steps),
            warm_start,
            batch_size,
            steps,
            precision,
        )
        self.milestones, self.decays = milestones, decays
        self.step, self.batches_drawn, self.seconds = 0, 0, 0.0
        critics, model = sides(objective)
        inner, outer = list(critics.values()), list(model.values())

        def rule(parameters: list[nn.Parameter], rate: float, decay: float) -> torch.optim.Optimizer:
            # rmsprop has no fused form; that of sgd fails where some parameters get their first gradient late
            fused = optimiser in ("adam", "adamw") and all(p.device.type in ("cpu", "cuda") for p in parameters)
            fast = {"fused": True} if fused else {}
            own = {
                "rmsprop": {"alpha": betas[1]},
                "sgd": {"momentum": betas[0]},
            }.get(optimiser, {"betas": betas})
            return OPTIMISERS[optimiser](parameters, lr=rate, weight_decay=decay, **own, **fast)

        rate = lr if critic_lr is None else critic_lr
        self.model = Player(outer, rule(outer, lr, weight_decay), lr, schedule)
        self.critics = Player(inner, rule(inner, rate, 0.0), rate, critic_schedule or schedule) if inner else None
        hidden = {name for name, _ in objective.named_parameters() if name in critics} | critic_buffers(objective)
        shown = [name for name in objective.state_dict() if name not in hidden]
        self.average = None if average is None else Average(objective, shown, average)
        parts = [part for part in objective.modules() if isinstance(part, Adversarial)]
        twice = any(part.lipschitz.differentiates_twice for part in parts)
        self.terms = Compiled(objective.forward, compile)
        self.adversary = Compiled(objective.adversary_loss, compile and not twice)
        self.guard = NonFiniteGuard()

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision's context."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.model.parameters[0].device.type, torch.bfloat16)

    def rate(self, player: Player) -> float:
        """The player's learning rate at this step: a function of the step alone."""
        done = self.step / self.steps if self.steps else 0.0
        if player.schedule == "cosine":
            return player.lr * 0.5 * (1 + float(np.cos(np.pi * done)))
        if player.schedule == "step":
            passed = [factor for at, factor in zip(self.milestones, self.decays, strict=True) if done >= at]
            return player.lr * float(np.prod(passed))
        return player.lr

    def state_dict(self) -> dict[str, Any]:
        """Counters, generators and optimisers; the weights and their average are kept apart."""
        return {
            "number": self.step,
            "drawn": self.batches_drawn,
            "seconds": self.seconds,
            "warm_start": self.warm_start,
            "updates": self.average.updates if self.average else 0,
            "generators": generators(),
            "model": self.model.optimiser.state_dict(),
            "critics": self.critics.optimiser.state_dict() if self.critics else None,
        }

    def load_state_dict(self, saved: dict[str, Any], average: dict[str, Tensor] | None) -> None:
        """Continues where `state_dict` was taken; the objective's weights are loaded by the caller."""
        self.step, self.batches_drawn, self.seconds = saved["number"], saved["drawn"], saved["seconds"]
        self.warm_start = saved["warm_start"]  # a share of the steps that were asked for first: it does not come again
        self.model.optimiser.load_state_dict(saved["model"])
        if self.critics:
            self.critics.optimiser.load_state_dict(saved["critics"])
        if self.average is not None and average is not None:
            self.average.load(average, saved["updates"])
        restore_generators(saved["generators"])


class NonFiniteGuard:
    """Remembers on the device the first step and term that was not finite, without waiting for the device.

    A step is looked at together with those before it: one by one they would cost as much as a small model's step.
    """

    TOGETHER = 64

    def __init__(self) -> None:
        self._first: Tensor | None = None
        self._names: list[str] = []
        self._codes: list[tuple[int, int]] = []
        self._values: list[Tensor] = []

    def observe(self, number: int, terms: Terms) -> None:
        """Notes a step's terms."""
        for name, term in terms.items():
            if name not in self._names:
                self._names.append(name)
            self._codes.append((number, self._names.index(name)))
            self._values.append(term.detach())
        if len(self._values) >= self.TOGETHER:
            self._look()

    def _look(self) -> None:
        """Finds the first bad value among those noted since the last look."""
        bad = ~torch.isfinite(torch.stack(self._values))
        codes = torch.tensor([(0, 0), *self._codes]).to(bad.device, non_blocking=True)
        code = codes.index_select(0, (bad.any() * (1 + torch.argmax(bad.to(torch.uint8)))).view(1))[0]
        self._first = code if self._first is None else torch.where(self._first[0] == 0, code, self._first)
        self._codes, self._values = [], []

    def first_bad(self) -> tuple[int, str] | None:
        """The first bad step and term, or None. Waits for the device."""
        if self._values:
            self._look()
        if self._first is None:
            return None
        number, name = (int(value) for value in self._first.tolist())
        return (number, self._names[name]) if number else None


def sides(objective: Objective) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """The critics' parameters and the model's, by name."""
    inner = {id(p) for part in objective.modules() if isinstance(part, Adversarial) for p in part.critic.parameters()}
    named = dict(objective.named_parameters())
    critics = {name: p for name, p in named.items() if id(p) in inner}
    return critics, {name: p for name, p in named.items() if name not in critics}


def critic_buffers(objective: Objective) -> set[str]:
    """Names of the critics' buffers in the objective's state."""
    prefixes = [name + ".critic." for name, part in objective.named_modules() if isinstance(part, Adversarial)]
    return {name for name in objective.state_dict() if any(name.startswith(prefix) for prefix in prefixes)}


def generators() -> dict[str, Any]:
    """The state of every global generator."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    version, words, spare = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [
            kind,
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(gauss),
        ],
        "python": [version, list(words), spare],
    }


def restore_generators(saved: dict[str, Any]) -> None:
    """Sets every global generator as `generators` found it."""
    torch.set_rng_state(saved["torch"])
    if saved["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(saved["cuda"])
    kind, keys, *rest = saved["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    version, words, spare = saved["python"]
    random.setstate((version, tuple(words), spare))


def _check(**rates: float | None) -> None:
    for name, value in rates.items():
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{name}: expected a number above 0, got {value}.")


def _first_steps(warm_start: float, steps: int | None) -> int:
    """How many steps the first phase has, of which a share of all may be asked."""
    if 0 < warm_start < 1:
        if steps is None:
            raise ValueError(f"warm_start: {warm_start} is a share of the run's steps: give steps, or a whole number.")
        return int(warm_start * steps)
    if not (math.isfinite(warm_start) and warm_start >= 0 and warm_start == int(warm_start)):
        raise ValueError(f"warm_start: expected a whole number of steps or a share below 1, got {warm_start}.")
    return int(warm_start)


def _check_counts(least: int, **counts: int) -> None:
    for name, value in counts.items():
        if value < least:
            raise ValueError(f"{name}: expected at least {least}, got {value}.")
