"""The pictures of a model that is still trained, as loggers take them."""

import io

import numpy as np
from PIL import Image

from remblai.data import Dataset
from remblai.laws import FittedLaw
from remblai.objectives import Objective
from remblai.runs.folder import Run
from remblai.runs.loggers import Pixels
from remblai.runs.model import Trained
from remblai.runs.pictures import early_pictures
from remblai.runtime.distributed import single_process


def previews(
    run: Run, model: Objective, step: int, dataset: Dataset, latent_law: FittedLaw | None
) -> dict[str, Pixels]:
    """What the averaged copy of a model keeps and draws at a step, by name, as RGB bytes (h, w, 3)."""
    trained = Trained(run, model, dataset.units, "", step, latent_law)
    with single_process(wanted=True):  # only the first process draws
        return {picture.name: _on_white(picture.png) for picture in early_pictures(trained, dataset)}


def _on_white(png: bytes) -> Pixels:
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(paper, picture).convert("RGB"))
