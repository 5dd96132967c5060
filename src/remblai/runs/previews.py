"""The pictures of a model while it is trained, and those of its report, as loggers take them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from remblai.data import Dataset
from remblai.laws import FittedLaw
from remblai.objectives import Objective
from remblai.report.style import on_paper
from remblai.runs.folder import Run
from remblai.runs.loggers import Pixels
from remblai.runs.model import Trained
from remblai.runs.pictures import early_pictures
from remblai.runtime.distributed import single_process

REPORTED = ("reconstructions", "samples", "classes", "interpolations", "walks", "codes", "quantiles")
"""Pictures of a report that show the model; curves are drawn by loggers themselves."""


def previews(
    run: Run, model: Objective, step: int, dataset: Dataset, latent_law: FittedLaw | None
) -> dict[str, Pixels]:
    """What the averaged copy of a model keeps and draws at a step, by name, as RGB bytes (h, w, 3)."""
    trained = Trained(run, model, dataset.units, "", step, latent_law)
    with single_process(wanted=True):  # only the first process draws
        return {picture.name: _on_white(picture.png) for picture in early_pictures(trained, dataset)}


def report_pictures(folder: Path) -> dict[str, Pixels]:
    """The pictures of the report in a run's folder, by the name `report/...`, as RGB bytes (h, w, 3)."""
    paths = {name: folder / f"{name}.png" for name in REPORTED}
    return {f"report/{name}": _on_white(path.read_bytes()) for name, path in paths.items() if path.is_file()}


def _on_white(png: bytes) -> Pixels:
    with Image.open(io.BytesIO(on_paper(png))) as picture:
        return np.asarray(picture)
