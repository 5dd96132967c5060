"""The models of a table in order: by each figure, with the tests of each two of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from remblai.compare.table import OF_CODES, Row, common_floor
from remblai.metrics import METRICS
from remblai.metrics.reading import BAND
from remblai.metrics.sets import Need
from remblai.statistics import Pair, compare_pairs, prediction_interval

NOT_OF_SAMPLES: frozenset[Need] = OF_CODES | {"reconstructions"}
"""Of what figures need, what is not of samples."""


@dataclass(frozen=True)
class Prediction:
    """Where a further seed of a model would lie by a figure, and where models that were trained once lie beside it.

    Attributes:
        label: of the model with several seeds.
        low, high: the ends of what holds the figure of a further seed with a probability of .95.
        below, within, above: the models of one seed, by where their figures lie.
    """

    label: str
    low: float
    high: float
    below: list[str]
    within: list[str]
    above: list[str]


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

    Figures of codes with different floors, as of codes of different sizes, give no order: it is empty.

    Raises:
        ValueError: no model has the figure, and it says which there are; or the figure gives no order.
    """
    known = {name for row in rows for name in row.figures}
    if by not in known:
        raise ValueError(f"by: expected a figure that the models have, {', '.join(sorted(known))}; got {by!r}.")
    if not _orders(rows, by):
        floors = ", ".join(f"{row.label} {row.figures[by].floor:.3g}" for row in rows if by in row.figures)
        raise ValueError(
            f"by: {by} of codes of different sizes, or priors, has different floors ({floors}) and gives no order: "
            "rank by another figure; what was trained is kept."
        )
    having = [row for row in rows if by in row.figures]
    having.sort(key=lambda row: mean_loss(row, by))
    pairs = _tested(having, by)
    orders: dict[str, tuple[list[str], float | None]] = {}
    for name in [by, *(name for name in METRICS if name in known and name != by)]:
        of = [row for row in having if name in row.figures] if _orders(rows, name) else []
        order = sorted(of, key=lambda row: mean_loss(row, name))
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


def predictions(rows: Sequence[Row], by: str) -> list[Prediction]:
    """What can be known of models of one seed beside those of several: each is held against where a further seed lies.

    How the former would vary is not known, so there is no test of recipes.
    """
    having = [row for row in rows if by in row.figures]
    single = {row.label: row.figures[by].mean for row in having if len(row.trials) == 1}
    found = []
    for row in having:
        cards = [trial.card[by] for trial in row.trials]
        if not single or len(cards) < 2:
            continue
        ends = prediction_interval([card["value"] for card in cards], [card["spread"] for card in cards])
        if ends is not None:
            below = [label for label, at in single.items() if at < ends[0]]
            above = [label for label, at in single.items() if at > ends[1]]
            within = [label for label in single if label not in below + above]
            found.append(Prediction(row.label, *ends, below, within, above))
    return found


def _is_of_samples(name: str) -> bool:
    """Whether a figure says how like the data samples are, beyond what codes and reconstructions say."""
    metric = METRICS.get(name)
    return metric is not None and metric.power is not None and not NOT_OF_SAMPLES & {*metric.needs}


def _tested(rows: Sequence[Row], name: str) -> list[Pair]:
    """The tests of each two of the rows by a figure that all have."""
    if len(rows) < 2:
        return []
    losses = {row.label: [loss(name, trial.card[name]) for trial in row.trials] for row in rows}
    pairs = compare_pairs(losses, {row.label: [trial.card[name]["spread"] for trial in row.trials] for row in rows})
    through = {row.label for row in rows if row.figures[name].trained_through}
    return [replace(pair, flattered=pair.ahead) if pair.better in through else pair for pair in pairs]


def _orders(rows: Sequence[Row], name: str) -> bool:
    """Whether a figure can order the models: those of codes only where their floors are alike."""
    return name not in METRICS or not OF_CODES & {*METRICS[name].needs} or common_floor(rows, name) is not None


def _tau(rows: Sequence[Row], name: str, by: str) -> float | None:
    """Kendall's tau between the orders by two figures; None of fewer than two models, or where all are equal."""
    if len(rows) < 2:
        return None
    tau = float(kendalltau([mean_loss(row, name) for row in rows], [mean_loss(row, by) for row in rows]).statistic)
    return None if math.isnan(tau) else tau


def mean_loss(row: Row, name: str) -> float:
    """A figure's mean loss over the trials of a model that has it."""
    return float(np.mean([loss(name, trial.card[name]) for trial in row.trials]))
