"""Loggers: where the figures and pictures of a training go besides its own folder."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from remblai.config.registry import Choice, make
from remblai.runs.loggers.logger import Logger, Pixels
from remblai.runs.loggers.mlflow import MLflow
from remblai.runs.loggers.tensorboard import TensorBoard
from remblai.runs.loggers.trackio import Trackio
from remblai.runs.loggers.wandb import WeightsAndBiases

LOGGERS: dict[str, Callable[..., Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "mlflow": MLflow,
    "trackio": Trackio,
}

Chosen = Choice | Logger | Sequence[Choice | Logger]
"""Names joined by commas, a name with its options, an object of the protocol, or several of these."""


def make_loggers(chosen: Chosen | None, tensorboard: bool = False) -> list[Logger]:
    """The loggers of a training, which write nothing yet.

    Args:
        chosen: which; None is none.
        tensorboard: that one too, once.

    Raises:
        ValueError: an unknown name, an object that is no logger, or one whose package is not installed.
    """
    return [make(LOGGERS, one, "logger", interface=Logger) for one in _distinct(chosen, tensorboard)]


def loggers_of(
    chosen: Chosen | None, tensorboard: bool, earlier: Sequence[Choice] | None
) -> tuple[list[Logger], list[Any]]:
    """The loggers of a training, and those of them that its run keeps: all that have a name.

    Args:
        chosen: which; None is those of the run that is resumed.
        tensorboard: that one too, once.
        earlier: what that run kept; None of a new one.

    Raises:
        ValueError: see `make_loggers`, of those that are chosen.
    """
    named = [one for one in _distinct(chosen, tensorboard) if isinstance(one, str | Mapping)]
    if chosen is not None or tensorboard or not earlier:
        return make_loggers(chosen, tensorboard), named
    found = []
    for one in earlier:
        try:
            found += make_loggers([one])
        except ValueError as problem:
            warnings.warn(f"the run was logged before, and goes on without: {problem}", stacklevel=3)
    return found, list(earlier)


def _distinct(chosen: Chosen | None, tensorboard: bool) -> list[Any]:
    """Each logger that is asked for, once."""
    several: Sequence[Any] = chosen if isinstance(chosen, list | tuple) else [] if chosen is None else [chosen]
    names = [name for one in several for name in (one.split(",") if isinstance(one, str) else [one])]
    names += ["tensorboard"] * tensorboard
    return [one for place, one in enumerate(names) if one not in names[:place]]


__all__ = [
    "LOGGERS",
    "Chosen",
    "Logger",
    "MLflow",
    "Pixels",
    "TensorBoard",
    "Trackio",
    "WeightsAndBiases",
    "loggers_of",
    "make_loggers",
]
