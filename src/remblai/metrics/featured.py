"""Figures on features: the Frechet distance, the kernel distance and the generalisation gap."""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from remblai.discrepancies import Frechet
from remblai.discrepancies.gram import means_of_parts
from remblai.features.source import Rows
from remblai.kernels import Polynomial
from remblai.metrics.metric import Figure
from remblai.metrics.pairs import flat, to_nearest
from remblai.metrics.pixel_law import with_pixel_law
from remblai.metrics.sets import Sets, random_rows
from remblai.statistics import halves
from remblai.statistics.statistic import at_least

NEAREST_OF = 5000
"""Training rows whose features the reconstructions are held against, at most."""
KEPT = 2**27
"""Numbers of the features of all training rows that are kept for other samples, at most: 512 MiB."""
LEAST = 4
"""Random halves, at least: the extrapolation needs some also where only the value is wanted."""
DEGREE = 3
"""Of the kernel of the published KID."""


class Featured:
    """The features of a card's sets; what does not depend on samples is computed once for all samples.

    Training rows are drawn by a generator of their own, so that other figures keep their draws.

    Args:
        sets: of the card, which name the features.
    """

    def __init__(self, sets: Sets) -> None:
        assert sets.features is not None  # the rows of the table need them
        self.sets, self.features, self.n = sets, sets.features, sets.n

    @property
    def held_out(self) -> Tensor:
        """Features (n, k) of the held-out data."""
        found: Tensor = self.sets.real("held-out data", lambda: self._of(self.sets.held_out, "the held-out data"))
        return found

    @property
    def training(self) -> Tensor:
        """Features (m, k) of random training rows, at most `NEAREST_OF` or n."""
        found: Tensor = self.sets.real("training data", self._training)
        return found

    @property
    def train(self) -> Tensor:
        """Features (n, k) of as many training rows as there are held-out data: the floors."""
        return self.training[: self.n]

    def to_training(self, queries: Tensor) -> Tensor:
        """The distance (n,) of features (n, k) to the nearest features of *all* training rows, read in parts."""
        m = len(self.sets.real_train)
        rows: Rows = _FeaturesOfRows(self)
        if m * queries.shape[1] <= KEPT:
            rows = self.sets.real("all training data", lambda: rows_of(rows, self.features.at_once))
        return to_nearest(queries, rows)

    @cached_property
    def samples(self) -> Tensor:
        """Features (n, k) of the samples."""
        return self._of(self.sets.samples, "the samples")

    @cached_property
    def matched(self) -> Tensor:
        """Features (n, k) of the samples with the pixel values of as many training images."""
        own, training = (self.sets.shaped(rows) for rows in (self.sets.samples, self.sets.train))
        return self.features.of(with_pixel_law(own, training), "the samples")

    @property
    def masks(self) -> Tensor:
        """The whole and random halves (1 + repeats, n): see `statistics.halves`."""
        draws, repeats = torch.Generator().manual_seed(self.sets.seed + 4), max(self.sets.repeats, LEAST)
        masks: Tensor = self.sets.real(f"{repeats} halves", lambda: halves(self.n, repeats, draws))
        return masks.to(self.held_out.device)

    def _training(self) -> Tensor:
        draws = torch.Generator().manual_seed(self.sets.seed + 5)
        m = min(len(self.sets.real_train), max(self.n, NEAREST_OF))
        rows = random_rows(self.sets.real_train, m, draws)
        found = self._of(flat("the training data", rows, self.sets.test), "the training data")
        return found[torch.randperm(m, generator=draws)]

    def _of(self, rows: Tensor, name: str) -> Tensor:
        return self.features.of(self.sets.shaped(rows), name)


class _FeaturesOfRows:
    """The features of all training rows, each part computed when it is read."""

    def __init__(self, own: Featured) -> None:
        self.own, self.rows = own, own.sets.real_train

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice, /) -> Tensor:
        return self.own._of(flat("the training data", self.rows[index], self.own.sets.test), "the training data")


def rows_of(rows: Rows, size: int) -> Tensor:
    """All rows (m, ...), read `size` at a time."""
    return torch.cat([torch.as_tensor(rows[start : start + size]) for start in range(0, len(rows), size)])


