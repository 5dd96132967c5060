"""The feature maps that a model is trained through: made from their names, noted in run.json and checked by `load`.

Features of the package or of a file are not copied into the run: run.json has their checksum. Those that are fitted to
the data of the training are kept in its folder, `features/OPTION.safetensors`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from remblai.config.registry import NAME, Choice, nest
from remblai.data import Dataset
from remblai.features import FEATURES, Features, features_of_shape, make_features, need_data
from remblai.features.fitted import read_fitted, write_fitted
from remblai.features.frozen import lead
from remblai.recipes.dual import FEATURE_MAPS
from remblai.runs.folder import Run
from remblai.runs.resolve import Resolved
from remblai.runtime import distributed

FOLDER = "features"


def with_features(resolved: Resolved, dataset: Dataset, folder: Path | None = None) -> Resolved:
    """The recipe with the feature maps of a training, fitted to its data where they are fitted.

    Args:
        resolved: the recipe with its options.
        dataset: of the training.
        folder: of a run that is to be resumed, whose features are taken where there is a run.

    Raises:
        ValueError: as `make_features`, features without a gradient, data that are codes, or others than those
            of the run to resume.
    """
    if folder is not None and (folder / "run.json").is_file():
        return with_stored(resolved, Run.open(folder))
    named = dict(_named(resolved))
    if named and dataset.units.codes is not None:
        raise ValueError(
            f"{next(iter(named))}: features are of pictures, and this run trains on codes of "
            f"{dataset.units.codes.kind}: use the points themselves."
        )
    made = {name: lead(make_features(choice, dataset), dataset.shape) for name, choice in named.items()}
    return replace(resolved, parts={**resolved.parts, **made})


def with_stored(resolved: Resolved, run: Run) -> Resolved:
    """The recipe with the feature maps that the run's model was trained through.

    Raises:
        ValueError: features that are not there, or of another checksum than run.json has.
    """
    shape = tuple(run.settings["data"]["shape"])
    made = {}
    for name, choice in _named(resolved):
        fitted = need_data(_name(choice))
        features = read_fitted(_path(run, name)) if fitted else features_of_shape(choice, shape)
        noted = run.settings.get("features", {}).get(name)
        if noted is not None and noted["sha256"] != features.sha256:
            raise ValueError(
                f"{run.folder}: expected {name} {noted['name']} with the sha256 {noted['sha256'][:12]}..., which the "
                f"model was trained through, got {features.sha256[:12]}...: use the version of remblai or the file of "
                "weights that it was trained with."
            )
        made[name] = features
    return replace(resolved, parts={**resolved.parts, **made})


def keep_features(run: Run, resolved: Resolved) -> None:
    """Writes the features that are fitted to data into the run, unless they are there; the first process does."""
    if distributed.rank() > 0:
        return
    for name, choice in _named(resolved):
        if need_data(_name(choice)) and not _path(run, name).is_file():
            with run.writing():
                write_fitted(_path(run, name), resolved.parts[name])


def used_features(resolved: Resolved) -> dict[str, Any]:
    """What run.json says of the feature maps of a training: nothing where there are none."""
    used = {name: part.used for name, part in resolved.parts.items() if isinstance(part, Features)}
    return {"features": used} if used else {}


def is_trained_through(features: Features, settings: Mapping[str, Any]) -> bool:
    """Whether the model of a run was trained through these features: figures on them flatter it.

    Args:
        features: of a figure.
        settings: of the run (run.json).
    """
    return any(one["sha256"] == features.sha256 for one in settings.get("features", {}).values())


def _named(resolved: Resolved) -> Iterator[tuple[str, Choice]]:
    """The options that name features, with what they name."""
    for option in resolved.signature:
        value = resolved.arguments[option.name]
        if any(option.table is one for one in (FEATURES, FEATURE_MAPS)) and isinstance(value, str):
            below = f"{option.name}."
            inner = {
                name.removeprefix(below): part for name, part in resolved.arguments.items() if name.startswith(below)
            }
            if value in FEATURES:
                yield option.name, {NAME: value, **nest(inner)}


def _name(choice: Choice) -> str:
    assert isinstance(choice, dict)
    return str(choice[NAME])


def _path(run: Run, option: str) -> Path:
    return run.folder / FOLDER / f"{option}.safetensors"
