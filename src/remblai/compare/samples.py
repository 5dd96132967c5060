"""Samples of any model, made by whatever library, measured as `evaluate` measures those of a run."""

from collections.abc import Mapping
from typing import Any

import torch

from remblai.compare.points import label, loaded_pair, rows_of
from remblai.config.registry import Choice
from remblai.data import Dataset
from remblai.data.labels import NoLabelColumn
from remblai.distances.validation import positive_integer
from remblai.features import default_features, make_features
from remblai.metrics import SMALLEST, fidelity_card
from remblai.metrics.metric import Card
from remblai.runs.evaluate import MOST


def evaluate_samples(
    samples: Any,
    data: Any,
    *,
    n: int | None = None,
    features: Choice | None = None,
    seed: int = 0,
    data_options: Mapping[str, Any] | None = None,
) -> Card:
    """The fidelity card of samples that need no run: every figure beside its floor, as `evaluate` gives it.

    The floor is the same figure at the same n between held-out real data and as many training data. Figures of codes
    and reconstructions need a model and are left out.

    Args:
        samples: what `data.load` reads: a folder of images, a file, an array, a frame; columns of tables are matched by
            name. All of them are samples: splits mean nothing here.
        data: the real data, whose training and test splits the samples are measured against.
        n: how many samples and held-out data; as many as there are, at most 2,000, when None.
        features: of images, as for `evaluate`.
        seed: which samples and which random halves.
        data_options: of `data.load`, for both as far as it has them.

    Raises:
        ValueError: data that cannot be read, of different shapes or kinds, fewer than 4 of either, or n above what
            there is.

    >>> import numpy as np
    >>> from remblai import evaluate_samples
    >>> rng = np.random.default_rng(0)
    >>> card = evaluate_samples(rng.normal(size=(60, 2)), rng.normal(size=(300, 2)))
    >>> card["energy_distance_squared"]["n"]
    60
    """
    real, given = _pair(data, samples, dict(data_options or {}))
    if real.shape != given.shape or (real.range is None) != (given.range is None):
        raise ValueError(
            f"samples: expected {_kind(real.range)} of shape {tuple(real.shape)}, as those of {label(data)}, got "
            f"{_kind(given.range)} of shape {tuple(given.shape)} in {label(samples)}."
        )
    rows = rows_of(given, samples)
    x = rows if real.range is not None else real.units.scale(rows)
    most = min(len(x), len(real.test), len(real.train))
    if most < SMALLEST:
        raise ValueError(f"samples: expected at least {SMALLEST} samples and held-out data, got {most}.")
    n = min(MOST, most) if n is None else positive_integer("n", n)
    if n > most:
        raise ValueError(f"n: expected at most {most}, the samples and held-out data there are; got {n}.")
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    feature_map = default_features(real) if features is None else make_features(features, real)
    modes = None if real.modes is None else (real.modes.centres, real.modes.deviation)
    return fidelity_card(
        real.train,
        real.test[:n],
        x[order[:n]],
        features=feature_map,
        image=real.range is not None,
        modes=modes,
        columns=real.units.columns or (),
        seed=seed,
    )


def _pair(data: Any, samples: Any, options: dict[str, Any]) -> tuple[Dataset, Dataset]:
    """Both data sets; samples of a table need not have the column of the labels."""
    try:
        return loaded_pair(data, samples, options)
    except NoLabelColumn:
        unlabelled, _ = loaded_pair(samples, samples, options | {"label": None})
        return loaded_pair(data, unlabelled, options)


def _kind(value_range: Any) -> str:
    return "points" if value_range is None else "images"
