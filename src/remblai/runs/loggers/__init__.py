"""Loggers: where the figures and pictures of a training go besides its own folder."""

from collections.abc import Callable, Sequence
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
    several: Sequence[Any] = chosen if isinstance(chosen, list | tuple) else [] if chosen is None else [chosen]
    names = [name for one in several for name in (one.split(",") if isinstance(one, str) else [one])]
    names += ["tensorboard"] * tensorboard
    distinct = [one for place, one in enumerate(names) if one not in names[:place]]
    return [make(LOGGERS, one, "logger", interface=Logger) for one in distinct]


__all__ = [
    "LOGGERS",
    "Chosen",
    "Logger",
    "MLflow",
    "Pixels",
    "TensorBoard",
    "Trackio",
    "WeightsAndBiases",
    "make_loggers",
]
