"""How far samples are from data: plain functions of two samples, each an estimate at the sample's own size.

None of them says much alone: pixel W2 is won by blur and by memory, sharpness by noise, the memorisation ratio by
noise too. The fidelity card (`card.py`) puts them side by side, each with the same figure between real and real data.
"""

import copy
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from remblai.costs import squared_distances
from remblai.discrepancies import MMD
from remblai.kernels import KERNELS
from remblai.laws.priors import Prior
from remblai.metrics.pairs import BLOCK, Pairs, Rows, flat, measure, parts, rounding, to_nearest
from remblai.runtime.rng import seeded

W2_ROWS = 2000  # the assignment takes the cube of this: about a second here
GREY = (0.2989, 0.587, 0.114)
IMAGES_AT_ONCE = 256


def nearest_neighbour_accuracy(x: Any, y: Any) -> float:
    """How often a nearest-neighbour judge, leaving each row out in turn, tells which sample it came from.

    1/2 when the laws are equal, 1 when the samples lie apart, below 1/2 when rows of one sample sit on rows of the
    other (copies). Where the nearest of both samples are equally far, a row counts as half right. Source: Lopez-Paz
    and Oquab 2017 (arXiv 1610.06545); Xu et al. 2018 (arXiv 1806.07755).

    Args:
        x: real data (n, ...), flattened to rows.
        y: samples (m, ...).

    Raises:
        ValueError: fewer than 2 rows in a sample, different row sizes, NaN or infinity.
    """
    x, y = _two_samples(x, y)
    every_x, every_y = _every(x), _every(y)
    own_x, own_y = measure(x, None, every_x, every_x), measure(y, None, every_y, every_y)
    across, back = measure(x, y, every_x, every_y), measure(y, x, every_y, every_x)
    return float(judge(own_x, own_y, across, back, rounding(x, y))[0])


def judge(x: Pairs, y: Pairs, across: Pairs, back: Pairs, tie: float) -> Tensor:
    """The judge's accuracy (r,) for each sub-sample; squared distances that differ by less than `tie` are equal."""
    right_x, right_y = _right(x.nearest, across.nearest, tie), _right(y.nearest, back.nearest, tie)
    return ((right_x * x.inside).sum(1) + (right_y * y.inside).sum(1)) / (x.inside.sum(1) + y.inside.sum(1))


def _right(own: Tensor, other: Tensor, tie: float) -> Tensor:
    gap = other - own
    return torch.where(gap.abs() <= tie, 0.5, (gap > 0).double())


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
    every_x, every_y = _every(x), _every(y)
    within_x, within_y = measure(x, None, every_x, every_x), measure(y, None, every_y, every_y)
    return float(energy(within_x, within_y, measure(x, y, every_x, every_y))[0])


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
        raise ValueError("the memorisation ratio needs held-out data: more than half of these are also training data.")
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
    return assignment(squared_distances(x, y))


def assignment(costs: Tensor) -> float:
    """The root of the least mean of squared distances (n, n) over all assignments."""
    table = costs.double().cpu().numpy()
    return float(table[linear_sum_assignment(table)].mean() ** 0.5)


def sharpness(images: Any) -> float:
    """How much fine detail images have: the variance of the Laplacian's response in each, averaged over the images.

    Grey (.2989, .587, .114; the mean of the channels unless there are 3 or 4, of which the first 3 count), then the 3x3
    Laplacian (0 1 0, 1 -4 1, 0 1 0) without padding, then its population variance. Noise scores high: read it beside
    the data's own. Source: the official code of the WAE paper (arXiv 1711.01558), which logs the least of a few
    images; the paper's figure is the average.

    Args:
        images: (n, c, h, w) on the [0, 1] scale, at least 3 x 3.

    Raises:
        ValueError: not of that shape.
    """
    return float(sharpness_of_each(images).mean())


def sharpness_of_each(images: Any) -> Tensor:
    """The variance of the Laplacian's response (n,) in each image."""
    x = torch.as_tensor(images)
    if x.ndim != 4 or min(x.shape[:2]) < 1 or min(x.shape[2:]) < 3:
        raise ValueError(f"sharpness takes images (n, c, h, w) of at least 3 x 3, not shape {tuple(x.shape)}.")
    return torch.cat([_laplacian(part.float()).flatten(1).var(1, correction=0) for part in parts(x, IMAGES_AT_ONCE)])


