"""How far samples are from data: plain functions of two samples, and the figures that the card makes of them.

Each is an estimate at the samples' own size. None of them says much alone: blurred samples and copies score well in
pixel W2, noise in sharpness and in the memorisation ratio. The fidelity card (`card.py`) puts them side by side, each
with the same figure between real and real data.
"""

import math
from typing import Any

import torch
from torch import Tensor

from remblai.distances.exact.simplex import least_matching
from remblai.distances.squares import relative_rounding, squares
from remblai.features.source import Rows
from remblai.metrics.metric import Figure
from remblai.metrics.pairs import Pairs, between, flat, to_nearest, within
from remblai.metrics.sets import Sets, subset

W2_ROWS = 2000  # the assignment takes the cube of this: about a second here
W2_HALVES = 8


def nearest_neighbour_accuracy(x: Any, y: Any) -> float:
    """The leave-one-out accuracy of a nearest-neighbour classifier that says which sample a row comes from.

    1/2 when the laws are equal, 1 when the samples lie apart, below 1/2 when rows of one sample sit on rows of the
    other (copies). Where the nearest of both samples are equally far, a row counts as half right. In many dimensions it
    is 1/2 also where the samples shrink towards the mean of the data: each sample's nearest neighbour is a sample then,
    and each datum's too. `told_apart` takes each side by itself. Source: Lopez-Paz and Oquab 2017 (arXiv 1610.06545);
    Xu et al. 2018 (arXiv 1806.07755), who show both sides.

    Args:
        x: real data (n, ...), flattened to rows.
        y: samples (m, ...).

    Raises:
        ValueError: fewer than 2 rows in a sample, different row sizes, NaN or infinity.
    """
    sides = _sides(x, y)
    return sum(n * side for n, side in sides) / sum(n for n, _ in sides)


def told_apart(x: Any, y: Any) -> float:
    """The nearest-neighbour accuracy where each sample's own counts from chance in whichever direction it is off.

    The mean over both samples of c + |accuracy on the sample - c|, with c its accuracy where the laws are equal, (n -
    1) / (n + m - 1) of a sample of n beside one of m: about 1/2 where the laws are equal, whatever the sizes, the
    accuracy itself where samples of one size have at least c, and more for copies and for samples that shrink.

    Args:
        x: real data (n, ...), flattened to rows.
        y: samples (m, ...).

    Raises:
        ValueError: fewer than 2 rows in a sample, different row sizes, NaN or infinity.
    """
    sides = _sides(x, y)
    total = sum(n for n, _ in sides)
    chances = [(n - 1) / (total - 1) for n, _ in sides]
    return sum(c + abs(side - c) for c, (_, side) in zip(chances, sides, strict=True)) / 2


def _sides(x: Any, y: Any) -> tuple[tuple[int, float], tuple[int, float]]:
    """Of each sample its rows and the accuracy on them."""
    x, y = _two_samples(x, y)
    every_x, every_y = every_row(x), every_row(y)
    own_x, own_y = within(x, every_x), within(y, every_y)
    first, second = accuracy_of_sides(own_x, own_y, *between(x, y, every_x, every_y), relative_rounding(x))
    return (len(x), float(first)), (len(y), float(second))


def accuracy_of_sides(x: Pairs, y: Pairs, across: Pairs, back: Pairs, tie: float) -> tuple[Tensor, Tensor]:
    """The classifier's accuracy (r,) on the rows of each sample alone, for each sub-sample.

    Squared distances are equal within the share `tie` of them.
    """
    right = _right(x.nearest, across.nearest, tie), _right(y.nearest, back.nearest, tie)
    first, second = ((one * side.inside).sum(1) / side.inside.sum(1) for one, side in zip(right, (x, y), strict=True))
    return first, second


def _right(own: Tensor, other: Tensor, tie: float) -> Tensor:
    gap = other - own
    return torch.where(gap.abs() <= tie * torch.minimum(own, other), 0.5, (gap > 0).double())


def energy_distance(x: Any, y: Any) -> float:
    """The squared energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'|, without bias.

    | | is the Euclidean norm of a whole row and the means within a sample leave the diagonal out, so the expectation is
    0 for equal laws and values slightly below 0 are normal there. Source: Szekely and Rizzo 2013.

    Args:
        x: real data (n, ...), flattened to rows.
        y: samples (m, ...).

    Raises:
        ValueError: fewer than 2 rows in a sample, different row sizes, NaN or infinity.
    """
    x, y = _two_samples(x, y)
    every_x, every_y = every_row(x), every_row(y)
    return float(energy(within(x, every_x), within(y, every_y), between(x, y, every_x, every_y)[0])[0])


def energy(x: Pairs, y: Pairs, across: Pairs) -> Tensor:
    """The unbiased squared energy distance (r,) of each sub-sample."""
    return 2 * across.mean - x.mean - y.mean


def memorisation_ratio(samples: Any, train: Rows, held_out: Any) -> float:
    """Median distance of samples to the training set, over the same for held-out data.

    About 1 for new images from the law, 0 for copies of training images, above 1 for samples that lie farther from the
    data than the data themselves.

    Args:
        samples: (n, ...), flattened to rows.
        train: the training data, anything with a length and slices (m, ...); read a block at a time.
        held_out: real data that were not trained on (k, ...).

    Raises:
        ValueError: an empty sample, different row sizes, NaN, or held-out data that are copies of the training data.
    """
    y = flat("the samples", samples)
    x = flat("the held-out data", held_out, y)
    near = to_nearest(torch.cat([y, x]), _non_empty(train))
    return ratio(near[: len(y)], near[len(y) :])


