"""How many turns the critics take before each of the model's: schedules by name."""

from collections.abc import Callable

from remblai.config.registry import unknown

CriticSteps = Callable[[int], int]
LONG, USUAL = 100, 5


def long_rounds(step: int) -> int:
    """100 turns in the first 25 rounds, the 501st, the 1,001st ..., 5 in the others: the WGAN authors' code."""
    return LONG if step <= 25 or step % 500 == 1 else USUAL


def every_third(step: int) -> int:
    """One turn in every third round: the model takes three for each of the critics'."""
    return int(step % 3 == 0)


CRITIC_STEPS: dict[str, CriticSteps] = {"long-rounds": long_rounds, "every-third": every_third}


def scheduled(critic_steps: int | str | CriticSteps) -> CriticSteps:
    """The turns as a function of the step, from 1: of a number, a name of `CRITIC_STEPS`, or as it is.

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
        raise ValueError(f"critic_steps: expected at least 0 turns of the critics, got {critic_steps}.")
    return lambda step: critic_steps
