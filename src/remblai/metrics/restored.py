"""How well images are reconstructed beyond the squared error: PSNR, SSIM, and the distance of features."""

from typing import Any

import torch
from torch import Tensor

from remblai.costs import squared_distances
from remblai.metrics.featured import featured
from remblai.metrics.images import IMAGES_AT_ONCE, errors_of_answers, of_means, squared_error_of_each
from remblai.metrics.metric import Figure
from remblai.metrics.pairs import BLOCK, flat, parts
from remblai.metrics.sets import Sets

WINDOW, DEVIATION = 11, 1.5
"""Pixels of the window of SSIM, and the standard deviation of its Gaussian weights."""
STABILISERS = (0.01**2, 0.03**2)
"""Of SSIM, for a range of 1."""
LEAST_ERROR = 1e-10
"""A squared error a pixel below which PSNR grows no more: 100 dB, that of a copy."""


def psnr(x: Any, y: Any) -> float:
    """Peak signal-to-noise ratio in decibels, 10 log10(1 / mean squared error), averaged over images; 100 at most.

    Args:
        x: real images (n, ...) on the [0, 1] scale.
        y: their reconstructions.

    Raises:
        ValueError: different shapes, NaN or infinity.
    """
    return float(_decibels(squared_error_of_each(x, y)).mean())


def ssim(x: Any, y: Any) -> float:
    """The structural similarity of images and their reconstructions, averaged: 1 for equal images.

    Means, variances and the covariance are taken in windows of 11 x 11 with Gaussian weights of deviation 1.5, in
    smaller images of the largest odd side that fits, wherever the window lies inside the image; (2 m m' + c)(2 s + c')
    / ((m^2 + m'^2 + c)(v + v' + c')) with c = 0.01^2, c' = 0.03^2, averaged over places and channels.

    Args:
        x: real images (n, c, h, w) on the [0, 1] scale.
        y: their reconstructions.

    Raises:
        ValueError: not of that shape, or different shapes, NaN or infinity.

    Source: Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment" (2004).
    """
    return float(ssim_of_each(x, y).mean())


def ssim_of_each(x: Any, y: Any) -> Tensor:
    """The structural similarity (n,) of each image and its reconstruction."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    if x.ndim != 4 or x.shape != y.shape:
        raise ValueError(
            f"ssim takes two sets of images (n, c, h, w), not shapes {tuple(x.shape)} and {tuple(y.shape)}."
        )
    x, y = (flat(name, part).reshape(part.shape) for name, part in (("the data", x), ("the reconstructions", y)))
    pairs = zip(parts(x, IMAGES_AT_ONCE), parts(y, IMAGES_AT_ONCE), strict=True)
    return torch.cat([_similarity(a.double(), b.double()) for a, b in pairs])


def _similarity(x: Tensor, y: Tensor) -> Tensor:
    side = min(WINDOW, *x.shape[2:])
    side -= 1 - side % 2
    offsets = torch.arange(side, dtype=x.dtype, device=x.device) - side // 2
    line = torch.exp(-0.5 * (offsets / DEVIATION).square())
    # the window is a product, so that local means are two products with matrices of shifted lines
    rows, columns = (
        torch.stack([torch.nn.functional.pad(line / line.sum(), (k, size - side - k)) for k in range(size - side + 1)])
        for size in x.shape[2:]
    )
    p, q, xx, yy, xy = rows @ torch.stack([x, y, x * x, y * y, x * y]) @ columns.mT
    v, w, covariance = xx - p * p, yy - q * q, xy - p * q
    c, d = STABILISERS
    similar: Tensor = (2 * p * q + c) * (2 * covariance + d) / ((p * p + q * q + c) * (v + w + d))
    return similar.flatten(1).mean(1)


def figure_of_psnr(sets: Sets) -> Figure:
    """The reconstructions' PSNR beside that of answering with the nearest training row, or with their mean."""
    rows = sets.test[: len(sets.reconstructions)]
    floor = max(float(_decibels(errors).mean()) for errors in errors_of_answers(sets))
    return of_means(_decibels(squared_error_of_each(rows, sets.reconstructions)), floor)


def figure_of_ssim(sets: Sets) -> Figure:
    """The reconstructions' SSIM beside that of answering with the nearest of as many training rows, or their mean."""
    again = flat("the reconstructions", sets.reconstructions, sets.test)
    rows = sets.test[: len(again)]
    nearest = torch.cat([squared_distances(part, sets.train).argmin(1) for part in parts(rows, BLOCK)])
    answers = (sets.train[nearest], sets.train.mean(0).expand_as(rows))
    floor = max(float(ssim_of_each(sets.shaped(rows), sets.shaped(answer)).mean()) for answer in answers)
    return of_means(ssim_of_each(sets.shaped(rows), sets.shaped(again)), floor)


def figure_of_features(sets: Sets) -> Figure:
    """The mean squared distance of features between data and reconstructions, per feature, beside the nearest row's."""
    own = featured(sets)
    again = flat("the reconstructions", sets.reconstructions, sets.test)
    rows = own.features.of(sets.shaped(sets.test[: len(again)]), "the held-out data")
    away = own.features.of(sets.shaped(again), "the reconstructions") - rows
    nearest = torch.cat([squared_distances(part, own.training).amin(1) for part in parts(rows, BLOCK)])
    mean = own.features.of(sets.shaped(sets.train.mean(0)[None]), "the mean") - rows
    floor = min(float(nearest.mean()) / rows.shape[1], float(mean.square().mean()))
    return of_means(away.square().mean(1), floor)


def _decibels(errors: Tensor) -> Tensor:
    return -10.0 * errors.clamp(min=LEAST_ERROR).log10()