def ratio(samples: Tensor, held_out: Tensor) -> float:
    """The ratio of two medians of distances.

    Raises:
        ValueError: the lower median is 0: half of the held-out data are in the training data.
    """
    if float(held_out.median()) == 0:
        raise ValueError("the memorisation ratio needs held-out data: at least half of these are also training data.")
    return float(samples.quantile(0.5) / held_out.quantile(0.5))


def w2(x: Any, y: Any) -> float:
    """W_2 itself (the root) between two samples of one size, exactly, by the best assignment of rows to rows.

    sqrt(min over permutations of mean |x_i - y_p(i)|^2). Biased upwards at any finite size: compare it with the same
    figure between real data and real data.

    Args:
        x: real data (n, ...), n at most 2,000, flattened to rows.
        y: samples (n, ...).

    Raises:
        ValueError: different sizes, more than 2,000 rows, different row sizes, NaN or infinity.
    """
    x = flat("the first sample", x)
    y = flat("the second sample", y, x)
    if len(x) != len(y) or len(x) > W2_ROWS:
        raise ValueError(f"w2 takes two samples of one size, at most {W2_ROWS}: not {len(x)} and {len(y)}.")
    return _root_of_matching(squares(x, y), x.shape[1])


def _root_of_matching(costs: Tensor, dimension: int) -> float:
    """The root of the least mean of squared distances (n, n) over all assignments."""
    return math.sqrt(least_matching(costs.double().cpu().numpy(), dimension))


def figure_of_accuracy(sets: Sets) -> Figure:
    """The classifier's accuracy between held-out data and samples."""
    tie = relative_rounding(sets.held_out)
    values, floors = (
        accuracy_of_sides(sets.within_held_out, *pairs, tie) for pairs in (sets.of_samples, sets.of_train)
    )
    figure = _over_halves(torch.stack(values).mean(0), torch.stack(floors).mean(0), sets.n)
    named = zip(("held-out data", "samples"), values, floors, strict=True)
    figure["sides"] = {name: _over_halves(value, floor, sets.n) for name, value, floor in named}
    return figure


def figure_of_energy(sets: Sets) -> Figure:
    """The squared energy distance between held-out data and samples."""
    values, floors = (energy(sets.within_held_out, *pairs[:2]) for pairs in (sets.of_samples, sets.of_train))
    return _over_halves(values, floors, sets.n)


def _over_halves(values: Tensor, floors: Tensor, n: int) -> Figure:
    return {"value": float(values[0]), "floor": float(floors[0]), "spread": deviation(values[1:]), "n": n}


def figure_of_w2(sets: Sets) -> Figure:
    """W2 between held-out data and samples, at most 2,000 of each."""
    n = min(sets.n, W2_ROWS)
    held_out, samples, train = (
        subset(part, n, sets.generator) for part in (sets.held_out, sets.samples, sets.train)
    )  # fmt: skip
    dimension, masks = held_out.shape[1], sets.random_halves(n, W2_HALVES)

    def matched(other: Tensor) -> Tensor:
        costs = squares(held_out, other)
        return torch.tensor([_root_of_matching(costs[mask][:, mask], dimension) for mask in masks])

    return beside_floors(matched(samples), sets.real("w2 floor", lambda: matched(train)), n)


def beside_floors(values: Tensor, floors: Tensor, n: int) -> Figure:
    """A figure whose floor is of one draw of training data, and as uncertain as the value.

    Args:
        values: (1 + r,), of the whole and of random halves.
        floors: the same with training data in the place of the samples; sets with faults have no halves.
        n: rows a side.
    """
    spread = deviation(values[1:] - floors[1 : len(values)])
    return {"value": float(values[0]), "floor": float(floors[0]), "spread": spread, "n": n}


def figure_of_memorisation(sets: Sets) -> Figure | None:
    """The memorisation ratio; None where half of the held-out data are training data too: there is no distance then."""
    held_out, samples = sets.to_train
    masks = sets.random_halves(sets.n, sets.repeats)
    if any(float(held_out[mask].median()) == 0 for mask in masks):
        return None
    of_halves = torch.tensor([ratio(samples[mask], held_out[mask]) for mask in masks[1:]])
    floors = torch.tensor([ratio(held_out[~mask], held_out[mask]) for mask in masks[1:]])
    floor = float(floors.mean()) if len(floors) else 1.0
    return {"value": ratio(samples, held_out), "floor": floor, "spread": deviation(of_halves), "n": sets.n}


def deviation(values: Tensor) -> float:
    """The standard deviation; 0 of fewer than two values."""
    return float(values.std()) if len(values) > 1 else 0.0


def _two_samples(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    x = flat("the first sample", x)
    y = flat("the second sample", y, x)
    if min(len(x), len(y)) < 2:
        raise ValueError(f"at least 2 rows a sample are needed; got {len(x)} and {len(y)}.")
    return x, y


def every_row(x: Tensor) -> Tensor:
    """The mask (1, n) of all rows of x (n, ...)."""
    return torch.ones(1, len(x), dtype=torch.bool, device=x.device)


def _non_empty(train: Rows) -> Rows:
    if len(train) == 0:
        raise ValueError("the training data are empty: there is nothing to be near to.")
    return train
