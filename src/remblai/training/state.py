"""The explicit state of a training run: objective, optimisers, average, counters: all that a checkpoint needs."""

import contextlib
import random
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from remblai.config.registry import unknown
from remblai.objectives import Objective
from remblai.runtime import distributed, rng
from remblai.runtime.processes import from_all
from remblai.training.compiled import Compiled
from remblai.training.ema import Average
from remblai.training.graphs import CudaRecorder, Graphs
from remblai.training.guard import NonFiniteGuard
from remblai.training.players import Optimiser, Player, Rule, critics_of, model_state, player, sides, trained
from remblai.training.schedules import (
    CriticSteps,
    Factor,
    LearningRate,
    Schedule,
    check_counts,
    check_falls,
    check_positive,
    first_phase,
    scheduled,
)

Precision = Literal["float32", "bfloat16"]


class State:
    """A run in progress: give it to `steps` with batches.

    Of several processes all begin with the first one's weights.

    >>> import torch, remblai
    >>> objective = remblai.recipes.wae_gan(shape=(2,), latent=2)
    >>> state = remblai.training.State(objective, **remblai.recipes.wae_gan.loop)
    >>> state.steps, state.critic_steps(1), state.critics is not None
    (4000, 2, True)

    Args:
        objective: what is trained; its critics are the `Adversarial` parts found in it. Parameters that require no
            gradient stay as they are.
        lr: learning rate of the model.
        critic_lr: learning rate of the critics; None takes the model's.
        optimiser: the rule that turns gradients into steps, for both sides: a name, or a class of `torch.optim` or a
            function that makes one of the parameters and those of lr, betas and weight_decay that it names.
        betas: Adam's two decay rates; RMSprop takes the second as its smoothing, at most .99, SGD the first as its
            momentum.
        weight_decay: decay of the model's weights (decoupled for adamw).
        schedule: how the model's learning rate falls: constant; step (times decays at milestones); cosine (to 0); or a
            function from the share of the run that is done, 0 to 1, to a factor of it.
        critic_schedule: the same for the critics; None takes the model's.
        milestones: shares of the run after which a step schedule falls.
        decays: the factor at each milestone (the WAE authors': 0.5 after 30 %, 0.2 more after 50 %).
        clip: largest norm of the model's gradient; None leaves it free.
        accumulate: batches whose gradients are averaged into one step.
        average: decay of the moving average of the model's weights; None keeps none.
        critic_steps: steps of the critics before each of the model: a number, long-rounds (WGAN's), every-third
            (OT-GAN's), or a function of the step.
        own_batches: whether the critics draw batches of their own (WGAN) or share the model's (WAE).
        warm_start: first steps that only match the codes' mean and covariance to the prior's, or a machine by
            likelihood; below 1 it is a share of the steps.
        batch_size: points in a batch.
        steps: how many steps the run has; schedules are shares of it.
        precision: float32, or bfloat16 under autocast.
        compile: whether the losses are compiled; one that cannot be falls back to eager and says so.
        graph: whether each player's step is recorded as a CUDA graph and replayed; a step that cannot be is eager, and
            a warning says so once.

    Raises:
        ValueError: what is no objective, a setting outside its range, or a schedule that falls in a run of unknown
            length.
    """

    def __init__(
        self,
        objective: Objective,
        *,
        lr: float = 1e-3,
        critic_lr: float | None = None,
        optimiser: Optimiser | Rule = "adam",
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        schedule: Schedule | Factor = "constant",
        critic_schedule: Schedule | Factor | None = None,
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
        precision: Precision = "float32",
        compile: bool = False,
        graph: bool = False,
    ) -> None:
        if not isinstance(objective, Objective):
            raise ValueError(
                f"objective: expected an Objective, got {type(objective).__name__}: call a recipe for one, such as "
                "remblai.recipes.wae_mmd(shape=(2,)), or derive yours from remblai.objectives.Objective."
            )
        check_positive(lr=lr, critic_lr=critic_lr, clip=clip)
        check_counts(accumulate=accumulate, batch_size=batch_size, steps=1 if steps is None else steps)
        check_falls(steps, schedule=schedule, critic_schedule=critic_schedule)
        if precision not in get_args(Precision):
            raise unknown("precision", str(precision), get_args(Precision))
        self.warm_start = first_phase(warm_start, steps)
        self.critic_steps = scheduled(critic_steps)
        distributed.begin_as_one(objective)
        objective.prepare(batch_size)
        self.objective, self.clip, self.accumulate, self.own_batches = objective, clip, accumulate, own_batches
        self.batch_size, self.steps, self.precision = batch_size, steps, precision
        self.step, self.batches_drawn, self.seconds = 0, 0, 0.0

        inner, outer = (trained(side.values()) for side in sides(objective))
        rate = LearningRate(lr, schedule, milestones, decays)
        critic_rate = LearningRate(
            lr if critic_lr is None else critic_lr, critic_schedule or schedule, milestones, decays
        )
        self.model = player(outer, rate, optimiser, betas, weight_decay)
        self.critics = player(inner, critic_rate, optimiser, betas, 0.0) if inner else None
        self.average = None if average is None else Average(objective, model_state(objective), average)
        twice = any(part.lipschitz.differentiates_twice for part in critics_of(objective).values())
        self.terms = Compiled(objective.forward, compile)
        self.adversary = Compiled(objective.adversary_loss, compile and not twice)
        self.guard = NonFiniteGuard()
        self.graphs = recordings(self.model, objective) if graph else Graphs(None)

    def __repr__(self) -> str:
        of = "" if self.steps is None else f" of {self.steps:,}"
        return f"<state of {type(self.objective).__name__} after step {self.step:,}{of}>"

    @property
    def averaged_weights(self) -> dict[str, Tensor] | None:
        """The moving average of the model's weights by name, without a copy; None where none is kept."""
        return None if self.average is None else self.average.values

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision's context."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.model.parameters[0].device.type, torch.bfloat16)

    def rate(self, player: Player) -> float:
        """The player's learning rate at this step, a function of the share of the run before it alone."""
        return player.learning_rate((self.step - 1) / self.steps if self.steps else 0.0)

    def tensors(self) -> list[Tensor]:
        """Every tensor that a step changes in place: parameters, buffers, the average and the optimisers' own."""
        found: list[Tensor] = [*self.objective.parameters(), *self.objective.buffers()]
        found += (self.averaged_weights or {}).values()
        for each in (self.model, self.critics):
            states = each.optimiser.state.values() if each is not None else ()
            found += [value for state in states for value in state.values() if isinstance(value, Tensor)]
        return found

    def state_dict(self) -> dict[str, Any]:
        """Counters, generators and optimisers; the weights and their average are kept in files of their own.

        Several processes call it together: each has generators of its own, and the state holds those of all.
        """
        everyone = from_all(generators(self.model.parameters[0].device))
        return {
            "number": self.step,
            "drawn": self.batches_drawn,
            "seconds": self.seconds,
            "warm_start": self.warm_start,
            "updates": self.average.updates if self.average else 0,
            "generators": everyone[0],
            "others": everyone[1:],
            "model": self.model.state_dict(),
            "critics": self.critics.state_dict() if self.critics else None,
        }

    def load_state_dict(self, saved: dict[str, Any], average: dict[str, Tensor] | None) -> None:
        """Continues where `state_dict` was taken; the objective's weights are loaded by the caller."""
        self.step, self.batches_drawn, self.seconds = saved["number"], saved["drawn"], saved["seconds"]
        self.warm_start = saved["warm_start"]  # a share of the steps that were asked for first: it does not come again
        self.graphs.clear()
        self.model.load_state_dict(saved["model"])
        if self.critics:
            self.critics.load_state_dict(saved["critics"])
        if self.average is not None and average is not None:
            self.average.load(average, saved["updates"])
        everyone = [saved["generators"], *saved.get("others", [])]
        restore_generators(everyone, self.step, self.model.parameters[0].device)


