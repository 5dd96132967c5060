"""Data sets and their splits: samples by position, and endless shuffled batches on the device."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.config.registry import unknown
from remblai.data.feeding import Parts, prefetched, sent
from remblai.data.raw import Raw
from remblai.data.rows import Rows, digest
from remblai.data.units import Units
from remblai.runtime.text import one_line

SPLITS = ("train", "validation", "test")

Points = tuple[NDArray[np.float32], NDArray[np.int64] | None]
Draw = Callable[[np.random.Generator, int], Points]
"""draw(generator, n) -> n fresh samples of an endless source and their labels; for a GPU several threads call it."""
Where = int | slice | Sequence[int] | Tensor | NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """One part of a data set: train, validation or test.

    `split[i]` is a float32 tensor: one sample for an integer, a batch for a slice, a list, an index tensor or an array.

    Args:
        name: "train", "validation" or "test".
        rows: the samples of the source that this split is a part of.
        index: (n,) int64: where in that source each sample of this split lies.
        labels: (n,) int64 in the order of `index`, or None.
        draw: of an endless source: makes fresh samples; `rows` are then a fixed sample of it.
    """

    name: str
    rows: Rows
    index: Tensor
    labels: Tensor | None = None
    draw: Draw | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample as the model sees it: (c, h, w) or (d,)."""
        return self.rows.shape

    @property
    def range(self) -> tuple[float, float] | None:
        """The range of the model's values: (0, 1) for images, None for points."""
        return self.rows.range

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        endless = " of an endless source" if self.draw is not None else ""
        return f"<{self.name} split: {len(self):,} of shape {self.shape}{endless}>"

    def __getitem__(self, where: Where) -> Tensor:
        host = torch.device("cpu")
        if isinstance(where, slice):
            return self.rows.gather(self.index[where], host)
        chosen = where.cpu() if isinstance(where, Tensor) else torch.as_tensor(np.array(where, order="C"))
        if chosen.dtype != torch.bool and (chosen.numel() == 0 or not chosen.is_floating_point()):
            chosen = chosen.to(torch.int64)  # uint8 would be a mask, and an empty list comes as floats
        found = self.rows.gather(self.index[chosen].reshape(-1), host)
        return found[0] if chosen.ndim == 0 else found

    def batches(
        self,
        batch_size: int,
        seed: int = 0,
        start: int = 0,
        device: torch.device | str = "cpu",
        rows: slice = slice(None),
    ) -> Iterator[Tensor]:
        """Endless shuffled batches (batch_size, *shape), float32, on the device; torch's own generator is not touched.

        Epoch e is a permutation that is a function of (seed, e) alone; its short tail is dropped. Of an endless source
        batch number i is fresh, and a function of (seed, i) alone.

        Args:
            batch_size: samples in a batch.
            seed: another seed is another order.
            start: how many batches were drawn before: the iterator goes on where they stopped, at no cost.
            device: where the batches are wanted.
            rows: of each batch that are wanted; several processes share out a batch.

        Raises:
            ValueError: batch_size below 1 or larger than the split; a negative seed or start.
        """
        self._check_batches(batch_size, seed, start)
        if self.draw is not None:
            return (x for (x,) in self._fresh(self.draw, batch_size, seed, start, torch.device(device), rows))
        return self._epochs(batch_size, seed, start, torch.device(device), rows)

    def labelled_batches(
        self,
        batch_size: int,
        seed: int = 0,
        start: int = 0,
        device: torch.device | str = "cpu",
        rows: slice = slice(None),
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The same batches, each with the labels (batch_size,) of its rows on the device; arguments as for `batches`.

        Raises:
            ValueError: as `batches`, or data without labels.
        """
        self._check_batches(batch_size, seed, start)
        if self.labels is None:
            raise ValueError(f"labels: expected some for each row of the {self.name} split, got none")
        if self.draw is not None:
            fresh = self._fresh(self.draw, batch_size, seed, start, torch.device(device), rows, labelled=True)
            return ((x, labels) for x, labels in fresh)
        # the order is a function of (seed, epoch), so labels that are gathered apart are those of the same rows
        labels = self._taken(self.labels, batch_size, seed, start, rows, torch.device(device))
        return zip(self._epochs(batch_size, seed, start, torch.device(device), rows), labels, strict=False)

    def _check_batches(self, batch_size: int, seed: int, start: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if seed < 0 or start < 0:
            raise ValueError(f"seed and start must not be negative, got seed {seed} and start {start}")
        if self.draw is not None:
            return
        if batch_size > len(self):
            raise ValueError(
                f"batch_size {batch_size} is larger than the {self.name} split, which has {len(self)} samples: "
                f"use a batch size of at most {len(self)}"
            )

    def _fresh(
        self,
        draw: Draw,
        batch_size: int,
        seed: int,
        start: int,
        device: torch.device,
        rows: slice,
        labelled: bool = False,
    ) -> Iterator[Parts]:
        """The samples of each batch and, where they are wanted, their labels, on the device."""

        def drawn(number: int) -> Parts:
            generator = np.random.default_rng([seed, number, SPLITS.index(self.name)])
            x, labels = draw(generator, batch_size)
            parts: list[NDArray[Any]] = [x, labels] if labelled and labels is not None else [x]
            return tuple(torch.from_numpy(part[rows]) for part in parts)

        numbers = itertools.count(start)
        return map(drawn, numbers) if device.type == "cpu" else prefetched(drawn, numbers, device)

    def _epochs(self, batch_size: int, seed: int, start: int, device: torch.device, rows: slice) -> Iterator[Tensor]:
        if self.rows.is_read_ahead(device):
            taken = self._taken(self.index, batch_size, seed, start, rows, torch.device("cpu"))
            ahead = prefetched(lambda index: (self.rows.picked(index, device),), taken, device)
            return (self.rows.scaled(picked) for (picked,) in ahead)
        taken = self._taken(self.index, batch_size, seed, start, rows, self.rows.on(device).device)
        return (self.rows.gather(index, device) for index in taken)

    def _taken(
        self, values: Tensor, batch_size: int, seed: int, start: int, rows: slice, where: torch.device
    ) -> Iterator[Tensor]:
        """What each batch has of a value for each sample, its place in the source or its label, on a device."""
        per_epoch = len(self) // batch_size
        epoch, first = divmod(start, per_epoch)
        while True:
            order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(len(self)))
            ordered = sent(values[order], where)
            for number in range(first, per_epoch):
                yield ordered[number * batch_size : (number + 1) * batch_size][rows]
            epoch, first = epoch + 1, 0


@dataclass(frozen=True)
class Modes:
    """Where the mass of a toy lies, for counting the modes that a model found.

    Args:
        centres: (k, d), the centre of each mode.
        deviation: the standard deviation of each mode about its centre, in every direction.
    """

    centres: NDArray[np.float64]
    deviation: float


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A named data set with its three splits.

    Args:
        name: what a report calls it.
        units: the way back to the data's own units; its shape and range are the data set's.
        train, validation, test: the splits.
        classes: the name of each label, or None.
        split_note: how the splits were made, in words.
        modes: of a toy with known modes: their centres.
        identity: of an endless source, or of codes: what it is a function of; its fingerprint is made of that.
        notes: what one look after loading shows, in sentences: kind and values of the data, what was left out.
        files: of data that come from one file each: the name of each, which the `index` of a split counts.
        visible: what people look at, in the same order, where the model sees something else: the pictures behind codes
            of a pretrained auto-encoder, the standardised columns behind normal scores.
        cells: of a table with words, dates or gaps: its own columns by name, every row in the order of the source.
    """

    name: str
    units: Units
    train: Split
    validation: Split
    test: Split
    classes: list[str] | None = None
    split_note: str = ""
    modes: Modes | None = None
    identity: str | None = None
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None
    visible: "Dataset | None" = None
    cells: Raw | None = None

    @property
    def seen(self) -> "Dataset":
        """What people look at: pictures behind codes, standardised columns behind scores, else the data set itself."""
        return self if self.visible is None else self.visible

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample as the model sees it: (c, h, w) or (d,)."""
        return self.units.shape

    @property
    def range(self) -> tuple[float, float] | None:
        """The range of the model's values: (0, 1) for images, None for points."""
        return self.units.range

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(self.split(name)):,} {name}" for name in SPLITS)
        classes = "" if self.classes is None else f", {len(self.classes):,} classes"
        return f"<data {one_line(self.name)} of shape {self.shape}: {sizes}{classes}>"

    def split(self, name: str) -> Split:
        """The split called "train", "validation" or "test".

        Raises:
            ValueError: another name.
        """
        if name not in SPLITS:
            raise unknown("split", name, list(SPLITS))
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]

    def with_splits(self, change: Callable[[Split], Split], **fields: Any) -> "Dataset":
        """The data set with each split changed by a function, and with other values of these fields."""
        train, validation, test = (change(self.split(name)) for name in SPLITS)
        return replace(self, train=train, validation=validation, test=test, **fields)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the samples, labels and splits; see `rows.digest` for what of a huge set it reads."""
        if self.units.scores is not None:
            return self.seen.fingerprint  # which are the same data
        found = hashlib.sha256(repr((self.shape, self.classes, self.identity)).encode())
        if self.identity is not None:
            return found.hexdigest()
        if self.units.mixed is not None:  # words are in no number
            found.update(repr(self.units.mixed).encode())
        if self.units.limits is not None:  # what the model sees of the same numbers depends on it
            found.update(repr(self.units.limits).encode())
        digests: dict[int, str] = {}
        for split in (self.train, self.validation, self.test):
            rows = split.rows
            if id(rows) not in digests:
                digests[id(rows)] = digest(rows.array)
            found.update(digests[id(rows)].encode())
            found.update(split.index.numpy().tobytes())
            found.update(b"" if split.labels is None else split.labels.numpy().tobytes())
        return found.hexdigest()
