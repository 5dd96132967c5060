"""How many turns the critics take before each of the model's: schedules by name."""

from collections.abc import Callable

from remblai.choices import unknown

Ascents = Callable[[int], int]
LONG, USUAL = 100, 5


def long_rounds(step: int) -> int:
    """100 turns in the first 25 rounds, the 501st, the 1,001st ..., 5 in the others: the WGAN authors' code."""
    return LONG if step <= 25 or step % 500 == 1 else USUAL


def every_third(step: int) -> int:
    """One turn in every third round: the model takes three for each of the critics'."""
    return int(step % 3 == 0)


ASCENTS: dict[str, Ascents] = {"long-rounds": long_rounds, "every-third": every_third}


def scheduled(ascents: int | str | Ascents) -> Ascents:
    """The turns as a function of the step, from 1: of a number, a name of `ASCENTS`, or as it is.

    Raises:
        ValueError: an unknown name, or a number below 0.
    """
    if isinstance(ascents, str):
        if ascents not in ASCENTS:
            raise unknown("schedule of ascents", ascents, ASCENTS)
        return ASCENTS[ascents]
    if callable(ascents):
        return ascents
    if ascents < 0:
        raise ValueError(f"ascents: expected at least 0 turns of the critics, got {ascents}.")
    return lambda step: ascents
