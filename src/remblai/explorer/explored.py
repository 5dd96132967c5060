"""A run and its data, and what the page asks of them: codes in, pictures out."""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from remblai.data import Dataset, Split
from remblai.explorer.axes import SAMPLES, Axis, axes_of
from remblai.explorer.drawable import check_drawable
from remblai.explorer.neighbours import Copying, Nearest, Reference, copying, nearest
from remblai.laws import LawByClass
from remblai.objectives.objective import of
from remblai.runs.labels import labels_of
from remblai.runs.model import Trained
from remblai.runtime.rng import seeded

NUMBERS = 4_000_000
"""Coordinates of the sample of the law of codes, at most."""
LAW = 20_000
"""Draws of it, at most."""
NUMBERS_SEARCHED, NUMBERS_AT_ONCE = 200_000_000, 20_000_000
"""Numbers in the training data that are searched for neighbours, at most, and how many of them at once."""
ROWS_SEARCHED, ROWS_AT_ONCE = 300_000, 20_000
"""The same of rows, whose distances to what is sought are held at once."""
REFERENCES = 500
"""Held-out data behind the distances that a sample's is compared with, at most."""
COPYING = 1_000
"""Samples of the test for copies."""
CODES = 1_000
"""Held-out codes whose law is shown, at most."""
CLASS_CODES = 5_000
"""Training codes behind the means of classes, at most."""
WIDEST = 4_096
"""Coordinates of a code, at most."""
EDGE = 0.001
"""Share of the law's draws beyond either end of a slider."""