def _laplacian(x: Tensor) -> Tensor:
    weights = x.new_tensor(GREY) if x.shape[1] in (3, 4) else x.new_full((x.shape[1],), 1 / x.shape[1])
    grey = torch.einsum("nchw,c->nhw", x[:, : len(weights)], weights)
    sides = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return sides - 4 * grey[:, 1:-1, 1:-1]


def reconstruction_mse(x: Any, y: Any) -> float:
    """The mean squared error a pixel between images and their reconstructions, row by row.

    Args:
        x: real data (n, ...), images on the [0, 1] scale.
        y: their reconstructions, of the same shape.

    Raises:
        ValueError: different shapes, NaN or infinity.
    """
    return float(squared_error_of_each(x, y).mean())


def squared_error_of_each(x: Any, y: Any) -> Tensor:
    """The mean squared error a pixel (n,) of each reconstruction."""
    x = flat("the data", x)
    y = flat("the reconstructions", y, x)
    if len(x) != len(y):
        raise ValueError(f"each of the {len(x)} rows needs its own reconstruction; got {len(y)}.")
    return torch.cat([(a - b).square().mean(1) for a, b in zip(parts(x, BLOCK), parts(y, BLOCK), strict=True)])


def latent_mmd_squared(codes: Any, prior: Prior, seed: int = 0) -> float:
    """The unbiased squared MMD between codes and as many draws of the prior; below 0 is normal where they match.

    The kernel is the WAE paper's code's: the sum of the inverse multiquadrics C / (C + |z - z'|^2) at 7 scales of
    C = E|Z - Z'|^2 of the prior. Source: Tolstikhin et al. 2018 (arXiv 1711.01558), Algorithm 2.

    Args:
        codes: (n, k).
        prior: the law the codes should follow.
        seed: the prior's draws are a function of it; torch's global generators are left as they were.

    Raises:
        ValueError: fewer than 2 codes, or codes of another size than the prior's.
    """
    z = _codes(codes, prior)
    return float(_mmd(prior)(_draw(prior, len(z), 1, seed)[0], z))


def latent_mmd_null(n: int, prior: Prior, repeats: int = 20, seed: int = 1) -> tuple[float, float]:
    """Mean and standard deviation of `latent_mmd_squared` at n when the codes do follow the prior.

    Args:
        n: number of codes a side.
        prior: the law that both sides follow.
        repeats: pairs of samples drawn.
        seed: the draws are a function of it.
    """
    mmd = _mmd(prior)
    draws = _draw(prior, n, 2 * repeats, seed)
    values = torch.stack([mmd(x, y) for x, y in zip(draws[::2], draws[1::2], strict=True)])
    return float(values.mean()), float(values.std())


def _mmd(prior: Prior) -> MMD:
    return MMD(KERNELS["imq"](prior=prior)).to(_device(prior))


def _draw(prior: Prior, n: int, samples: int, seed: int) -> Tensor:
    """Draws (samples, n, k) on the CPU, so that they are the same wherever the prior lives."""
    law = copy.deepcopy(prior).cpu()()
    with seeded(seed):
        draws: Tensor = law.sample(torch.Size((samples, n)))
    return draws.to(_device(prior))


def _device(prior: Prior) -> torch.device:
    return next(prior.buffers(), torch.empty(0)).device


def _codes(codes: Any, prior: Prior) -> Tensor:
    z = flat("the codes", codes).to(_device(prior))
    if len(z) < 2 or z.shape[1] != prior.latent:
        raise ValueError(f"codes must be (n >= 2, {prior.latent}) for this prior, not {tuple(z.shape)}.")
    return z


def _two_samples(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    x = flat("the first sample", x)
    y = flat("the second sample", y, x)
    if min(len(x), len(y)) < 2:
        raise ValueError(f"at least 2 rows a sample are needed; got {len(x)} and {len(y)}.")
    return x, y


def _every(x: Tensor) -> Tensor:
    return torch.ones(1, len(x), dtype=torch.bool, device=x.device)


def _non_empty(train: Rows) -> Rows:
    if len(train) == 0:
        raise ValueError("the training data are empty: there is nothing to be near to.")
    return train
