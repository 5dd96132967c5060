"""The sets that a card measures, with the quantities that several metrics share, each computed once."""

import copy
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from remblai.features import Features
from remblai.features.source import Rows
from remblai.laws.priors import Prior
from remblai.metrics.pairs import Pairs, between, flat, to_nearest, within
from remblai.statistics import halves

SMALLEST = 4
"""Rows of each set, at least."""

Need = Literal[
    "images",
    "reconstructions",
    "codes",
    "modes",
    "features",
    "classes",
    "inception",
    "code means",
    "labels",
    "augmentations",
    "columns",
]


class Labelled(NamedTuple):
    """What the sets have of a conditional model: samples (m, ...) of given labels (m,), held-out labels (n,), names."""

    samples: Tensor
    labels: Tensor
    held_out: Tensor
    names: Sequence[str]


class Sets:
    """Training data, held-out data and samples, cut to one n, and what else a metric may need.

    Random draws come from `generator` in the order in which the metrics ask for them, which is that of their table: a
    metric that is added stands after the others, or draws from a generator of its own.

    Args:
        real_train: training data (m, ...), anything with a length and slices.
        real_test: held-out data (n, ...); images (n, c, h, w) on the [0, 1] scale, points in standardised units.
        samples: the model's samples, rows like those of `real_test`.
        reconstructions: of the first rows of `real_test`, in order.
        codes: (n, k), of held-out data.
        prior: the law that the codes should follow.
        modes: centres (k, d) of the law's modes and their standard deviation, where both are known.
        features: the map that figures on features are taken on.
        code_means: E[Z|X] (n, k), of held-out data.
        labelled: of a conditional model: samples by class, and the labels of the held-out data.
        augmentations: names of those that the model was trained with.
        columns: names of the entries of rows, where they are columns of a table.
        image: whether rows are images.
        repeats: random halves, and draws of a known law, behind each standard deviation.
        seed: all draws are a function of it.

    Raises:
        ValueError: fewer than 4 held-out data, training data or samples, rows of different sizes, NaN or infinity.
    """

    def __init__(
        self,
        real_train: Rows,
        real_test: Any,
        samples: Any,
        *,
        reconstructions: Any = None,
        codes: Any = None,
        prior: Prior | None = None,
        modes: tuple[Any, float] | None = None,
        features: Features | None = None,
        code_means: Any = None,
        labelled: Labelled | None = None,
        augmentations: Sequence[str] = (),
        columns: Sequence[str] = (),
        image: bool = True,
        repeats: int = 20,
        seed: int = 0,
    ) -> None:
        self.real_train, self.reconstructions, self.codes, self.prior = real_train, reconstructions, codes, prior
        self.modes, self.repeats, self.seed = modes, repeats, seed
        self.features, self.code_means, self.labelled = features, code_means, labelled
        self.augmentations, self.columns = tuple(augmentations), tuple(columns)
        real_test = torch.as_tensor(real_test)
        self.row_shape = tuple(real_test.shape[1:])
        self.test = flat("the held-out data", real_test)
        self.model = flat("the samples", samples, self.test)
        self.n = min(len(self.test), len(self.model), len(real_train))
        if self.n < SMALLEST:
            raise ValueError(
                f"a fidelity card needs at least {SMALLEST} rows of each: got {len(self.test)} held-out, "
                f"{len(self.model)} samples and {len(real_train)} training rows: add data, "
                "or raise the number of samples."
            )
        self.generator = torch.Generator().manual_seed(seed)
        self.held_out = subset(self.test, self.n, self.generator)
        self.samples = subset(self.model, self.n, self.generator)
        self.train = flat("the training data", random_rows(real_train, self.n, self.generator), self.test)
        images = image and len(self.row_shape) == 3 and min(self.row_shape[1:]) >= 3
        self._shared: dict[str, Any] = {}
        self._real: dict[str, Any] = {}
        self._held_out_to_train: Tensor | None = None
        self._there: dict[Need, bool] = {
            "images": images,
            "reconstructions": reconstructions is not None,
            "codes": codes is not None and prior is not None,
            "modes": modes is not None,
            "features": features is not None,
            "classes": features is not None and features.logits is not None,
            "inception": features is not None and features.standard,
            "augmentations": bool(augmentations),
            "columns": bool(columns),
            "labels": labelled is not None,
            "code means": code_means is not None and prior is not None,
        }

    def with_samples(self, samples: Tensor) -> "Sets":
        """These sets with other samples, as many, for the values of the figures alone: there are no random halves.

        What does not depend on samples is computed once for all.
        """
        other = copy.copy(self)
        other.repeats, other.masks = 0, self.masks[:1]
        other.within_held_out = self.within_held_out.of_first()
        first, across, back = (pairs.of_first() for pairs in self.of_train)
        other.of_train = first, across, back
        other._held_out_to_train = self.to_train[0]
        other._shared = {}
        other.model = other.samples = flat("the samples", samples, self.test)
        for name in ("of_samples", "to_train"):
            other.__dict__.pop(name, None)
        return other

    def with_code_means(self, code_means: Tensor) -> "Sets":
        """These sets with other means of codes."""
        other = copy.copy(self)
        other._shared = {}
        other.code_means = code_means
        return other

    def has(self, need: Need) -> bool:
        """Whether these sets have what a metric needs."""
        return self._there[need]

    def shared(self, name: str, compute: Callable[[], Any]) -> Any:
        """What several metrics share, computed when it is first asked for under this name."""
        if name not in self._shared:
            self._shared[name] = compute()
        return self._shared[name]

    def real(self, name: str, compute: Callable[[], Any]) -> Any:
        """The same for what does not depend on samples: sets that differ in these alone share it."""
        if name not in self._real:
            self._real[name] = compute()
        return self._real[name]

    def shaped(self, rows: Tensor) -> Tensor:
        """Rows (n, d) in the data's own shape (n, ...)."""
        return rows.reshape(len(rows), *self.row_shape)

    def random_halves(self, n: int, repeats: int) -> Tensor:
        """Masks (1 + repeats, n) from the shared generator, at most `repeats` of the sets: see `statistics.halves`."""
        return halves(n, min(repeats, self.repeats), self.generator).to(self.test.device)

    @cached_property
    def masks(self) -> Tensor:
        """The whole and random halves (1 + repeats, n), for the figures from pairs of rows."""
        return self.random_halves(self.n, self.repeats)

    @cached_property
    def within_held_out(self) -> Pairs:
        """Distances within the held-out data."""
        return within(self.held_out, self.masks)

    @cached_property
    def of_samples(self) -> tuple[Pairs, Pairs, Pairs]:
        """Distances within the samples, from held-out data to them, and back."""
        return self._between(self.samples)

    @cached_property
    def of_train(self) -> tuple[Pairs, Pairs, Pairs]:
        """The same with as many training data in the place of the samples: the floor."""
        return self._between(self.train)

    def _between(self, other: Tensor) -> tuple[Pairs, Pairs, Pairs]:
        return within(other, self.masks), *between(self.held_out, other, self.masks, self.masks)

    @cached_property
    def to_train(self) -> tuple[Tensor, Tensor]:
        """The distance (n,) of each held-out datum, and of each sample, to the nearest of all training data."""
        if self._held_out_to_train is not None:
            return self._held_out_to_train, to_nearest(self.samples, self.real_train)
        near = to_nearest(torch.cat([self.held_out, self.samples]), self.real_train)
        return near[: self.n], near[self.n :]


def subset(x: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n random rows; x itself where it has no more."""
    return x if n == len(x) else x[torch.randperm(len(x), generator=generator)[:n].to(x.device)]


def random_rows(rows: Rows, n: int, generator: torch.Generator) -> Tensor:
    """n random rows, each read by a slice, so that a set on disk or an array will do."""
    index = torch.randperm(len(rows), generator=generator)[:n].tolist()
    return torch.cat([torch.as_tensor(rows[i : i + 1]) for i in sorted(index)])