class Explored:
    """A run's model with its data. Codes are (n, k) tensors on the CPU, data (n, ...) on the model's side.

    A conditional model decodes a code as one of a class: labels (n,), or weights (n, count) of the classes.

    Args:
        trained: the model.
        dataset: its data, as the model sees them.

    Raises:
        ValueError: a model without codes, codes too wide for a page, a law of codes that has not been fitted, data that
            cannot be drawn, or data of other classes than those of a conditional model.
    """

    def __init__(self, trained: Trained, dataset: Dataset) -> None:
        trained.check_decodes()
        if trained.conditional and dataset.classes != trained.classes:
            raise ValueError(
                f"explore: expected data of the classes that the run was trained on, {dataset.name} has "
                f"{'others' if dataset.classes else 'none'}: leave --data out."
            )
        check_drawable(trained.units)
        self.trained, self.dataset = trained, dataset
        self.latent = trained.objective.prior.latent
        if self.latent > WIDEST:
            raise ValueError(f"explore: expected codes of at most {WIDEST:,} coordinates, got {self.latent:,}.")
        self.law_sample = self.draws(max(200, min(LAW, NUMBERS // self.latent)), 0)
        ends = torch.quantile(self.law_sample[:4_000], torch.tensor([EDGE, 1.0 - EDGE]), dim=0)
        wide = ends[1] > ends[0]
        self.low, self.high = torch.where(wide, ends[0], ends[0] - 1.0), torch.where(wide, ends[1], ends[1] + 1.0)

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return self.trained.folder.name

    @property
    def owns_data(self) -> bool:
        """Whether the run was trained on these data: the test split is held out, the training split was seen."""
        return bool(self.trained.run.settings["data"].get("fingerprint") == self.dataset.fingerprint)

    def check_owns_data(self) -> None:
        """Refuses what compares training data with held-out data.

        Raises:
            ValueError: the run was trained on other data.
        """
        if not self.owns_data:
            raise ValueError(
                f"{self.name} was trained on other data than {self.dataset.name}: which of these it has seen is not "
                "known. Leave --data out."
            )

    @property
    def classes(self) -> list[str]:
        """The names of a conditional model's classes; none of others."""
        return self.trained.classes if self.trained.conditional else []

    def draws(self, n: int, seed: int, labels: Tensor | None = None) -> Tensor:
        """n codes of the law that samples are decoded from, of these classes where each has a law of its own."""
        law, device = self.trained.law(), self.trained.device
        if labels is None or not isinstance(law, LawByClass):
            return self.on_support(self.trained.prior_sample(n, seed))
        with seeded(seed, device):
            return self.on_support(law.sample_of(labels.to(device)))

    def drawn_labels(self, n: int, seed: int) -> Tensor | None:
        """n labels by the classes' shares; None without classes."""
        with seeded(seed, self.trained.device):
            labels = self.trained.objective.labels_or_drawn(n, None)
        return None if labels is None else labels.cpu()

    @torch.no_grad()
    def on_support(self, codes: Tensor) -> Tensor:
        """The codes of the prior's support nearest to these."""
        prior = self.trained.objective.prior
        return prior.nearest(codes.to(self.trained.device)).cpu()

    @torch.no_grad()
    def decode(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean of P(X|Z) at the codes of the support nearest to these, as codes of these classes."""
        given = (self.on_support(codes), *of(labels))
        return self.trained.objective.decode(*(one.to(self.trained.device) for one in given)).cpu()

    def held_out(self, places: list[int]) -> Tensor:
        """Data of the test split."""
        return self.dataset.test[places]

    def labels_of(self, split: Split, places: Tensor | list[int]) -> Tensor | None:
        """The labels of data that a conditional model takes; None of other models."""
        return labels_of(split)[places] if self.classes else None

    def code_of(self, place: int) -> Tensor:
        """The mean code (k,) of a held-out datum.

        Raises:
            ValueError: the model has no encoder.
        """
        return self.trained.code_means(self.held_out([place]), labels=self.labels_of(self.dataset.test, [place]))[0]

    def plane(self, code: Tensor, first: int, second: int, cells: int) -> Tensor:
        """Codes (cells * cells, k) that differ from this one in two coordinates; rows of falling second coordinate."""
        across = torch.linspace(float(self.low[first]), float(self.high[first]), cells)
        down = torch.linspace(float(self.high[second]), float(self.low[second]), cells)
        codes = code.repeat(cells * cells, 1)
        codes[:, first], codes[:, second] = across.repeat(cells), down.repeat_interleave(cells)
        return codes

    def walk(self, start: Tensor, end: Tensor, steps: int) -> Tensor:
        """Codes (steps, k) between two codes (k,), as the prior has it: a straight line, on the sphere an arc."""
        device, share = self.trained.device, torch.linspace(0.0, 1.0, steps)
        between = self.trained.objective.prior.between(start[None].to(device), end[None].to(device), share.to(device))
        return between[0].cpu()

    @property
    def labels(self) -> list[int]:
        """The labels whose mean codes tell classes apart: none without an encoder, and none of a conditional model."""
        labels = self.dataset.train.labels
        if labels is None or not self.trained.encodes or self.classes:
            return []
        return sorted(set(labels[labels >= 0].tolist()))

    @cached_property
    def class_means(self) -> dict[int, Tensor]:
        """The mean code (k,) of each label among the training data; empty without labels or an encoder."""
        labels = self.dataset.train.labels
        if labels is None or not self.labels:
            return {}
        chosen = _some(self.dataset.train, CLASS_CODES)
        codes, labels = self.trained.code_means(self.dataset.train[chosen]), labels[chosen]
        return {label: codes[labels == label].mean(0) for label in set(labels[labels >= 0].tolist())}

    def class_name(self, label: int) -> str:
        """What a label is called."""
        names = self.dataset.classes
        return str(label) if names is None or not 0 <= label < len(names) else names[label]

    def moved(self, code: Tensor, minus: int, plus: int, strength: float) -> Tensor:
        """code + strength * (mean of one class - mean of another), by their labels.

        Raises:
            ValueError: a conditional model, or a class without training data.
        """
        if self.classes:
            raise ValueError("attribute: expected a run that is not conditional, whose class is chosen directly.")
        for label in (minus, plus):
            if label not in self.class_means:
                raise ValueError(f"class: expected one with training data among {CLASS_CODES:,}, got label {label}.")
        return code + strength * (self.class_means[plus] - self.class_means[minus])

    @cached_property
    def training_places(self) -> Tensor:
        """Of the training data that are searched: all, or a random part."""
        return _some(self.dataset.train, _most(self.dataset.train))

    @property
    def distance_scale(self) -> float:
        """Distances are divided by it: those of images are root mean squares per pixel, on the scale 0 to 1."""
        return 1.0 if self.dataset.range is None else float(self.dataset.train[0].numel() ** 0.5)

    def neighbours(self, x: Tensor, k: int) -> Nearest:
        """The training data nearest to data x, by their places in the training split."""
        places = self.training_places
        parts = (self.dataset.train[chosen].flatten(1) for chosen in _pieces(places, x[0].numel()))
        found = nearest(x.flatten(1), parts, min(k, len(places)), self.distance_scale)
        return Nearest(found.distances, places[found.places])

    @cached_property
    def reference(self) -> Reference:
        """The distances of held-out data, and of their reconstructions, to their nearest training data."""
        chosen = _some(self.dataset.test, REFERENCES)
        x, labels = self.dataset.test[chosen], self.labels_of(self.dataset.test, chosen)
        both = [x, self.trained.reconstructions(x, labels=labels)] if self.trained.encodes else [x]
        found = [self.neighbours(one, 1).distances[:, 0].sort().values for one in both]
        restored, unsearched = found[1] if len(found) > 1 else None, len(self.dataset.train) - len(self.training_places)
        return Reference(found[0], restored, blurs=self.dataset.range is not None, unsearched=unsearched)

    @cached_property
    def copying(self) -> Copying:
        """Whether samples lie nearer to training data than held-out data let expect."""
        train, test, places = self.dataset.train, self.dataset.test, self.training_places
        held_out = _some(test, _most(test))
        order = torch.randperm(len(places) + len(held_out), generator=torch.Generator().manual_seed(1))

        def rows(chosen: Tensor) -> Tensor:
            known = chosen < len(places)
            found = torch.empty(len(chosen), test[0].numel())
            found[known] = train[places[chosen[known]]].flatten(1)
            found[~known] = test[held_out[chosen[~known] - len(places)]].flatten(1)
            return found

        labels = self.drawn_labels(COPYING, 1)
        samples = self.decode(self.draws(COPYING, 1, labels), labels).flatten(1)
        parts = (rows(chosen) for chosen in _pieces(order, samples.shape[1]))
        return copying(samples, parts, (order < len(places)).numpy())

    @property
    def codes_shown(self) -> int:
        """Held-out codes whose law is shown."""
        return min(len(self.dataset.test), CODES, len(self.law_sample))

    @cached_property
    def axes(self) -> list[Axis]:
        """Held-out codes against the law that samples are decoded from, axis by axis, the farthest first.

        Raises:
            ValueError: the model has no encoder.
        """
        self.trained.check_encodes()
        n = self.codes_shown
        chosen = _some(self.dataset.test, n)
        labels = self.labels_of(self.dataset.test, chosen)
        codes = self.trained.codes(self.dataset.test[chosen], labels=labels).double().numpy()
        law = self.law_sample[: len(self.law_sample) // n * n].double().numpy()
        samples = self.draws(SAMPLES * n, 2).double().numpy().reshape(SAMPLES, n, -1)
        return axes_of(codes, law, samples)


def _some(split: Split, most: int) -> Tensor:
    """The places of all data of a split, or of so many at random, in order."""
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))
    return order[:most].sort().values


def _most(split: Split) -> int:
    """How many rows of a split are searched, at most."""
    return max(1, min(ROWS_SEARCHED, NUMBERS_SEARCHED // split[0].numel()))


def _pieces(places: Tensor, width: int) -> Iterator[Tensor]:
    """Places of rows of so many numbers, in pieces that are looked at at once."""
    yield from torch.split(places, max(1, min(ROWS_AT_ONCE, NUMBERS_AT_ONCE // width)))
