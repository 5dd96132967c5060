"""The batches of a run: started again at the end of an epoch, checked as they come."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from remblai.objectives import Objective

Batch = tuple[Tensor, ...]
"""x (n, ...), and for a conditional model labels (n,) or weights (n, count): what an objective is called with."""


def check_iterable(batches: object) -> None:
    """Whether it can be iterated over batches, as far as its kind says: a data set and its splits make them first.

    Raises:
        ValueError: it cannot.
    """
    if hasattr(batches, "__iter__"):
        return
    of_train = hasattr(getattr(batches, "train", None), "batches")
    makes = "train.batches" if of_train else "batches" if hasattr(batches, "batches") else None
    if makes is not None or not hasattr(batches, "__getitem__"):
        remedy = "" if makes is None else f": pass what its `.{makes}(100)` gives"
        raise ValueError(
            "batches: expected what can be iterated over batches x (n, ...), such as a DataLoader, got "
            f"{type(batches).__name__}{remedy}."
        )


class Batches:
    """An endless stream of batches x (n, ...), or x and labels, from what `steps` is given.

    Args:
        batches: an endless iterator, or what can be iterated anew, such as a `DataLoader`: each of its passes has an
            order of its own. (`itertools.cycle` would freeze the first order and keep every batch in memory.)
        objective: that takes them. Those of a conditional model are pairs (x, labels); other models take the first
            item of a pair.

    Raises:
        ValueError: what cannot be iterated over batches; by `draw`: batches that end, or of another kind, with the
            remedy.
    """

    def __init__(self, batches: Iterable[Any], objective: Objective) -> None:
        check_iterable(batches)
        self._batches, self._objective = batches, objective
        self._stream: Iterator[Any] = iter(batches)
        self._count = 0
        self._endless = self._stream is batches

    def draw(self) -> Batch:
        """The next batch."""
        try:
            batch = next(self._stream)
        except StopIteration:
            batch = self._again()
        self._count += 1
        items = batch if isinstance(batch, tuple | list) and batch else [batch]
        x = self._objective.check_batch(items[0])
        classes = self._objective.classes
        return (x,) if classes is None else (x, self._labels(x, items[1:], classes.count))

    def _again(self) -> Any:
        if self._endless:
            raise ValueError(
                f"batches: this iterator ended after {self._count}: pass what can be iterated anew, such as a "
                "DataLoader or a list, or an iterator without an end."
            ) from None
        self._stream = iter(self._batches)
        try:
            return next(self._stream)
        except StopIteration:
            raise ValueError(
                "batches: expected at least one in an epoch, got none: a DataLoader with drop_last has none where the "
                "batch is larger than the data."
            ) from None

    def _labels(self, x: Tensor, items: Any, classes: int) -> Tensor:
        """The labels of a batch, on the device of x; their values are read on a CPU only, where it takes no waiting."""
        labels = items[0] if items else None
        if isinstance(labels, Tensor) and labels.is_floating_point() and labels.shape == (len(x), classes):
            return labels.to(x)  # weights of the classes
        if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.shape != (len(x),):
            kind = f"{labels.dtype} {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
            raise ValueError(
                f"batches: expected pairs (x, labels) with labels ({len(x)},) of whole numbers, or weights "
                f"({len(x)}, {classes}), for the model is conditional, got {'no labels' if labels is None else kind}: "
                "pass them, or build it without classes."
            )
        if labels.device.type == "cpu" and not bool(((labels >= 0) & (labels < classes)).all()):
            raise ValueError(
                f"batches: expected labels from 0 to {classes - 1}, got {int(labels.min())} to {int(labels.max())}: "
                "number the classes from 0, or build the model with more classes."
            )
        return labels.to(x.device, torch.int64)