def featured(sets: Sets) -> Featured:
    """The features of these sets, shared by all figures on them."""
    found: Featured = sets.shared("featured", lambda: Featured(sets))
    return found


def frechet(x: Any, y: Any, extrapolated: bool = False, repeats: int = 20, seed: int = 0) -> float:
    """The squared Frechet distance of two samples of features: W_2^2 of the Gaussians fitted to them, in float64.

    |m - m'|^2 + tr(S + S' - 2 (S S')^1/2), right also where a covariance is singular (n <= k, constant images). It has
    a positive bias c / n that grows with k: figures are comparable at one n only. `extrapolated` removes it: with
    F(n) = F + c / n the value 2 F(n) - (mean of F over random halves of both samples) has no bias of order 1/n. It may
    be below 0, and where n is not well above k the next orders stay.

    Args:
        x: features (n, k) of real data.
        y: features (m, k) of samples.
        extrapolated: to n = infinity; then n = m.
        repeats: random halves behind it, at least 1.
        seed: of these.

    Raises:
        ValueError: fewer than 2 rows (4 for the extrapolation) in a sample, rows of different sizes, NaN or infinity;
            for the extrapolation samples of different numbers of rows too.

    Source: Heusel et al. 2017, arXiv 1706.08500; the extrapolation: Chong and Forsyth 2020, arXiv 1911.07023.
    """
    x = flat("the first sample", x)
    y = flat("the second sample", y, x)
    if not extrapolated:
        _enough("a Frechet distance", 2, x, y)
        return float(Frechet()(x.double(), y.double()))
    _enough("an extrapolated Frechet distance", 4, x, y)
    at_least(1, "repeats", repeats)
    if len(x) != len(y):
        raise ValueError(
            f"an extrapolated Frechet distance needs as many rows of both samples, got {len(x)} and {len(y)}: take "
            f"{min(len(x), len(y))} of each."
        )
    draws = torch.Generator().manual_seed(seed)
    pairs = zip(*(halves(len(part), repeats, draws).to(part.device) for part in (x, y)), strict=True)
    return float(_extrapolated(torch.stack([Frechet()(x[one].double(), y[other].double()) for one, other in pairs])))


def kernel_distance(x: Any, y: Any, subsets: int = 0, size: int = 1000, seed: int = 0) -> float:
    """The unbiased squared MMD of two samples of features with the kernel (x . y / k + 1)^3, in float64.

    Below 0 about half of the time where the laws agree. With `subsets` it is the mean over random subsets, as published
    code takes it for samples whose pairs are too many; without, it is of all pairs, with less noise.

    Args:
        x: features (n, k) of real data.
        y: features (m, k) of samples.
        subsets: how many; 0 takes all pairs.
        size: rows of each sample in a subset.
        seed: of the subsets.

    Raises:
        ValueError: fewer than 2 rows, or than `size` with subsets, fewer than 0 subsets, a size below 2, rows of
            different sizes, NaN or infinity.

    Source: Binkowski et al. 2018, arXiv 1801.01401.
    """
    x = flat("the first sample", x)
    y = flat("the second sample", y, x)
    at_least(0, "subsets", subsets)
    at_least(2, "rows of a subset", size)
    _enough("a kernel distance", size if subsets else 2, x, y)
    if not subsets:
        return float(_kernel_values(x, y, *(torch.ones(1, len(part), dtype=torch.bool) for part in (x, y))))
    draws = torch.Generator().manual_seed(seed)
    first, second = (
        torch.stack([torch.randperm(len(part), generator=draws) < size for _ in range(subsets)]) for part in (x, y)
    )
    return float(_kernel_values(x, y, first, second).mean())


def figure_of_frechet(sets: Sets) -> Figure | None:
    """The squared Frechet distance between held-out data and samples, on the card's features."""
    return None if sets.has("inception") else figure_of_fid(sets)


def figure_of_fid(sets: Sets) -> Figure:
    """The squared Frechet distance, under the name that it has on the published features alone."""
    return _frechet_figure(sets, "samples")


def figure_of_extrapolated_frechet(sets: Sets) -> Figure:
    """The same without its bias of order 1/n."""
    values, floors = (_frechet_values(sets, name) for name in ("samples", "train"))
    deviation = float(values[1:].std())  # of first order, that of the plain figure: the bias is no random term
    return {"value": _extrapolated(values), "floor": _extrapolated(floors), "spread": deviation, "n": sets.n}