def recordings(model: Player, objective: Objective) -> Graphs:
    """The recordings of an objective's steps; none where the device or a part of it has no graphs, with the reason."""
    device = model.parameters[0].device
    if device.type != "cuda":
        return Graphs(None, f"graphs are those of a CUDA device, and the model is on {device}")
    if model.rate is None:
        return Graphs(None, f"the optimiser {type(model.optimiser).__name__} reads its learning rate on the host")
    if distributed.world() > 1:
        return Graphs(None, "several processes exchange gradients in each step")
    waiting = [type(part).__name__ for part in objective.modules() if not getattr(part, "compiles", True)]
    if waiting:
        return Graphs(None, f"{waiting[0]} reads results on the host to decide how it goes on")
    return Graphs(CudaRecorder(device))


def generators(device: torch.device) -> dict[str, Any]:
    """The state of every global generator of the host, and of that of the device."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    version, words, spare = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": [torch.cuda.get_rng_state(device)] if device.type == "cuda" else [],
        "numpy": [
            kind,
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(gauss),
        ],
        "python": [version, list(words), spare],
    }


def restore_generators(everyone: list[dict[str, Any]], step: int, device: torch.device) -> None:
    """Sets every global generator of this process, and that of the device, to what `generators` returned in it.

    As many processes as before go on as if they never stopped. Another number of them starts new streams, which
    depend on the saved ones and on the step.
    """
    if len(everyone) != distributed.world():
        words = everyone[0]["torch"].to(torch.int64)
        rng.seed(int((words * torch.arange(1, len(words) + 1)).sum() % 2**31) + step)
        return
    saved = everyone[distributed.rank()]
    torch.set_rng_state(saved["torch"])
    if device.type == "cuda" and (found := saved["cuda"]):
        # earlier versions kept a state for each GPU that was visible, of which there may have been more than here
        torch.cuda.set_rng_state(found[device.index if device.index < len(found) else 0], device)
    kind, keys, *rest = saved["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    version, words, spare = saved["python"]
    random.setstate((version, tuple(words), spare))
