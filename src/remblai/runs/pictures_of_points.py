"""Pictures of what a model of points draws and keeps: scattered, as a density, or as series."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from remblai.data import Dataset, Units
from remblai.report import Picture, curves, kept, least_like, line, points, points_by_class
from remblai.report.figures import CLASSES
from remblai.runs.labels import labels_of, labels_of_draws, labels_taken
from remblai.runs.model import Trained

Floats = NDArray[np.float64]
MOST = 2000
"""Points of a chart, at most."""
VALUES = 8
"""Values at each step of what is drawn as series, at most: wider arrays of rank 2 are other things."""
PAIRS = 4


def pictures_of_points(trained: Trained, dataset: Dataset) -> list[Picture]:
    """Samples beside held-out data; of series what is kept of some, too."""
    return _series(trained, dataset) if _are_series(dataset) else _scattered(trained, dataset)


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


def _scattered(trained: Trained, dataset: Dataset) -> list[Picture]:
    """Samples over data in one plane, of a table that of two of its columns; nothing where all of one side is empty."""
    n, units = min(MOST, len(dataset.test)), dataset.units
    own = labels_of_draws(trained.objective, n, None, trained.classes, 0)
    x, names = numbers_shown(units, dataset.test[:n])
    y, _ = numbers_shown(units, units.given(trained.draws(n, labels=own)))
    words = "Samples over held-out data. Look for modes that are missing, too wide, or joined by a bridge."
    if x.shape[1] == 1:
        return _on_a_line(x, y, names[0], words)
    first, second = plane = least_like(x, y)
    if x.shape[1] > 2:
        words += (
            f" The plane is that of 2 of {x.shape[1]} columns of numbers, {names[first]} and {names[second]}, whose "
            "correlation samples miss most."
        )
    (x, there), (y, drawn) = (whole_rows(rows[:, plane]) for rows in (x, y))
    if not (len(x) and len(y)):
        return []
    words += _left_out(there, drawn)
    axes = (names[first], names[second])
    if own is not None and len(trained.classes) <= CLASSES:
        labels = labels_of(dataset.test)[:n].numpy()[there], own.numpy()[drawn]
        return [_by_class(x, y, labels, trained.classes, axes, words)]
    given: dict[str, Any] = {"data": x, "samples": y}
    if units.mean is not None or len(names) > 2:  # the columns of a table have units of their own
        given["names"] = axes
    return [Picture.chart("samples", "What it draws", words, "Samples scattered over data", points, **given)]


def _on_a_line(x: Floats, y: Floats, name: str, words: str) -> list[Picture]:
    (x, there), (y, drawn) = whole_rows(x), whole_rows(y)
    if not (len(x) and len(y)):
        return []
    masses = {"a": np.full(len(x), 1.0 / len(x)), "b": np.full(len(y), 1.0 / len(y))}
    law = {"x": x, "y": y, **masses, "names": ("data", "samples"), "units": name}
    words += _left_out(there, drawn)
    return [Picture.chart("samples", "What it draws", words, "Densities of samples and of data", line, **law)]


def _by_class(
    x: Floats, y: Floats, labels: tuple[Any, Any], classes: Sequence[str], axes: tuple[str, str], words: str
) -> Picture:
    """Data beside samples: in one chart two sets of colours could not be told apart."""
    words = words.replace("Samples over held-out data.", "Held-out data at the left, samples at the right, by class.")
    given = {"data": x, "samples": y, "labels": labels[0], "own": labels[1], "names": classes, "axes": axes}
    alt = "Data and samples scattered side by side, coloured by class"
    return replace(Picture.chart("samples", "What it draws", words, alt, points_by_class, **given), wide=True)


def numbers_shown(units: Units, rows: Tensor) -> tuple[Floats, tuple[str, ...]]:
    """Rows on the model's side as columns (n, d) that a chart can show, in their units, and the names of these.

    Of a table with words, dates or gaps they are its columns of numbers and dates, NaN where a cell is empty; of one
    with none of these all that it has.
    """
    values = units.restore(rows).reshape(len(rows), -1).astype(float)
    names = units.columns or tuple(f"coordinate {place}" for place in range(values.shape[1]))
    if units.mixed is None or all(units.mixed.marks):
        return values, names
    marks, owners = units.mixed.marks, units.mixed.owners
    places = [place for place, mark in enumerate(marks) if not mark]
    for place in places:
        if owners[place + 1 : place + 2] == owners[place : place + 1]:  # the next column marks its empty cells
            values[values[:, place + 1] >= 0.5, place] = np.nan
    return values[:, places], tuple(names[place] for place in places)


def whole_rows(rows: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The rows (n, d) without a gap, and which they are (n,)."""
    there = np.asarray(np.isfinite(rows).all(1))
    return rows[there], there


def _left_out(there: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> str:
    """How many rows are left out, in a sentence; nothing where none is."""
    if there.all() and drawn.all():
        return ""
    data, samples = (f"{int((~kept).sum()):,} of {len(kept):,}" for kept in (there, drawn))
    return f" Rows with an empty cell there are left out: {data} data, {samples} samples."
