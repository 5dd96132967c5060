"""What a training sends to its loggers, and when: never before its folder has its place, and never at its own risk."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from remblai.runs.folder import Run
from remblai.runs.loggers import Logger, Pixels
from remblai.runs.manifest import dotted
from remblai.runtime.distributed import rank
from remblai.runtime.text import first_line

LATER = ("started", "ended", "status")
"""Settings of run.json that say how a training went and not what it is."""


class Recording:
    """The loggers of one training.

    A run that replaces another moves with its first checkpoint: what comes before waits until then. A logger that
    raises is left out from then on, with a warning.

    Args:
        loggers: the first process's; none in the others.
        run: that is trained.
        step: that it goes on from.
    """

    def __init__(self, loggers: Sequence[Logger], run: Run, step: int) -> None:
        self._loggers, self._run = list(loggers), run
        self._start = self._logged = step
        self._waiting: list[Callable[[Logger], None]] = [self._begin]

    def line(self, line: Mapping[str, Any]) -> None:
        """Sends a line of terms.jsonl."""
        self._logged = line["step"]
        self._send(lambda logger: logger.scalars(line["step"], scalars_of(line)))

    def pictures(self, step: int, draw: Callable[[], Mapping[str, Pixels]]) -> None:
        """Sends pictures, which are drawn only where there is a logger."""
        if self._loggers and (pictures := draw()):
            self._send(lambda logger: logger.pictures(step, pictures))

    def end(self, completed: bool) -> None:
        """Sends how the training ended, with the figures of its evaluation where it was completed."""
        if not self._loggers or self._run.replaces:  # its folder is removed: what waits is of no run
            return
        metrics = (self._run.metrics() if completed else None) or {}
        values = {name: figure["value"] for name, figure in metrics.items() if figure["value"] is not None}
        status = self._run.settings["status"]
        self._send(lambda logger: logger.end(self._logged, values, "failed" if status == "running" else status))
        self._loggers = []

    def flush(self) -> None:
        """Sends what waits, where the run's folder is the one where it stays."""
        if self._run.replaces:
            return
        for send in self._waiting:
            self._loggers = [logger for logger in self._loggers if _succeeds(logger, send)]
        self._waiting.clear()

    def _send(self, send: Callable[[Logger], None]) -> None:
        if self._loggers:
            self._waiting.append(send)
            self.flush()

    def _begin(self, logger: Logger) -> None:
        settings = {name: _plain(value) for name, value in dotted(self._run.settings).items() if name not in LATER}
        logger.begin(self._run.folder, settings, self._start)


@contextmanager
def recording(loggers: Sequence[Logger], run: Run, step: int) -> Iterator[Recording]:
    """The recording of a training, which ends with the block. The first process sends, the others nothing."""
    recorded = Recording(loggers if rank() == 0 else (), run, step)
    completed = False
    recorded.flush()  # so that a logger that cannot begin says so before the training does
    try:
        yield recorded
        completed = True
    finally:
        recorded.end(completed)


def scalars_of(line: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a line of terms.jsonl by name: terms with their weights, norms, rates, scores."""
    terms = {f"terms/{name}": term["weighted"] for name, term in line.get("terms", {}).items()}
    groups = [(group, line.get(group, {})) for group in ("gradient_norms", "lr", "validation")]
    found = terms | {f"{group}/{name}": value for group, values in groups for name, value in values.items()}
    return found | ({"weight": line["weight"]} if "weight" in line else {})


def _succeeds(logger: Logger, send: Callable[[Logger], None]) -> bool:
    """Sends, and whether that went well; otherwise a warning says what happened. A training outlives its loggers."""
    try:
        send(logger)
    except Exception as problem:
        warnings.warn(
            f"{type(logger).__name__} failed ({type(problem).__name__}: {first_line(problem)}): nothing more is logged "
            "there, and the training goes on; terms.jsonl has every step",
            stacklevel=2,
        )
        return False
    return True


def _plain(value: Any) -> str | bool | int | float:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str | bool | int | float) else "none" if value is None else str(value)