def figure_of_matched_frechet(sets: Sets) -> Figure:
    """The Frechet distance of samples whose pixel values are matched to those of training data, the floor's own."""
    return _frechet_figure(sets, "matched")


def figure_of_kernel_distance(sets: Sets) -> Figure | None:
    """The kernel distance between held-out data and samples, on the card's features."""
    return None if sets.has("inception") else figure_of_kid(sets)


def figure_of_kid(sets: Sets) -> Figure:
    """The kernel distance, under the name that it has on the published features alone."""
    own = featured(sets)
    values = _kernel_values(own.held_out, own.samples, own.masks, own.masks)
    (floor,) = _kernel_values(own.held_out, own.train, own.masks[:1], own.masks[:1])
    return {"value": float(values[0]), "floor": float(floor), "spread": float(values[1:].std()), "n": sets.n}


def figure_of_gap(sets: Sets) -> Figure:
    """The generalisation gap of samples, by their and the held-out data's distances to training features."""
    own = featured(sets)
    held_out: Tensor = sets.real("held-out features to training", lambda: own.to_training(own.held_out))
    samples = own.to_training(own.samples)
    values = torch.tensor([generalisation_gap(samples[mask], held_out[mask]) for mask in own.masks])
    return {"value": float(values[0]), "floor": 0.0, "spread": float(values[1:].std()), "n": sets.n}


def generalisation_gap(samples: Tensor, held_out: Tensor) -> float:
    """P(a held-out datum is farther from the training data than a sample) - P(it is nearer), from their distances.

    0 for samples that generalise as held-out data do, 1 for copies of training data, -1 where every sample is farther
    from the training data than any held-out datum. It is Mann and Whitney's statistic, 2 U / (n m) - 1.

    Args:
        samples: distances (n,) of samples to the nearest training datum.
        held_out: the same (m,) of held-out data.

    Source: Meehan, Chaudhuri and Dasgupta 2020, arXiv 2004.05675, who take its standardised form cell by cell.
    """
    order = samples.sort().values
    below, not_above = (torch.searchsorted(order, held_out, right=right) for right in (False, True))
    return float((below + not_above).double().mean() / len(samples) - 1)


def _frechet_figure(sets: Sets, name: str) -> Figure:
    values, floors = _frechet_values(sets, name), _frechet_values(sets, "train")
    figure: Figure = {
        "value": float(values[0]),
        "floor": float(floors[0]),
        "spread": float(values[1:].std()),
        "n": sets.n,
    }
    if sets.n <= (k := featured(sets).held_out.shape[1]):
        figure["full_rank"] = k + 1
    return figure


def _frechet_values(sets: Sets, name: str) -> Tensor:
    """The distance (1 + repeats,) from held-out data to a set of these, by its name, whole and over halves."""
    own, distance = featured(sets), Frechet()

    def values() -> Tensor:
        other: Tensor = getattr(own, name)
        return torch.stack([distance(own.held_out[mask].double(), other[mask].double()) for mask in own.masks])

    keep = sets.real if name == "train" else sets.shared
    found: Tensor = keep(f"frechet to {name} by {len(own.masks)}", values)
    return found


def _kernel_values(x: Tensor, y: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The kernel distance (r,) of r parts of each of two samples, by masks (r, n) and (r, m)."""
    in_x = torch.cat([first, torch.zeros(len(first), len(y), dtype=torch.bool, device=first.device)], 1)
    in_y = torch.cat([torch.zeros(len(second), len(x), dtype=torch.bool, device=second.device), second], 1)
    means = means_of_parts(Polynomial(DEGREE), torch.cat([x, y]), in_x.to(x.device), in_y.to(x.device), diagonal=False)
    return means.within_first + means.within_second - 2 * means.across


def _extrapolated(values: Tensor) -> float:
    return float(2 * values[0] - values[1:].mean())


def _enough(what: str, least: int, *samples: Tensor) -> None:
    fewest = min(map(len, samples))
    if fewest < least:
        raise ValueError(f"{what} needs at least {least} rows of each sample, got {fewest}: take more images.")
