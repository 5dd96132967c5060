"""TensorBoard: event files in the run's folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remblai.runs.loggers.logger import Pixels, Setting, missing


class TensorBoard:
    """Event files in `tensorboard/` of the run's folder, which `tensorboard --logdir` shows.

    A resumed training goes on in the same place, and what was logged after the step that it goes on from is hidden.
    The settings are a table of text from the start; with the final figures they are a row of the tab of
    hyperparameters.
    """

    def __init__(self) -> None:
        try:
            from torch.utils import tensorboard
        except ImportError as problem:
            raise missing("tensorboard", problem) from None
        self._tensorboard = tensorboard
        self._writer: Any = None
        self._settings: dict[str, Setting] = {}

    def begin(self, folder: Path, settings: Mapping[str, Setting], step: int) -> None:
        self._settings = dict(settings)
        self._writer = self._tensorboard.SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        rows = (f"| {name} | {value} |" for name, value in settings.items())
        self._writer.add_text("settings", "\n".join(("| setting | value |", "|---|---|", *rows)), step)
        self._writer.flush()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def pictures(self, step: int, pictures: Mapping[str, Pixels]) -> None:
        for name, picture in pictures.items():
            self._writer.add_image(name, picture, step, dataformats="HWC")

    def end(self, step: int, metrics: Mapping[str, float], status: str) -> None:
        if metrics:
            found = {f"metrics/{name}": value for name, value in metrics.items()}
            hparams: Any = self._tensorboard.summary.hparams
            for summary in hparams(self._settings | {"status": status}, found):
                self._writer.file_writer.add_summary(summary)  # add_hparams would write it into a folder of its own
            self.scalars(step, found)
        self._writer.close()
