"""The pictures of a model that is still trained, as loggers take them."""

import io

import numpy as np
from PIL import Image

from remblai.data import Dataset
from remblai.laws import FittedLaw
from remblai.runs.folder import Run
from remblai.runs.load import eval_copy
from remblai.runs.loggers import Pixels
from remblai.runs.model import Trained
from remblai.runs.pictures import early_pictures
from remblai.runtime.distributed import single_process
from remblai.training import State


def previews(run: Run, state: State, dataset: Dataset, latent_law: FittedLaw | None) -> dict[str, Pixels]:
    """What the averaged model keeps and draws now, by name, as RGB bytes (h, w, 3). They change nothing."""
    model = eval_copy(state.objective, state.average.values if state.average else None)
    trained = Trained(run, model, dataset.units, "", state.step, latent_law)
    with single_process(wanted=True):  # only the first process draws
        return {picture.name: _on_white(picture.png) for picture in early_pictures(trained, dataset)}


def _on_white(png: bytes) -> Pixels:
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(paper, picture).convert("RGB"))
