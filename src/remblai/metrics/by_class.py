"""Figures of a conditional model: whether a sample of a class is one, as a classifier of these classes reads it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from remblai.metrics.metric import Figure
from remblai.metrics.sets import Sets

KNOWS = 0.5
"""Share of held-out data whose label a classifier must read, for its answers to be about these classes."""


def figure_of_agreement(sets: Sets) -> Figure | None:
    """The share of samples of class c that a classifier reads as c, averaged over the classes; by class too.

    The floor is the same share of held-out data. None where the classifier has other classes, or does not read at least
    half of the held-out labels: its answers are then about something else.
    """
    features, labelled = sets.features, sets.labelled
    assert features is not None and features.logits is not None and labelled is not None  # the row needs them
    count = len(labelled.names)
    real = features.logits(features.of(sets.shaped(sets.test)))
    if real.shape[1] != count:
        return None
    answers = features.logits(features.of(labelled.samples)).argmax(1).cpu()
    right, counts = _by_class(answers == labelled.labels, labelled.labels, count)
    known, present = _by_class(real.argmax(1).cpu() == labelled.held_out, labelled.held_out, count)
    floor = float(known[present > 0].mean())
    if floor < KNOWS:
        return None
    shares = right[counts > 0]
    variance = (shares * (1.0 - shares) / counts[counts > 0]).sum() / len(shares) ** 2
    return {
        "value": float(shares.mean()),
        "floor": floor,
        "spread": float(variance.sqrt()),
        "n": len(labelled.labels),
        "by_class": named(labelled.names, right, counts),
    }


def means_by_class(values: Tensor, labels: Tensor, names: Sequence[str]) -> dict[str, float]:
    """The mean of values (n,) in each class that has any."""
    return named(names, *_by_class(values, labels, len(names)))


def named(names: Sequence[str], values: Tensor, counts: Tensor) -> dict[str, float]:
    """Values (classes,) by the name of the class, of those with any rows."""
    return {name: float(value) for name, value, count in zip(names, values, counts, strict=True) if count}


def _by_class(values: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean of values (n,) in each class, 0 where it has none, and how many there are."""
    counts = torch.bincount(labels, minlength=count)
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, labels, values.double())
    return sums / counts.clamp(min=1), counts
