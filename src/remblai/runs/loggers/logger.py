"""The interface of loggers: where the figures and pictures of a training go besides its own folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from remblai.runs.record import SCHEMA
from remblai.runtime.files import write_json
from remblai.runtime.text import first_line

PROJECT = "remblai"
"""The project, or experiment, that runs are put in where no other is named."""
IDENTITIES = "loggers.json"
"""The file in a run's folder that says which run of a service it is, so that a resumed training continues that one."""

Pixels = NDArray[np.uint8]
Setting = str | bool | int | float


@runtime_checkable
class Logger(Protocol):
    """The interface: receives the figures and pictures of one training, in the order of these methods.

    A method that raises ends this logger and not the training: a warning says so, and nothing more is sent to it.
    """

    def begin(self, folder: Path, settings: Mapping[str, Setting], step: int) -> None:
        """The training starts, or goes on.

        Args:
            folder: of the run.
            settings: every setting by the name of its option, and what else is known of the run.
            step: that it goes on from; 0 of a new training.
        """

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """What is logged at a step, by name, such as terms/transport, lr/model, validation/energy_distance_squared."""

    def pictures(self, step: int, pictures: Mapping[str, Pixels]) -> None:
        """What the model draws at an evaluation, and once at the end, as `report/...`: RGB bytes (h, w, 3) by name."""

    def end(self, step: int, metrics: Mapping[str, float], status: str) -> None:
        """The training has ended.

        Args:
            step: the last that was logged; of a training that logged none, that of `begin`.
            metrics: the final figures by name; none where it did not come to them.
            status: complete, stopped (by a signal), diverged or failed.
        """


def missing(extra: str, problem: ImportError) -> ValueError:
    """The error for a logger whose package, which the extra is named after, is not installed or cannot be imported."""
    absent = isinstance(problem, ModuleNotFoundError) and problem.name == extra
    reason = "which is not installed" if absent else f"which cannot be imported ({first_line(problem)})"
    return ValueError(f"--logger {extra} needs the package {extra}, {reason}: pip install 'remblai[{extra}]'.")


def identity(folder: Path, service: str) -> str | None:
    """Which run of the service the run in the folder is; None where it has none yet."""
    found = _identities(folder).get(service)
    return None if found is None else str(found)


def keep_identity(folder: Path, service: str, name: str) -> None:
    """Notes in the run's folder which run of the service it is."""
    write_json(folder / IDENTITIES, _identities(folder) | {service: name})


def _identities(folder: Path) -> dict[str, Any]:
    path = folder / IDENTITIES
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {"schema": SCHEMA}
