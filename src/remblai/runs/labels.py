"""The classes of a run: which data have them, and labels by name."""

import math
from collections.abc import Mapping, Sequence, Sized
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.config.registry import unknown
from remblai.data import Dataset, Split
from remblai.data.collect import one_sample
from remblai.data.frames import column, column_names, is_frame
from remblai.data.labels import as_labels
from remblai.networks.classes import FEWEST, one_hot, required
from remblai.objectives import Objective
from remblai.runs.folder import Run
from remblai.runtime.rng import seeded

OWN_STREAM = 1 << 32
"""What is added to a seed for labels, so that they do not depend on what is drawn by the seed itself."""
Labels = str | float | Sequence[str | float] | np.ndarray[Any, Any] | Tensor
"""One class for all rows, or one for each, by name or by number; or weights (n, count) of classes, for points between.

A number is the name where all names are numbers, else the place in the order of the data's classes. A tensor (n,) holds
places, as the labels of a split do.
"""


def class_count(settings: Mapping[str, Any]) -> int | None:
    """How many classes the model of a run has; None where it is not conditional."""
    return len(settings["data"]["classes"]) if settings.get("conditional") else None


def count_classes(objective: Objective, dataset: Dataset) -> Objective:
    """The objective; a conditional one with the shares of the classes in the training data."""
    if objective.classes is not None:
        objective.classes.count_from(labels_of(dataset.train))
    return objective


def check_classes(dataset: Dataset, wanted: bool = True) -> None:
    """Refuses data by whose labels no conditional model can be trained, where one is wanted.

    Raises:
        ValueError: a split without labels, fewer than 2 classes, or more than half as many as rows.
    """
    if not wanted:
        return
    labels = labels_of(dataset.train)
    for split in (dataset.validation, dataset.test):
        labels_of(split)
    count = len(dataset.classes or [])
    if count < FEWEST:
        raise ValueError(f"conditional: expected labels of at least {FEWEST} classes, got {count}.")
    if 2 * count > len(labels) and dataset.train.draw is None:
        raise ValueError(
            f"conditional: expected classes of 2 rows or more, got {count:,} classes in {len(labels):,} rows: labels "
            "that name each row, or measure something, are no classes; choose another --label."
        )


def labels_of(split: Split) -> Tensor:
    """The labels (n,) of a split.

    Raises:
        ValueError: there are none.
    """
    if split.labels is None:
        raise ValueError(
            f"labels: expected one for each row{f' of the {split.name} split' * bool(split.name)}, for the model is "
            "conditional, got none: use data in class folders, arrays with labels, or a table with --label COLUMN; or "
            "train without --conditional."
        )
    return split.labels


def labels_taken(objective: Objective, split: Split, rows: slice) -> Tensor | None:
    """The labels of rows of a split that a conditional model takes; None of others."""
    return None if objective.classes is None else labels_of(split)[rows]


