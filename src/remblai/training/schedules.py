"""What changes with the step: learning rates, the critics' steps, the first phase."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import Literal, get_args

import numpy as np

from remblai.config.registry import unknown

Schedule = Literal["constant", "step", "cosine"]
Factor = Callable[[float], float]
"""A schedule of one's own: from the share of the run that is done, 0 to 1, to a factor of the learning rate."""
CriticSteps = Callable[[int], int]
LONG, USUAL = 100, 5


@dataclass(frozen=True)
class LearningRate:
    """A player's learning rate as a function of the share of the run that is done.

    Attributes:
        lr: at the start.
        schedule: constant; step (times decays at milestones); cosine (to 0); or a function of the share to a factor.
        milestones: shares of the run after which a step schedule falls.
        decays: the factor at each milestone.

    Raises:
        ValueError: an unknown schedule, a function whose factor is no finite number of at least 0, milestones that do
            not rise from 0 to 1, or more or fewer decays than milestones.
    """

    lr: float
    schedule: Schedule | Factor
    milestones: tuple[float, ...]
    decays: tuple[float, ...]

    def __post_init__(self) -> None:
        check_schedule(self.schedule)
        if len(self.milestones) != len(self.decays):
            raise ValueError(
                f"milestones and decays: expected as many of each, got {self.milestones} and {self.decays}."
            )
        if sorted(self.milestones) != list(self.milestones) or not all(0 <= share <= 1 for share in self.milestones):
            raise ValueError(f"milestones: expected shares of the run from 0 to 1 that rise, got {self.milestones}.")
        check_positive(**{f"decays[{i}]": value for i, value in enumerate(self.decays)})

    def __call__(self, done: float) -> float:
        """The rate when a share from 0 to 1 of the run is done.

        Raises:
            ValueError: a function's factor is no finite number of at least 0.
        """
        if callable(self.schedule):
            return self.lr * _factor(self.schedule, done)
        if self.schedule == "cosine":
            return self.lr * 0.5 * (1 + float(np.cos(np.pi * done)))
        if self.schedule == "step":
            passed = [factor for at, factor in zip(self.milestones, self.decays, strict=True) if done >= at]
            return self.lr * math.prod(passed)
        return self.lr


def check_schedule(schedule: object) -> None:
    """Refuses what is neither the name of a schedule nor a function of the share of the run that is done.

    Raises:
        ValueError: it is neither, or the function's factor at the start is none.
    """
    names = get_args(Schedule)
    if isinstance(schedule, str):
        if schedule not in names:
            raise unknown("schedule", schedule, names)
    elif not callable(schedule) or isinstance(schedule, type):
        kind = schedule.__name__ if isinstance(schedule, type) else type(schedule).__name__
        raise ValueError(
            f"schedule: expected a name ({', '.join(names)}) or a function from the share of the run that is done, 0 "
            f"to 1, to a factor of the learning rate, got {kind}: write one, such as lambda done: 1 - done."
        )
    else:
        _factor(schedule, 0.0)


def _factor(schedule: Factor, done: float) -> float:
    factor = schedule(done)
    if isinstance(factor, bool) or not isinstance(factor, Real) or not 0 <= float(factor) < math.inf:
        raise ValueError(
            f"schedule: expected a finite factor of at least 0 from the function at the share {done:g} of the run, got "
            f"{factor!r}."
        )
    return float(factor)


def long_rounds(step: int) -> int:
    """100 critic steps in the first 25 steps, the 501st, the 1,001st ..., 5 in the others: the WGAN authors' code."""
    return LONG if step <= 25 or step % 500 == 1 else USUAL


def every_third(step: int) -> int:
    """One critic step in every third step: the model takes three for each of the critics'."""
    return int(step % 3 == 0)


CRITIC_STEPS: dict[str, CriticSteps] = {"long-rounds": long_rounds, "every-third": every_third}


def scheduled(critic_steps: int | str | CriticSteps) -> CriticSteps:
    """The critic steps as a function of the step, from 1: of a number, a name of `CRITIC_STEPS`, or as it is.

    Raises:
        ValueError: an unknown name, or a number below 0.
    """
    if isinstance(critic_steps, str):
        if critic_steps not in CRITIC_STEPS:
            raise unknown("schedule of critic_steps", critic_steps, CRITIC_STEPS)
        return CRITIC_STEPS[critic_steps]
    if callable(critic_steps):
        return critic_steps
    if critic_steps < 0:
        raise ValueError(f"critic_steps: expected at least 0 steps of the critics, got {critic_steps}.")
    return partial(_constant, critic_steps)


def _constant(critic_steps: int, step: int) -> int:
    return critic_steps


def first_phase(warm_start: float, steps: int | None) -> int:
    """How many steps the first phase has, of which a share of all may be asked.

    Raises:
        ValueError: no whole number and no share below 1, a share of an unknown number of steps, or the whole run.
    """
    if 0 < warm_start < 1:
        if steps is None:
            raise ValueError(f"warm_start: {warm_start} is a share of the run's steps: give steps, or a whole number.")
        return int(warm_start * steps)
    if not (math.isfinite(warm_start) and warm_start >= 0 and warm_start == int(warm_start)):
        raise ValueError(f"warm_start: expected a whole number of steps or a share below 1, got {warm_start}.")
    if steps is not None and warm_start >= steps:
        raise ValueError(
            f"warm_start: expected fewer than the run's {steps} steps, got {int(warm_start)}: the objective itself "
            "would never be descended; take more steps, or a shorter first phase (--warm-start)."
        )
    return int(warm_start)


def check_positive(**rates: float | None) -> None:
    """Refuses rates that are not above 0; None is left aside.

    Raises:
        ValueError: one is not, or is no number, with its name.
    """
    for name, value in rates.items():
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf
        ):
            raise ValueError(f"{name}: expected a number above 0, got {value!r}.")


def check_counts(**counts: int) -> None:
    """Refuses counts that are no whole numbers of at least 1.

    Raises:
        ValueError: one is not, with its name.
    """
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name}: expected a whole number of at least 1, got {value!r}.")


def check_falls(steps: int | None, **schedules: str | Factor | None) -> None:
    """Refuses schedules that change with the share of the run that is done, where the run has no end.

    Raises:
        ValueError: one does, with its name.
    """
    for name, schedule in schedules.items():
        if steps is None and (callable(schedule) or schedule in ("step", "cosine")):
            what = "a function changes" if callable(schedule) else f"{schedule!r} falls"
            raise ValueError(
                f"{name}: {what} with the share of the run that is done, and the run has no number of "
                "steps: give steps, or take 'constant'."
            )
