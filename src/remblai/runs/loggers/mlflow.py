"""MLflow, on the tracking server that its own settings name."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remblai.runs.loggers.logger import PROJECT, Pixels, Setting, identity, keep_identity, missing

STATUS = {"complete": "FINISHED", "stopped": "KILLED"}
"""MLflow's words for how a training ended; otherwise it is FAILED."""
LONGEST = 500
"""Letters of a parameter's value that every server takes."""
BATCH = 100
"""Parameters that one call takes."""


class MLflow:
    """A run of MLflow, on the server or in the files that MLFLOW_TRACKING_URI names.

    Parameters of a run cannot change there: a resumed training keeps those of its first start.

    Args:
        project: the experiment that the run is put in; None takes MLFLOW_EXPERIMENT_NAME, or remblai.
    """

    def __init__(self, project: str | None = None) -> None:
        try:
            import mlflow
        except ImportError as problem:
            raise missing("mlflow", problem) from None
        self.project = project
        self._mlflow = mlflow
        self._client: Any = None
        self._run = ""

    def begin(self, folder: Path, settings: Mapping[str, Setting], step: int) -> None:
        self._client = self._mlflow.MlflowClient()
        if (known := identity(folder, "mlflow")) is not None:
            self._run = known
            self._client.update_run(known, status="RUNNING")
            return
        name = self.project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
        experiment = self._client.get_experiment_by_name(name)
        number = self._client.create_experiment(name) if experiment is None else experiment.experiment_id
        self._run = self._client.create_run(number, run_name=folder.resolve().name).info.run_id
        keep_identity(folder, "mlflow", self._run)
        entities = self._mlflow.entities
        parameters = [entities.Param(key, str(value)[:LONGEST]) for key, value in settings.items()]
        for first in range(0, len(parameters), BATCH):
            self._client.log_batch(self._run, params=parameters[first : first + BATCH])

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        metric, now = self._mlflow.entities.Metric, int(1000 * time.time())
        self._client.log_batch(self._run, metrics=[metric(name, value, now, step) for name, value in values.items()])

    def pictures(self, step: int, pictures: Mapping[str, Pixels]) -> None:
        for name, picture in pictures.items():
            self._client.log_image(self._run, picture, key=name, step=step)

    def end(self, step: int, metrics: Mapping[str, float], status: str) -> None:
        if metrics:
            self.scalars(step, {f"metrics/{name}": value for name, value in metrics.items()})
        self._client.set_tag(self._run, "remblai.status", status)
        self._client.set_terminated(self._run, STATUS.get(status, "FAILED"))
