"""The fidelity card: every figure with its floor, its spread and its n."""

from typing import Any, TypedDict

import torch
from torch import Tensor

from remblai.costs import squared_distances
from remblai.laws.priors import Prior
from remblai.metrics.measures import (
    W2_ROWS,
    assignment,
    energy,
    judge,
    latent_mmd_null,
    latent_mmd_squared,
    ratio,
    sharpness_of_each,
    squared_error_of_each,
)
from remblai.metrics.pairs import Rows, flat, measure, rounding, to_nearest
from remblai.statistics import halves

SMALLEST = 4
SCORED = 1000
"""Samples in the score by which the best checkpoint is chosen, at most."""
W2_REPEATS = 8


class Figure(TypedDict):
    """A figure and what it can be trusted for: the same figure between real data and real data, its spread, its n."""

    value: float
    floor: float
    spread: float
    n: int


Card = dict[str, Figure]


def fidelity_card(
    real_train: Rows,
    real_test: Any,
    samples: Any,
    *,
    reconstructions: Any = None,
    codes: Any = None,
    prior: Prior | None = None,
    image: bool = True,
    repeats: int = 20,
    seed: int = 0,
) -> Card:
    """Measures samples and reconstructions against held-out data, with the same figures between real and real.

    n is the smaller of held-out data and samples; where one side has more, a random subset of it is used (W2: at most
    2,000). A floor is the same figure at the same n between held-out data and as many training data; for the
    reconstruction error it is that of answering with the nearest training row, for the latent MMD and the memorisation
    ratio the mean when both sides are alike. A spread is the standard deviation over random halves (see `halves`), of a
    mean over images its standard error, of the latent MMD that of two samples of the prior.

    Args:
        real_train: training data (m, ...), anything with a length and slices; read a block at a time.
        real_test: held-out data (n, ...); images (n, c, h, w) on the [0, 1] scale, points in standardised units.
        samples: the model's samples, rows like those of `real_test`.
        reconstructions: of the first rows of `real_test`, in order.
        codes: (n, k), of held-out data.
        prior: the law the codes should follow.
        image: whether rows are images, which have a sharpness.
        repeats: random halves and prior samples behind each spread.
        seed: subsets, halves and prior samples are a function of it; global generators are left as they were.

    Raises:
        ValueError: fewer than 4 held-out data, training data or samples, rows of different sizes, NaN or infinity.
    """
    generator = torch.Generator().manual_seed(seed)
    real_test = torch.as_tensor(real_test)
    test = flat("the held-out data", real_test)
    model = flat("the samples", samples, test)
    n = min(len(test), len(model), len(real_train))
    if n < SMALLEST:
        raise ValueError(
            f"a fidelity card needs at least {SMALLEST} rows of each: got {len(test)} held-out, "
            f"{len(model)} samples and {len(real_train)} training rows."
        )
    held, made = _subset(test, n, generator), _subset(model, n, generator)
    train = flat("the training data", _rows(real_train, n, generator), test)
    card = _two_samples(held, made, train, halves(n, repeats, generator).to(test.device))
    card["w2"] = _w2(held, made, train, generator)
    near = to_nearest(torch.cat([held, made]), real_train)
    card |= _memory(near[:n], near[n:], halves(n, repeats, generator).to(test.device))
    if image and min(real_test.shape[2:]) >= 3:
        card |= _sharpness(*(part.reshape(n, *real_test.shape[1:]) for part in (held, made, train)))
    if reconstructions is not None:
        card["reconstruction_mse"] = _reconstruction(test, reconstructions, near[:n])
    if codes is not None and prior is not None:
        floor, spread = latent_mmd_null(len(codes), prior, repeats, seed + 1)
        card["latent_mmd_squared"] = _figure(latent_mmd_squared(codes, prior, seed), floor, spread, len(codes))
    return card


def _two_samples(held: Tensor, made: Tensor, train: Tensor, masks: Tensor) -> Card:
    n, own = len(held), measure(held, None, masks, masks)
    accuracies, energies = [], []
    for other in (made, train):
        pairs = ((other, None), (held, other), (other, held))
        within, across, back = (measure(x, y, masks, masks) for x, y in pairs)
        accuracies.append(judge(own, within, across, back, rounding(held, other)))
        energies.append(energy(own, within, across))
    found = {"nearest_neighbour_accuracy": accuracies, "energy_distance_squared": energies}
    return {
        name: _figure(float(value[0]), float(floor[0]), float(value[1:].std()), n)
        for name, (value, floor) in found.items()
    }


def _w2(held: Tensor, made: Tensor, train: Tensor, generator: torch.Generator) -> Figure:
    n = min(len(held), W2_ROWS)
    held, made, train = (_subset(part, n, generator) for part in (held, made, train))
    costs = squared_distances(held, made)
    masks = halves(n, W2_REPEATS, generator)[1:].to(costs.device)
    spread = torch.tensor([assignment(costs[mask][:, mask]) for mask in masks]).std()
    return _figure(assignment(costs), assignment(squared_distances(held, train)), float(spread), n)


def _memory(held: Tensor, made: Tensor, masks: Tensor) -> Card:
    """Empty where half of the held-out data are training data too: then there is no distance to compare with."""
    if float(held.median()) == 0 or any(float(held[mask].median()) == 0 for mask in masks):
        return {}
    spread = torch.tensor([ratio(made[mask], held[mask]) for mask in masks[1:]]).std()
    floor = torch.tensor([ratio(held[~mask], held[mask]) for mask in masks[1:]]).mean()
    return {"memorisation_ratio": _figure(ratio(made, held), float(floor), float(spread), len(made))}


def _sharpness(held: Tensor, made: Tensor, train: Tensor) -> Card:
    data, model, other = (sharpness_of_each(part) for part in (held, made, train))
    error = len(data) ** -0.5  # a mean over images: its standard error needs no halves
    return {
        "sharpness": _figure(float(model.mean()), float(data.mean()), float(model.std()) * error, len(model)),
        "sharpness_data": _figure(float(data.mean()), float(other.mean()), float(data.std()) * error, len(data)),
    }


def _reconstruction(test: Tensor, reconstructions: Any, near: Tensor) -> Figure:
    """Beside the error of an auto-encoder that answers with the nearest training row."""
    errors = squared_error_of_each(test[: len(reconstructions)], reconstructions)
    nearest = float(near.square().mean()) / test.shape[1]
    return _figure(float(errors.mean()), nearest, float(errors.std()) * len(errors) ** -0.5, len(errors))


def _figure(value: float, floor: float, spread: float, n: int) -> Figure:
    return {"value": value, "floor": floor, "spread": spread, "n": n}


def _subset(x: Tensor, n: int, generator: torch.Generator) -> Tensor:
    return x if n == len(x) else x[torch.randperm(len(x), generator=generator)[:n].to(x.device)]


def _rows(rows: Rows, n: int, generator: torch.Generator) -> Tensor:
    """n random rows, each read by a slice, so that a set on disk or an array will do."""
    index = torch.randperm(len(rows), generator=generator)[:n].tolist()
    return torch.cat([torch.as_tensor(rows[i : i + 1]) for i in sorted(index)])
