"""Trackio: a local data base, or a Space of the Hugging Face hub where its own settings name one."""

import sys
import uuid
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

from remblai.runs.loggers.logger import PROJECT, Pixels, Setting, identity, keep_identity, missing


class Trackio:
    """A run of Trackio, which `trackio show` shows; TRACKIO_DIR and TRACKIO_SPACE_ID say where it is kept.

    Args:
        project: that the run is put in.
    """

    def __init__(self, project: str = PROJECT) -> None:
        try:
            import trackio
        except ImportError as problem:
            raise missing("trackio", problem) from None
        self.project = project
        self._trackio = trackio

    def begin(self, folder: Path, settings: Mapping[str, Setting], step: int) -> None:
        # runs are resumed by their names there, so a name has to be of one folder only
        name = identity(folder, "trackio") or f"{folder.resolve().name}-{uuid.uuid4().hex[:8]}"
        with redirect_stdout(sys.stderr):
            self._trackio.init(project=self.project, name=name, config=dict(settings), resume="allow", embed=False)
        keep_identity(folder, "trackio", name)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._trackio.log(dict(values), step=step)

    def pictures(self, step: int, pictures: Mapping[str, Pixels]) -> None:
        self._trackio.log({name: self._trackio.Image(picture) for name, picture in pictures.items()}, step=step)

    def end(self, step: int, metrics: Mapping[str, float], status: str) -> None:
        if metrics:
            self.scalars(step, {f"metrics/{name}": value for name, value in metrics.items()})
        with redirect_stdout(sys.stderr):
            self._trackio.finish()
