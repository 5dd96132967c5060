"""The figures of several models side by side: over seeds, with their tests and their orders."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from remblai.metrics import METRICS
from remblai.metrics.reading import BAND
from remblai.statistics import Pair, compare_pairs

NOT_OF_SAMPLES = {"codes", "code_means", "reconstructions"}
"""Of what figures need, what is not of samples."""
COPYING = {"memorisation_ratio": -1, "next_to_training_share": 1}
"""The figures by which copies of training data are seen, and on which side of the floor they then are."""


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


@dataclass(frozen=True)
class Average:
    """A figure over the seeds of a model.

    Attributes:
        mean: over seeds.
        over_seeds: standard deviation between seeds; None of one seed.
        over_samples: standard deviation over draws of samples, the root of the mean square over seeds.
        floor: mean of the floors.
        n: rows a side.
    """

    mean: float
    over_seeds: float | None
    over_samples: float
    floor: float
    n: int


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
    """Whether each figure is of as many points, and on the same features, in all trials: only then is it one figure."""
    kinds: dict[str, set[str]] = {}
    for trial in (trial for row in rows for trial in row.trials):
        for name, figure in trial.card.items():
            kinds.setdefault(name, set()).add(json.dumps([figure["n"], figure.get("features")], sort_keys=True))
    return all(len(found) == 1 for found in kinds.values())


def loss(name: str, figure: Mapping[str, Any]) -> float:
    """A figure as a number of which less is better: the value, its negative, or its distance from the floor.

    Of a figure with sides the distance is the mean of theirs, for the mean of the sides hides that they are off. A
    value below what real data give by chance is as bad as one as far above: no samples are better than real data.
    """
    metric = METRICS.get(name)
    better = metric.better if metric else "lower"
    value, floor = float(figure["value"]), float(figure["floor"])
    if better == "higher":
        return -value
    if better == "near the floor":
        sides = figure.get("sides", {"both": figure}).values()
        return float(np.mean([abs(side["value"] - side["floor"]) for side in sides]))
    compared = metric is not None and metric.power is not None  # the floor is what a perfect model would have
    lowest = floor - BAND * figure["spread"] if compared and math.isfinite(figure["spread"]) else -math.inf
    return value if value >= lowest else 2.0 * lowest - value


def ranked(rows: Sequence[Row], by: str) -> tuple[list[Row], list[Pair], dict[str, tuple[list[str], float | None]]]:
    """The rows from best to worst by a figure, the tests of each two of them, and the orders by all figures.

    Raises:
        ValueError: no model has the figure; it says which there are.
    """
    known = {name for row in rows for name in row.figures}
    if by not in known:
        raise ValueError(f"by: expected a figure that the models have, {', '.join(sorted(known))}; got {by!r}.")
    having = [row for row in rows if by in row.figures]
    having.sort(key=lambda row: mean_loss(row, by))
    pairs = _tested(having, by)
    orders: dict[str, tuple[list[str], float | None]] = {}
    for name in [by, *(name for name in METRICS if name in known and name != by)]:
        order = sorted((row for row in having if name in row.figures), key=lambda row: mean_loss(row, name))
        orders[name] = [row.label for row in order], _tau(order, name, by)
    return having + [row for row in rows if by not in row.figures], pairs, orders


def against(rows: Sequence[Row], pairs: Sequence[Pair], by: str) -> dict[str, list[tuple[str, str]]]:
    """For each other figure of samples the pairs (better, other) by the one that ranks whose test by it is reversed."""
    decided = {frozenset((pair.first, pair.second)): pair.better for pair in pairs if pair.better is not None}
    found: dict[str, list[tuple[str, str]]] = {}
    for name in {name: None for row in rows for name in row.figures if name != by and _is_of_samples(name)}:
        for pair in _tested([row for row in rows if name in row.figures], name):
            better = decided.get(frozenset((pair.first, pair.second)))
            if better is not None and pair.better == pair.other(better):
                found.setdefault(name, []).append((better, pair.other(better)))
    return found


def copying(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """The models whose samples are nearer to the training data than held-out data are, by more than chance.

    Each with the name of the figure that says so: the first of `COPYING`.
    """
    found = []
    for row in rows:
        known = {name: side for name, side in COPYING.items() if name in row.figures}
        said = next((name for name, side in known.items() if _beyond(row.figures[name], side)), None)
        found += [(row, said)] if said is not None else []
    return found


def _beyond(figure: Average, side: int) -> bool:
    return side * (figure.mean - figure.floor) > BAND * figure.over_samples


def _is_of_samples(name: str) -> bool:
    """Whether a figure says how like the data samples are, beyond what codes and reconstructions say."""
    metric = METRICS.get(name)
    return metric is not None and metric.power is not None and not NOT_OF_SAMPLES & {*metric.needs}


def _tested(rows: Sequence[Row], name: str) -> list[Pair]:
    """The tests of each two of the rows by a figure that all have."""
    if len(rows) < 2:
        return []
    losses = {row.label: [loss(name, trial.card[name]) for trial in row.trials] for row in rows}
    return compare_pairs(losses, {row.label: [trial.card[name]["spread"] for trial in row.trials] for row in rows})


def _tau(rows: Sequence[Row], name: str, by: str) -> float | None:
    """Kendall's tau between the orders by two figures; None of fewer than two models, or where all are equal."""
    if len(rows) < 2:
        return None
    tau = float(kendalltau([mean_loss(row, name) for row in rows], [mean_loss(row, by) for row in rows]).statistic)
    return None if math.isnan(tau) else tau


def mean_loss(row: Row, name: str) -> float:
    """A figure's mean loss over the trials of a model that has it."""
    return float(np.mean([loss(name, trial.card[name]) for trial in row.trials]))


def _average(figures: Sequence[Mapping[str, Any]]) -> Average:
    values = np.array([figure["value"] for figure in figures])
    return Average(
        mean=float(values.mean()),
        over_seeds=float(values.std(ddof=1)) if len(values) > 1 else None,
        over_samples=float(np.sqrt(np.mean([figure["spread"] ** 2 for figure in figures]))),
        floor=float(np.mean([figure["floor"] for figure in figures])),
        n=min(int(figure["n"]) for figure in figures),
    )
