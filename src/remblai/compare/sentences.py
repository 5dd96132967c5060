"""What the tests of a comparison say, and what else a reader must know of its models, in sentences."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from remblai.compare.copying import copying
from remblai.compare.ranking import Prediction, predictions
from remblai.compare.table import Row, label_of
from remblai.metrics.reading import number
from remblai.statistics import Pair

if TYPE_CHECKING:
    from remblai.compare.comparison import Comparison

FEW = 6
"""Pairs up to which each has a sentence of its own."""
FLATTERED = "*"
"""The mark of a figure on features that the model was trained through."""


def sentences(comparison: "Comparison") -> list[str]:
    """What the tests of the pairs say, and what failed: a sentence a pair, or a model where there are many pairs."""
    pairs = comparison.pairs
    if len(pairs) <= FEW:
        said = [_of_pair(pair) + _opposite(comparison, pair) for pair in pairs]
    else:
        said = _by_model(pairs) + _reversals(comparison)
    said += [_of_prediction(comparison, one) for one in predictions(comparison.rows, comparison.by)]
    for row in comparison.rows:
        said += [f"{row.label}, seed {seed}, failed: {why}" for seed, why in row.failures.items()]
    said += [
        f"samples of {one.label}{'' if one.seed is None else f', seed {one.seed},'} are nearer to the training data "
        f"than held-out data are ({label_of(one.name)} {number(one.value)}, floor {number(one.floor)}): copies of "
        "training data, which would do well by most figures, or samples that vary less than data"
        for one in copying(comparison.rows)
    ]
    return said + _conditional(comparison.rows) + _flattered(comparison)


def _of_prediction(comparison: "Comparison", one: Prediction) -> str:
    """Where a further seed of a model lies, and the models of one seed beside it."""
    values = {
        row.label: number(row.figures[comparison.by].mean) for row in comparison.rows if comparison.by in row.figures
    }
    places = {"below that": one.below, "within": one.within, "above": one.above}
    beside = "; ".join(
        f"{', '.join(f'{label} ({values[label]})' for label in labels)} {'lies' if len(labels) == 1 else 'lie'} {place}"
        for place, labels in places.items()
        if labels
    )
    return (
        f"a further seed of {one.label} would have a {label_of(comparison.by)} of {number(one.low)} to "
        f"{number(one.high)}, with a probability of .95; {beside}. A model of one seed does not show how its seeds vary"
    )


def _flattered(comparison: "Comparison") -> list[str]:
    """That figures of models are on features that they were trained through."""
    through = [row.label for row in comparison.rows if any(one.trained_through for one in row.figures.values())]
    if not through:
        return []
    return [
        f"{FLATTERED} {', '.join(through)}: trained through the features of these figures, which flatter "
        f"{'it' if len(through) == 1 else 'them'}: take others with --features, random-convolutions for one"
    ]


def _conditional(rows: Sequence[Row]) -> list[str]:
    """That models with classes are ranked beside others, where they are."""
    kinds = {row.label: row.trials[0].classes is not None for row in rows if row.trials}
    with_classes, others = ([label for label, own in kinds.items() if own is wanted] for wanted in (True, False))
    if not (with_classes and others):
        return []
    return [
        f"trained with labels: {', '.join(with_classes)}; without: {', '.join(others)}: the first draw each class as "
        "often as the data have it, which the others had to learn"
    ]


def _of_pair(pair: Pair) -> str:
    p = f"p = {pair.p_value:.2g}{_scope(pair)}"
    if pair.flattered is not None:
        return (
            f"{pair.flattered} has the better figure than {pair.other(pair.flattered)} ({p}), but was trained through "
            "its features, which flatter it: neither is called better"
        )
    if pair.better is not None:
        return f"{pair.better} is better than {pair.other(pair.better)} ({p})"
    need = f"; a difference of this size would take about {pair.seeds_needed:,} seeds each" if pair.seeds_needed else ""
    return f"{pair.first} and {pair.second} cannot be told apart ({p}){need}"


def _opposite(comparison: "Comparison", pair: Pair) -> str:
    """The figures whose test of a pair says the opposite."""
    decided = (pair.better, "" if pair.better is None else pair.other(pair.better))
    names = [label_of(name) for name, pairs in comparison.against.items() if decided in pairs]
    return f"; the opposite by {', '.join(names)}" if names else ""


def _reversals(comparison: "Comparison") -> list[str]:
    """For each figure the pairs whose test by it says the opposite."""
    return [
        f"by {label_of(name)} the test of {len(pairs)} of these pairs says the opposite: "
        + "; ".join(f"{other} before {better}" for better, other in pairs[:FEW])
        for name, pairs in comparison.against.items()
    ]


def _by_model(pairs: Sequence[Pair]) -> list[str]:
    """For each model those that it is better than, and those ranked after it from which it cannot be told apart."""
    said = []
    for model in dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)):
        for scope in dict.fromkeys(map(_scope, pairs)):
            own = [pair for pair in pairs if _scope(pair) == scope]
            beaten = [pair for pair in own if pair.better == model]
            if beaten:
                most = max(pair.p_value for pair in beaten)
                others = ", ".join(pair.other(model) for pair in beaten)
                said.append(f"{model} is better than {others} (p at most {most:.2g}{scope})")
            flattering = ", ".join(pair.other(model) for pair in own if pair.flattered == model)
            if flattering:
                said.append(
                    f"{model} has a better figure than {flattering}, but was trained through its features, which "
                    "flatter it: neither is called better"
                )
            alike = [pair for pair in own if _is_open(pair) and pair.first == model]
            if alike:
                least = min(pair.p_value for pair in alike)
                others = ", ".join(pair.second for pair in alike)
                bound = "p = 1" if least == 1 else f"p at least {least:.2g}"
                said.append(f"{model} cannot be told apart from {others} ({bound}{scope})")
    return said + _seeds_for_half(pairs)


def _seeds_for_half(pairs: Sequence[Pair]) -> list[str]:
    """How many seeds would tell half of the pairs apart that cannot be told apart."""
    needs = sorted(pair.seeds_needed or math.inf for pair in pairs if _is_open(pair) and pair.over_seeds)
    if not needs or math.isinf(half := needs[(len(needs) - 1) // 2]):
        return []
    return [
        f"{len(needs)} of {len(pairs)} pairs cannot be told apart; were their differences as large as they are here, "
        f"{half:,} seeds each would tell half of them apart"
    ]


def _is_open(pair: Pair) -> bool:
    """Whether two models cannot be told apart."""
    return pair.better is None and pair.flattered is None


def _scope(pair: Pair) -> str:
    return "" if pair.over_seeds else ", of these trained models alone"