def with_classes(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """The data set with its labels counted as a conditional model counts its classes, which are matched by name.

    Args:
        dataset: any data set; one without labels, or with these classes, is returned as it is.
        names: of the model's classes, in their order.

    Raises:
        ValueError: rows of a class that the model does not have.
    """
    if dataset.classes is None or dataset.classes == list(names):
        return dataset
    places = torch.tensor([names.index(name) if name in names else -1 for name in dataset.classes])

    def counted(split: Split) -> Split:
        if split.labels is None:
            return split
        labels = places[split.labels]
        if bool((labels < 0).any()):
            first = int(split.labels[labels < 0][0])
            raise unknown(f"class of data {dataset.name}:", (dataset.classes or [])[first], names)
        return replace(split, labels=labels, draw=None)

    return dataset.with_splits(counted, classes=list(names))


def labels_for(objective: Objective, rows: Sized, labels: Labels | None, names: Sequence[str]) -> Tensor | None:
    """The labels that an objective takes beside rows; None of one without classes.

    Args:
        objective: of the model.
        rows: n of them; a split has labels of its own.
        labels: as the user gives them.
        names: of the classes.

    Raises:
        ValueError: a conditional model without labels, labels for another, or what `numbers_of` refuses.
    """
    if objective.classes is None:
        if labels is None:
            return None
        raise ValueError(
            "class: expected none, for this model was trained without labels: train with --conditional, or leave the "
            "class out."
        )
    if labels is None:
        if isinstance(rows, Split):
            return labels_of(rows)
        raise ValueError(
            "labels: expected the class of the rows, for the model is conditional, got none: pass labels=NAME for all "
            "of them, or one for each row."
        )
    return numbers_of(labels, names, len(rows))


def labels_of_draws(
    objective: Objective, n: int, labels: Labels | None, names: Sequence[str], seed: int | None
) -> Tensor | None:
    """The labels (n,) of samples: those that are given, else drawn by the shares of the classes; None of no classes.

    Args:
        objective: of the model.
        n: samples.
        labels: as the user gives them.
        names: of the classes.
        seed: what is drawn is a function of it, which the samples do not share; None continues torch's global
            generator.

    Raises:
        ValueError: labels that `labels_for` refuses.
    """
    if labels is not None or objective.classes is None:
        return labels_for(objective, range(n), labels, names)
    with seeded(None if seed is None else seed + OWN_STREAM, objective.classes.shares.device):
        return objective.classes.draw(max(0, n)).cpu()


def weights_between(
    objective: Objective,
    ends: tuple[Tensor, Tensor],
    labels: Any,
    names: Sequence[str],
    shares: Tensor,
) -> Tensor | None:
    """Weights (n steps, count) of the classes on the ways between n pairs; None of a model without classes.

    Args:
        objective: of the model.
        ends: the rows at both ends, (n, ...).
        labels: of both ends, or one class.
        names: of the classes.
        shares: (steps,), from 0 to 1.
    """
    known = [labels_for(objective, rows, own, names) for rows, own in zip(ends, both_ends(labels), strict=True)]
    if objective.classes is None:
        return None
    first, last = (one_hot(required(own), len(names))[:, None] for own in known)
    return torch.lerp(first, last, shares[None, :, None]).flatten(0, 1)


def numbers_of(labels: Labels, names: Sequence[str], n: int) -> Tensor:
    """The labels of n rows as numbers (n,), or as weights (n, count).

    Args:
        labels: one for all of them, or one for each: a name or a number (see `Labels`).
        names: of the classes.
        n: rows.

    Raises:
        ValueError: an unknown class, where the nearest is suggested, what is no class, or another number of labels.
    """
    if isinstance(labels, np.ndarray | Tensor) and labels.ndim == 0:
        labels = labels.item()
    numbers = [_as_number(name) for name in names]
    if isinstance(labels, str | float | Real):
        return torch.full((n,), _number(labels, names, numbers))
    if isinstance(labels, Tensor) or (isinstance(labels, np.ndarray) and labels.ndim == 2):
        found = torch.as_tensor(labels).cpu()
    else:
        found = torch.tensor([_number(one, names, numbers) for one in labels], dtype=torch.int64)
    wrong = found.shape not in ((n,), (n, len(names))) or found.is_floating_point() != (found.ndim == 2)
    if wrong or (found.ndim == 1 and not bool(((found >= 0) & (found < len(names))).all())):
        raise ValueError(
            f"labels: expected {n} whole numbers from 0 to {len(names) - 1}, or weights ({n}, {len(names)}), got "
            f"{found.dtype} {tuple(found.shape)}: pass a class for each row, or one for all."
        )
    return found if found.is_floating_point() else found.to(torch.int64)


def _number(label: Any, names: Sequence[str], numbers: Sequence[float | None]) -> int:
    """The place of a class, by its name or by its number; `numbers` are those that the names are.

    Raises:
        ValueError: there is no such class.
    """
    if isinstance(label, bool | np.bool_ | str) and str(label) in names:
        return list(names).index(str(label))
    if isinstance(label, str):
        raise unknown("class", str(label), names)  # NumPy's texts are shown with their type
    label = int(label) if isinstance(label, bool | np.bool_) else label
    if not isinstance(label, Real) or math.isnan(label):
        raise ValueError(f"labels: expected the name or the number of a class, got {label!r}: name one of each row.")
    if None not in numbers:
        if float(label) in numbers:
            return numbers.index(float(label))
    elif (place := float(label)).is_integer() and 0 <= place < len(names):
        return int(place)
    raise unknown("class", str(label), names)


def _as_number(name: str) -> float | None:
    """The number that a name is; None of words."""
    try:
        number = float(name)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def both_ends(labels: Any) -> tuple[Any, Any]:
    """The labels of both ends of a way: one class is that of both.

    Raises:
        ValueError: neither one class nor those of two ends.
    """
    if labels is None or isinstance(labels, str | Real) or getattr(labels, "ndim", 1) == 0:
        return labels, labels
    ends = list(labels)  # by their places, whatever an index of theirs says
    if len(ends) != 2:
        raise ValueError(f"labels: expected one class, or those of both ends, got {len(ends)}.")
    return ends[0], ends[1]


def ends_beside(run: Run, x0: Any, x1: Any, labels: Any) -> tuple[Any, Any]:
    """The labels of both ends of a way, one datum each: those that are given, else as `labels_beside` has them."""
    if labels is not None:
        return both_ends(labels)
    own = [labels_beside(run, one_sample(x), None) for x in (x0, x1)]
    return own[0], own[1]


def labels_beside(run: Run, x: Any, labels: Labels | None) -> Labels | None:
    """The labels that are given; else those of a data frame, where a conditional run has the name of their column.

    Args:
        run: the run.
        x: data in their own units.
        labels: as the user gives them.
    """
    name = (run.settings["data"].get("options") or {}).get("label")
    if labels is not None or name is None or not run.settings.get("conditional") or not is_frame(x):
        return labels
    return as_labels(list(column(x, name)), f"column {name!r} of the data frame") if name in column_names(x) else None
