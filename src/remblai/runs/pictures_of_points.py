"""Pictures of what a model of points draws and keeps: scattered, as a density, or as series."""

from dataclasses import replace
from typing import Any

import numpy as np

from remblai.data import Dataset
from remblai.report import Picture, curves, kept, least_like, line, points
from remblai.runs.labels import labels_taken
from remblai.runs.model import Trained

MOST = 2000
"""Points of a chart, at most."""
VALUES = 8
"""Values at each step of what is drawn as series, at most: wider arrays of rank 2 are other things."""
PAIRS = 4


def pictures_of_points(trained: Trained, dataset: Dataset) -> list[Picture]:
    """Samples beside held-out data; of series what is kept of some, too."""
    return _series(trained, dataset) if _are_series(dataset) else [_scattered(trained, dataset)]


def _are_series(dataset: Dataset) -> bool:
    """Whether one sample is a series (t, c), taken as points with the layout flat."""
    item = dataset.units.item
    return item is not None and len(item) == 2 and item[0] > item[1] and item[1] <= VALUES


def _series(trained: Trained, dataset: Dataset) -> list[Picture]:
    units, n = dataset.units, min(PAIRS, len(dataset.test))
    shown = units.restore(dataset.test[:])
    found = []
    if trained.encodes:
        labels = labels_taken(trained.objective, dataset.test, slice(n))
        again = trained.reconstructions(dataset.test[:n], labels=labels)
        words = "Held-out series, each with its reconstruction drawn over it. Look for steps and peaks that are lost."
        alt = "Held-out series and their reconstructions"
        given = {"data": shown[:n], "again": units.restore(again)}
        found.append(replace(Picture.chart("reconstructions", "What it keeps", words, alt, kept, **given), wide=True))
    words = "Held-out series and as many samples, not chosen. Look for shapes that are missing, and for noise."
    given = {"data": shown, "samples": units.restore(trained.draws(min(MOST, len(shown))))}
    return [*found, Picture.chart("samples", "What it draws", words, "Samples beside held-out series", curves, **given)]


def _scattered(trained: Trained, dataset: Dataset) -> Picture:
    n, units = min(MOST, len(dataset.test)), dataset.units
    samples = units.given(trained.draws(n))
    x, y = (units.restore(rows).reshape(n, -1).astype(float) for rows in (dataset.test[:n], samples))
    names = units.columns or tuple(f"coordinate {place}" for place in range(x.shape[1]))
    if units.mixed is not None and not all(units.mixed.marks):  # of words and gaps a picture shows two places
        kept = [place for place, mark in enumerate(units.mixed.marks) if not mark]
        x, y, names = x[:, kept], y[:, kept], tuple(names[place] for place in kept)
    words = "Samples over held-out data. Look for modes that are missing, too wide, or joined by a bridge."
    if x.shape[1] == 1:
        mass = np.full(n, 1.0 / n)
        law = {"x": x, "y": y, "a": mass, "b": mass, "names": ("data", "samples"), "units": names[0]}
        return Picture.chart("samples", "What it draws", words, "Densities of samples and of data", line, **law)
    first, second = least_like(x, y)
    if x.shape[1] > 2:
        words += (
            f" The plane is that of 2 of {x.shape[1]} columns of numbers, {names[first]} and {names[second]}, whose "
            "correlation samples miss most."
        )
    given: dict[str, Any] = {"data": x[:, [first, second]], "samples": y[:, [first, second]]}
    if units.mean is not None or x.shape[1] > 2:  # the columns of a table have units of their own
        given["names"] = (names[first], names[second])
    return Picture.chart("samples", "What it draws", words, "Samples scattered over data", points, **given)
