"""Weights & Biases, online or offline as its own settings say."""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remblai.runs.loggers.logger import PROJECT, Pixels, Setting, identity, keep_identity, missing


class WeightsAndBiases:
    """A run of Weights & Biases; its own environment variables (WANDB_MODE, WANDB_ENTITY ...) apply.

    Steps are a metric of their own, `step`, over which all others are drawn: a resumed training logs the steps after
    its checkpoint again, which the service's own counter would refuse.

    Args:
        project: that the run is put in; None takes WANDB_PROJECT, or remblai.
    """

    def __init__(self, project: str | None = None) -> None:
        try:
            import wandb
        except ImportError as problem:
            raise missing("wandb", problem) from None
        self.project = project
        self._wandb = wandb
        self._run: Any = None

    def begin(self, folder: Path, settings: Mapping[str, Setting], step: int) -> None:
        own = identity(folder, "wandb") or uuid.uuid4().hex[:8]
        project = self.project or os.environ.get("WANDB_PROJECT") or PROJECT
        self._run = self._wandb.init(
            project=project, id=own, name=folder.resolve().name, config=dict(settings),
            resume="allow", allow_val_change=True, reinit="create_new",
        )  # fmt: skip
        keep_identity(folder, "wandb", own)
        self._run.define_metric("*", step_metric="step")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({**values, "step": step})

    def pictures(self, step: int, pictures: Mapping[str, Pixels]) -> None:
        shown = {name: self._wandb.Image(picture) for name, picture in pictures.items()}
        self._run.log({**shown, "step": step})

    def end(self, step: int, metrics: Mapping[str, float], status: str) -> None:
        self._run.summary.update({f"metrics/{name}": value for name, value in metrics.items()} | {"status": status})
        self._run.finish(exit_code=0 if status == "complete" else 1)
