"""Tables and points whose columns the model sees as normal scores."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import Dataset, Split
from remblai.data.normal_scores import NormalScores, fitted
from remblai.data.rows import Rows
from remblai.data.sources import given_rows

NOTE = "numbers are seen as normal scores, by their ranks; --scaling standard: in standard deviations"


def scored(dataset: Dataset, scores: NormalScores | None = None) -> Dataset:
    """The data set as normal scores, by the ranks of its training split.

    Marks of words, truths and gaps stay, and columns that are constant there, up to rounding errors.

    Args:
        dataset: of standardised points.
        scores: those of other data; None takes the training split's.

    Raises:
        ValueError: images, or points that are not standardised.
    """
    units = dataset.units
    if units.range is not None or units.mean is None:
        what = "images" if units.range is not None else "points that stay as they are"
        raise ValueError(
            f"scaling: normal scores are of tables and standardised points, {dataset.name} holds {what}: leave "
            "--scaling out."
        )
    own = {id(of.rows): of.rows for of in (dataset.train, dataset.validation, dataset.test)}
    raw = {key: _numbers(dataset, rows) for key, rows in own.items()}
    notes = dataset.notes
    if scores is None:
        train = raw[id(dataset.train.rows)][dataset.train.index.numpy()]
        marks, gaps = ((), {}) if units.mixed is None else (units.mixed.marks, units.mixed.marks_of_gaps)
        left = np.flatnonzero(marks).tolist() + np.flatnonzero(np.asarray(units.deviation) == 0).tolist()
        scores = fitted(train, left, gaps)
        if scores is None:
            return dataset
        notes = (*notes, NOTE)  # of other data it was said when these were looked at
    new = replace(units, scores=scores)
    plain = replace(new, item=None, frame=None, mixed=None)
    seen = {key: Rows(rows.array) for key, rows in own.items()}
    made = {key: Rows(plain.scale(numbers).numpy()) for key, numbers in raw.items()}

    def of(rows: dict[int, Rows]) -> Dataset:
        def changed(split: Split) -> Split:
            return replace(split, rows=rows[id(split.rows)])

        return dataset.with_splits(changed)

    return replace(of(made), units=new, visible=of(seen), notes=notes)


def _numbers(dataset: Dataset, rows: Rows) -> NDArray[np.float64]:
    """All rows (n, d) in the data's units."""
    found = given_rows(dataset.units, rows).astype(np.float64)
    return found.reshape(len(found), -1)
