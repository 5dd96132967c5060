"""The figures of several models side by side, over seeds."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from remblai.features import FeaturesUsed
from remblai.metrics import METRICS
from remblai.metrics.sets import Need

OF_CODES: frozenset[Need] = frozenset({"codes", "code means"})
"""Of what figures need, what the model's own codes give."""
NOT_OF_DATA: frozenset[Need] = OF_CODES | {"augmentations", "labels"}
"""What makes the floor of a figure one of the model too, and not of the data alone."""
CLOSE = {"rel_tol": 1e-3, "abs_tol": 1e-6}
"""How far floors of one thing may be apart by rounding, on whatever machine they were taken."""


@dataclass(frozen=True)
class Trial:
    """One trained model.

    Attributes:
        seed: of its training.
        folder: of its run.
        card: its figures.
        seconds: of training.
        images: seen in training.
        steps: of the model.
        parameters: of the whole objective, critics included.
        memory: the most that its process held, bytes, where it was trained by this comparison.
        classes: how many a conditional model has; None of others.
        note: what a reader must know of its data, where they are others than those of the comparison.
    """

    seed: int
    folder: str
    card: Mapping[str, Mapping[str, Any]]
    seconds: float
    images: int
    steps: int
    parameters: int
    memory: int | None = None
    classes: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class Average:
    """A figure over the seeds of a model.

    Attributes:
        mean: over seeds.
        over_seeds: standard deviation between seeds; None of one seed.
        over_samples: standard deviation over draws of samples, the root of the mean square over seeds.
        floor: mean of the floors.
        n: rows a side.
        features: that it was taken on, if any.
        trained_through: whether one of the seeds at least was trained through these, so that they flatter it.
    """

    mean: float
    over_seeds: float | None
    over_samples: float
    floor: float
    n: int
    features: FeaturesUsed | None = None
    trained_through: bool = False


@dataclass(frozen=True)
class Row:
    """A model of the table: its trials, its figures, and why trainings failed, by seed."""

    label: str
    trials: list[Trial]
    figures: dict[str, Average]
    failures: dict[int, str] = field(default_factory=dict)

    def mean(self, name: str) -> float | None:
        """The mean over trials of a field that is a number; None where no trial has it."""
        found = [value for trial in self.trials if (value := getattr(trial, name)) is not None]
        return float(np.mean(found)) if found else None

    @property
    def images_per_second(self) -> float | None:
        """Images seen a second of training, over all trials."""
        seconds = sum(trial.seconds for trial in self.trials)
        return sum(trial.images for trial in self.trials) / seconds if seconds else None


def row_of(label: str, trials: Sequence[Trial], failures: Mapping[int, str]) -> Row:
    """The row of a model: figures that all of its trials have, over seeds."""
    shared = [name for name in trials[0].card if all(name in trial.card for trial in trials)] if trials else []
    return Row(label, list(trials), {name: _average([t.card[name] for t in trials]) for name in shared}, dict(failures))


def comparable(rows: Sequence[Row]) -> bool:
    """Whether each figure is of as many points, on the same features, in the same units in all trials.

    Only then is it one figure. Other units show in the floors of figures that are of the data alone.
    """
    kinds: dict[str, set[str]] = {}
    floors: dict[str, list[float]] = {}
    for trial in (trial for row in rows for trial in row.trials):
        for name, figure in trial.card.items():
            kinds.setdefault(name, set()).add(json.dumps([figure["n"], figure.get("features")], sort_keys=True))
            if name in METRICS and not NOT_OF_DATA & {*METRICS[name].needs}:
                floors.setdefault(name, []).append(figure["floor"])
    return all(len(found) == 1 for found in kinds.values()) and all(map(_alike, floors.values()))


def common_floor(rows: Sequence[Row], name: str) -> float | None:
    """The floor that all models have that have the figure; None where theirs differ, as those of codes may."""
    floors = [row.figures[name].floor for row in rows if name in row.figures]
    return floors[0] if floors and _alike(floors) else None


def label_of(name: str) -> str:
    """A figure's name for people."""
    return METRICS[name].label if name in METRICS else name.replace("_", " ").capitalize()


def _alike(floors: Sequence[float]) -> bool:
    return all(math.isclose(floor, floors[0], **CLOSE) for floor in floors)


def _average(figures: Sequence[Mapping[str, Any]]) -> Average:
    values = np.array([figure["value"] for figure in figures])
    return Average(
        mean=float(values.mean()),
        over_seeds=float(values.std(ddof=1)) if len(values) > 1 else None,
        over_samples=float(np.sqrt(np.mean([figure["spread"] ** 2 for figure in figures]))),
        floor=float(np.mean([figure["floor"] for figure in figures])),
        n=min(int(figure["n"]) for figure in figures),
        features=figures[0].get("features"),
        trained_through=any(figure.get("trained_through", False) for figure in figures),
    )
