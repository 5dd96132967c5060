"""From a run on disk, or a state in training, to the model in evaluation mode."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from remblai.data import Units
from remblai.networks.spectral import power_iterate
from remblai.objectives import Objective
from remblai.recipes import Recipe
from remblai.runs import published
from remblai.runs.augment import set_up_augmentation
from remblai.runs.features import with_stored
from remblai.runs.folder import Run
from remblai.runs.labels import class_count
from remblai.runs.model import Trained
from remblai.runs.resolve import from_json
from remblai.runs.weights import check_weights_fit
from remblai.runtime import devices
from remblai.runtime.timing import timed
from remblai.training import State

M = TypeVar("M", bound=Objective)


@timed("loading the run")
def load(
    folder: str | Path, *, which: str = "last", device: str = "auto", recipe: str | Recipe | None = None, **parts: Any
) -> Trained:
    """The model of a run. Nothing in the run's folder is executed.

    Args:
        folder: the run's folder, or `hub:owner/name` of a run that was pushed to the Hugging Face hub.
        which: the `last` checkpoint or the `best`.
        device: auto, cpu, cuda or cuda:0.
        recipe: the recipe, or its path/to/file.py:function, where it was not one of remblai's own.
        **parts: the live parts that were passed to `train`, by name.

    Raises:
        ValueError: no run, no whole checkpoint, or a part that must be passed is not.
    """
    if which not in ("last", "best"):
        raise ValueError(f"which: expected 'last' or 'best', got {which!r}.")
    run = Run.open(published.fetched(str(folder)) if published.is_hub(folder) else folder)
    weights, average, step = _weights(run, which)
    resolved = with_stored(from_json(run.settings, recipe, **parts), run)
    classes = class_count(run.settings)
    law = resolved.latent_law(classes)
    units = Units.from_json(run.settings["data"]["units"])
    objective = resolved.build(units.shape, classes)
    set_up_augmentation(objective, run.settings)
    check_weights_fit(objective, weights, run.folder)
    _fill(objective, weights, average)
    return Trained(run, objective.to(devices.choose(device)), units, resolved.recipe.summary, step, law)


def _weights(run: Run, which: str) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor] | None, int]:
    """The weights, their average where it is kept apart, and the step that they are of."""
    checkpoint = run.load(which)
    if checkpoint is not None:
        return checkpoint.weights, checkpoint.average, checkpoint.number
    if published.is_published(run.folder):
        weights, step = published.read_weights(run.folder)
        return weights, None, step
    raise ValueError(f"{run.folder} has no checkpoint yet.")


def eval_copy(objective: M, average: Mapping[str, Tensor] | None) -> M:
    """An eager copy in evaluation mode, with the averaged weights where they are kept."""
    model = copy.deepcopy(objective).eval()
    _fill(model, objective.state_dict(), average)
    return model


def averaged_copy(state: State) -> Objective:
    """The `eval_copy` of a state in training."""
    return eval_copy(state.objective, state.averaged_weights)


def restore_average(model: Objective, state: State) -> None:
    """Makes an `averaged_copy` what it was before other weights were put into it."""
    _fill(model.eval(), state.objective.state_dict(), state.averaged_weights)


def _fill(model: Objective, weights: Mapping[str, Tensor], average: Mapping[str, Tensor] | None) -> None:
    model.load_state_dict({**weights, **(average or {})})
    if average:
        power_iterate(model)  # averaged singular vectors are those of no weight
