"""Figures of a conditional model: whether a sample of a class is one, as a classifier of these classes reads it."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from remblai.costs import squared_distances
from remblai.metrics.faults import Computes, Faults, in_deviations
from remblai.metrics.metric import Figure
from remblai.metrics.pairs import flat
from remblai.metrics.sets import Labelled, Sets

KNOWS = 0.5
"""Share of held-out data whose label must be read rightly, for the answers to be about these classes."""
AGREEMENT = "class agreement"
ERRORS = 3.0
"""Standard errors by which that share must be above chance."""
NEIGHBOURS, BLOCK = 5, 1024
"""Held-out data that read a row's class, and rows that are read at once."""


def figure_of_agreement(sets: Sets) -> Figure | None:
    """The share of samples of class c that are read as c, averaged over the classes; by class too.

    A classifier of these classes reads them where the features have one, else the nearest held-out data do (see
    `by_neighbours`). The floor is the same share of held-out data. None where less than half of the held-out labels are
    read rightly, or no more than chance reads: the answers are then about something else.
    """
    found: Figure | None = sets.shared(AGREEMENT, lambda: _agreement(sets))
    return found and {**found}


def _agreement(sets: Sets) -> Figure | None:
    labelled = sets.labelled
    assert labelled is not None  # the row needs them
    by_classifier, count = _by_classifier(sets, labelled), len(labelled.names)
    answers, known_answers = by_classifier or by_neighbours(sets, labelled)
    right, counts = _by_class(answers == labelled.labels, labelled.labels, count)
    known, present = _by_class(known_answers == labelled.held_out, labelled.held_out, count)
    floor, chance = float(known[present > 0].mean()), 1.0 / int((present > 0).sum())
    error = math.sqrt(_variance(known, present))
    if floor < max(KNOWS, chance + ERRORS * error):
        return None
    figure: Figure = {
        "value": float(right[counts > 0].mean()),
        "floor": floor,
        "spread": math.hypot(math.sqrt(_variance(right, counts)), error),
        "n": len(labelled.labels),
        "chance": chance,
        "by_class": named(labelled.names, right, counts),
    }
    if by_classifier is not None and sets.features is not None:
        figure["features"] = sets.features.used
    return figure


def shifts_of_agreement(compute: Computes, faults: Faults, spread: float) -> dict[str, float]:
    """By how many standard deviations samples whose class has nothing to do with that asked for shift the figure."""
    figure = faults.sets.shared(AGREEMENT, lambda: compute(faults.sets))
    if figure is None:
        return {"ignored classes": 0.0}
    return {"ignored classes": in_deviations(figure["chance"] - figure["floor"], spread)}


def _by_classifier(sets: Sets, labelled: Labelled) -> tuple[Tensor, Tensor] | None:
    """What the features' classifier reads in samples and in held-out data; None without one of as many classes."""
    if sets.features is None or sets.features.logits is None:
        return None
    real = sets.features.logits(sets.features.of(sets.shaped(sets.test)))
    if real.shape[1] != len(labelled.names):
        return None
    return sets.features.logits(sets.features.of(labelled.samples)).argmax(1).cpu(), real.argmax(1).cpu()


def by_neighbours(sets: Sets, labelled: Labelled) -> tuple[Tensor, Tensor]:
    """The class of most of the 5 nearest held-out data, of samples (m,) and of held-out data (n,) without themselves.

    The votes of a class count by its share of the held-out data, so that a class that is frequent is not the answer
    everywhere. A held-out datum is no voter for itself, so that its class has one voter less; a sample is read without
    a random datum of the class that was asked for, so that both sides have as many.
    """
    held_out, labels = sets.test.double(), labelled.held_out.to(sets.test.device)
    counts = torch.bincount(labels, minlength=len(labelled.names)).double()
    votes = torch.nn.functional.one_hot(labels, len(labelled.names)).double() / counts.clamp(min=1.0)
    fewer = counts / (counts - 1.0).clamp(min=1.0)

    def read(rows: Tensor, asked: Tensor, absent: Tensor) -> Tensor:
        answers = torch.empty(len(rows), dtype=torch.long)
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            apart = squared_distances(rows[part], held_out)
            places = torch.arange(len(apart), device=apart.device)
            there = absent[part] >= 0
            apart[places[there], absent[part][there]] = torch.inf
            near = apart.topk(min(NEIGHBOURS, len(held_out) - 1), largest=False).indices
            score = votes[near].sum(1)
            score[places, asked[part]] *= torch.where(there, fewer[asked[part]], 1.0)
            answers[part] = score.argmax(1)
        return answers

    draws = torch.Generator().manual_seed(sets.seed + 13)  # of its own
    asked = labelled.labels.to(labels.device)
    absent = torch.stack([_one_of(torch.nonzero(labels == label)[:, 0], draws) for label in asked])
    samples = flat("the samples", labelled.samples, sets.test).double()
    itself = torch.arange(len(held_out), device=labels.device)
    return read(samples, asked, absent), read(held_out, labels, itself)


def _one_of(places: Tensor, draws: torch.Generator) -> Tensor:
    """One of the places at random; -1 of none."""
    if not len(places):
        return places.new_tensor(-1)
    return places[int(torch.randint(len(places), (), generator=draws))]


def _variance(shares: Tensor, counts: Tensor) -> float:
    """The variance of the mean of shares of counts, which are taken half a count away from none and all."""
    there = counts > 0
    moderate = (shares[there] * counts[there] + 1.0) / (counts[there] + 2.0)
    return float((moderate * (1.0 - moderate) / counts[there]).sum() / int(there.sum()) ** 2)


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
