"""A trained model measured against held-out data, and the page that shows it."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from remblai.config.registry import Choice
from remblai.data import Dataset
from remblai.data.look import COLOURS
from remblai.features import default_features, make_features
from remblai.metrics import SMALLEST, Figure, fidelity_card
from remblai.metrics.by_class import means_by_class
from remblai.metrics.images import squared_error_of_each
from remblai.metrics.sets import Labelled
from remblai.objectives.weights import weight_in_words
from remblai.recipes import RECIPES
from remblai.report import write_page, write_pictures
from remblai.runs.common_units import in_units_of
from remblai.runs.data import data_like
from remblai.runs.features import is_trained_through
from remblai.runs.figures import keep_figures, kept_figures
from remblai.runs.labels import labels_of
from remblai.runs.latent import latent_in_words
from remblai.runs.load import load
from remblai.runs.manifest import codes_in_words, dotted
from remblai.runs.model import Trained
from remblai.runs.pictures import pictures
from remblai.runs.plateau import stop_in_words
from remblai.runtime.text import duration, one_line
from remblai.runtime.timing import timed

MOST = 2000
"""Samples and held-out data behind the figures, at most."""
NAMED = 4
"""Columns that the head of a page names, at most."""


def evaluate(
    trained: Trained | str | Path,
    data: Any = None,
    n: int | None = None,
    seed: int = 0,
    sampler: str | None = None,
    features: Choice | None = None,
) -> dict[str, Figure]:
    """The fidelity card: every figure beside its floor, the same figure at the same n between real and held-out real.

    Where the data's modes are known it has the figures of the modes too. The samples of a model of codes are decoded to
    pictures first, and compared with pictures.

    Args:
        trained: the model, or its run's folder.
        data: a name, a path, arrays or a data set (see `data.load`), whose test split the model is measured against;
            those of the run when None.
        n: how many samples and held-out data; as many as there are, at most 2,000, when None.
        seed: of the samples.
        sampler: the law of the codes that samples are decoded from, as for `Trained.sample`.
        features: the map that figures on features are taken on: a name of `features.FEATURES`, a torch module
            or a callable; None takes what suits the data (see `features.default_features`).

    Raises:
        ValueError: n above what there is, or below 4; features that the data do not suit, or without weights.
    """
    trained, dataset = with_data(trained, data)
    if not is_of(trained, dataset):
        warnings.warn(f"the model was {trained_on_others(trained, dataset)}", stacklevel=2)
    card = figures_of(trained, dataset, dataset.seen, n, seed, sampler, features)
    through = next((figure["features"] for figure in card.values() if figure.get("trained_through")), None)
    if through is not None:
        warnings.warn(
            f"the model was trained through the features {through['name']}: figures on them flatter it; take others, "
            "as by --features random-convolutions",
            stacklevel=2,
        )
    return card


def is_of(trained: Trained, dataset: Dataset) -> bool:
    """Whether data, as the model sees them, are those that it was trained on, by their fingerprint."""
    return bool(dataset.fingerprint == trained.run.settings["data"]["fingerprint"])


def trained_on_others(trained: Trained, dataset: Dataset) -> str:
    """What a reader must know of a model that is held against other data than those that it was trained on."""
    own = trained.run.settings["data"]
    return (
        f"trained on other data ({one_line(own['name'])}, fingerprint {own['fingerprint'][:12]}) than it is held "
        f"against ({one_line(dataset.name)}): where held-out rows of these are among the former, the figures flatter it"
    )


def figures_of(
    trained: Trained,
    dataset: Dataset,
    visible: Dataset,
    n: int | None = None,
    seed: int = 0,
    sampler: str | None = None,
    features: Choice | None = None,
) -> dict[str, Figure]:
    """The fidelity card in units of one's choice.

    Args:
        trained: the model.
        dataset: the data as the model sees them, which it encodes.
        visible: the same rows as people see them, in the units that all figures but those of codes are taken in.
        n, seed, sampler, features: see `evaluate`.

    Raises:
        ValueError: see `evaluate`; tables of different columns.
    """
    most = min(len(dataset.test), len(dataset.train))
    n = min(MOST, most) if n is None else n
    if not 0 < n <= most:
        raise ValueError(f"n: expected 1 to {most}, the held-out data there are; got {n}.")
    test = dataset.test[:n]

    def seen(x: Tensor) -> Tensor:
        """Of codes and scores what people see, in the units of the figures."""
        return in_units_of(visible.units, trained.units.visible, trained.units.seen(x))

    feature_map = default_features(visible) if features is None else make_features(features, visible)
    labels = None if trained.objective.classes is None else labels_of(dataset.test)[:n]
    coded: dict[str, Any] = {}
    if trained.encodes:
        coded["reconstructions"] = seen(trained.reconstructions(test, labels=labels))
        coded |= {"codes": trained.codes(test, labels=labels), "prior": trained.prior}
        coded["code_means"] = trained.code_means(test, labels=labels)
    samples = seen(dataset.units.given(trained.draws(n, seed, sampler)))
    if visible.modes is not None:
        coded["modes"] = (visible.modes.centres, visible.modes.deviation)
    if labels is not None:
        wanted = torch.arange(n) % len(trained.classes)
        coded["labelled"] = Labelled(
            seen(dataset.units.given(trained.draws(n, seed, sampler, wanted))), wanted, labels, trained.classes
        )
    card = fidelity_card(
        visible.train, visible.test[:n], samples, features=feature_map, image=dataset.range is not None, **coded,
        augmentations=trained.run.settings.get("augment") or (), columns=visible.units.columns or (),
    )  # fmt: skip
    if feature_map is not None and is_trained_through(feature_map, trained.run.settings):
        for figure in card.values():
            if "features" in figure:
                figure["trained_through"] = True
    if labels is not None and "reconstruction_mse" in card:
        errors = squared_error_of_each(visible.test[:n], coded["reconstructions"])
        card["reconstruction_mse"]["by_class"] = means_by_class(errors, labels, trained.classes)
    return card


def measure(trained: Trained, dataset: Dataset) -> None:
    """Keeps the fidelity card with the run; a warning where the data are too few for one.

    Raises:
        ValueError: data that are not the run's.
    """
    _check_own(trained, dataset)
    if min(len(dataset.test), len(dataset.train)) >= SMALLEST:
        keep_figures(trained, evaluate(trained, dataset))
    else:
        warnings.warn(f"{len(dataset.test)} held-out data are too few to measure with: no metrics", stacklevel=2)


def write_report(trained: Trained | str | Path, data: Any = None) -> Path:
    """Writes `report.html` and its pictures into the run's folder, and returns its path.

    Args:
        trained: the model, or its run's folder, which holds the terms and the metrics.
        data: the data of the run, where they are not found by themselves: passed in Python, or moved.

    Raises:
        ValueError: other data, whose pictures would stand beside figures of the run's.
    """
    trained, dataset = with_data(trained, data)
    run, settings = trained.run, trained.run.settings
    _check_own(trained, dataset)
    with timed("pictures of the report"):
        drawings = pictures(trained, dataset)
    page = run.folder / "report.html"
    own = "" if settings["recipe"] in RECIPES else f"{settings['recipe']} "
    last, metrics = run.pointed("last"), kept_figures(trained) or {}
    with run.writing():
        write_pictures(run.folder, drawings)
        write_page(
            page,
            title=f"{settings['recipe']} on {settings['data']['name']}",
            summary=_sentence(trained, dataset),
            settings=dotted(settings),
            command=f"remblai train {own}--from {run.folder} --out {run.folder}-again",
            metrics=metrics,
            pictures=drawings,
            facts={
                "steps": f"{int(last.name):,}" if last else "0",
                "training time": _duration(run.terms()),
                "device": settings["device"],
                "parameters": f"{sum(p.numel() for p in trained.objective.parameters()):,}",
                "seed": settings["seed"],
            }
            | choices(settings),
            versions=settings["versions"],
        )
    return page


def _check_own(trained: Trained, dataset: Dataset) -> None:
    own = trained.run.settings["data"]
    if not is_of(trained, dataset):
        raise ValueError(
            f"report: expected the data that the run was trained on ({own['name']}), got others ({dataset.name}): "
            "`evaluate` measures a run against other data."
        )


def with_data(trained: Trained | str | Path, data: Any) -> tuple[Trained, Dataset]:
    """The model, loaded where only its folder is given, and its data as it sees them, those of the run where None."""
    trained = trained if isinstance(trained, Trained) else load(trained)
    return trained, data_like(trained.run.settings, trained.units, data)


def choices(settings: Mapping[str, Any]) -> dict[str, str]:
    """What the training of a run chose by itself, in words, for the head of its page.

    Args:
        settings: of the run (run.json).
    """
    found = {}
    if codes := settings["data"]["units"].get("codes"):
        found["codes of"] = (
            f"{codes_in_words(codes)}, frozen. Pictures are decoded by it, and figures on samples compare decoded "
            "samples with the pictures themselves; terms and the validation score are in the space of its codes."
        )
    if latent := settings.get("latent_choice"):
        found["latent auto"] = latent_in_words(latent)
    if weight := settings.get("held_weight"):
        found["weight auto"] = weight_in_words(weight)
    if stop := settings.get("early_stop"):
        found["early stop"] = stop_in_words(stop)
    return found


def _sentence(trained: Trained, dataset: Dataset) -> str:
    """What was trained on what, for the head of the page."""
    many = f"{len(dataset.train):,}" if dataset.train.draw is None else "endless"
    by = f", conditional on {len(trained.classes)} classes" if trained.conditional else ""
    return f"{trained.summary} Trained on {many} {_kind(dataset)}{by}; measured against {len(dataset.test):,} held out."


def _kind(dataset: Dataset) -> str:
    """What the data are, in words, as people see them: "rows of 6 columns (age, income, city ...)"."""
    units = dataset.units
    if units.codes is not None:
        return f"codes of {' x '.join(map(str, dataset.shape))}"
    if dataset.range is not None:
        channels, height, width = dataset.shape
        return f"{COLOURS.get(channels, f'{channels}-channel')} images of {height}x{width} pixels"
    if units.names is not None:
        names = ", ".join(one_line(name) for name in units.names[:NAMED]) + " ..." * (len(units.names) > NAMED)
        return f"rows of {len(units.names)} column{'s' * (len(units.names) > 1)} ({names})"
    shape = units.sample_shape or (1,)
    return f"points of {' x '.join(map(str, shape))} coordinate{'s' * (shape != (1,))}"


def _duration(lines: list[dict[str, Any]]) -> str:
    return duration(max((line["seconds"] for line in lines if "seconds" in line), default=0.0))
