"""Both ends of the walks of `interpolate`: codes (n, k) and, of a conditional model, their labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from remblai.cli.arrays import dataset_of, splits
from remblai.runs.labels import Labels, labels_of
from remblai.runs.model import Trained

WALKS = 8
"""How many walks are written where no number is given."""
Ends = tuple[Tensor, Tensor, Sequence[Labels] | None]


def between_classes(trained: Trained, classes: tuple[str, ...], n: int | None) -> Ends:
    """Walks of one code each, from the first class to the second."""
    z = trained.prior_sample(WALKS if n is None else n)
    return z, z, classes


def between_data(trained: Trained, data: str | None, options: Mapping[str, Any] | None, n: int | None) -> Ends:
    """Walks from each of the first n data to one of the next n.

    Args:
        trained: the model.
        data: a name or a path; the run's own test data when None.
        options: of the data.
        n: how many; `WALKS`, or as many as there are pairs, when None.

    Raises:
        ValueError: fewer than n pairs of data.
    """
    rows = next(splits(trained, data, options))[1] if data is not None else dataset_of(trained, None, options).test
    pairs = len(rows) // 2
    n = max(1, min(WALKS, pairs)) if n is None else n
    if n > pairs:
        raise ValueError(f"n: expected at most {pairs} walks between {len(rows)} data, got {n}.")
    labels = labels_of(rows)[: 2 * n] if trained.conditional else None
    start, end = torch.split(trained.code_means(rows[: 2 * n], labels=labels), n)
    return start, end, None if labels is None else torch.split(labels, n)


def between_draws(trained: Trained, n: int | None) -> Ends:
    """Walks between draws of the law of codes, of a conditional model each within one class."""
    n = WALKS if n is None else n
    start, end = torch.split(trained.prior_sample(2 * n), n)
    return start, end, (torch.arange(n) % len(trained.classes),) * 2 if trained.conditional else None


def one_class(labels: Sequence[Labels] | None) -> Tensor | None:
    """The labels (n,) of walks that `between_draws` keeps within a class; None of others, which may lead to another."""
    start, end = labels or (None, None)
    return start if isinstance(start, Tensor) and start is end else None
