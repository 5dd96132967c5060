"""Figures of images: how sharp they are, and how well they are reconstructed."""

import math
from typing import Any

import torch
from torch import Tensor

from remblai.metrics.metric import Figure
from remblai.metrics.pairs import BLOCK, flat, parts
from remblai.metrics.samples import deviation
from remblai.metrics.sets import Sets

GREY = (0.2989, 0.587, 0.114)
IMAGES_AT_ONCE = 256


def sharpness(images: Any) -> float:
    """How much fine detail images have: the variance of the Laplacian's response in each, averaged over the images.

    Grey (.2989, .587, .114; the mean of the channels unless there are 3 or 4, of which the first 3 count), then the 3x3
    Laplacian (0 1 0, 1 -4 1, 0 1 0) without padding, then its population variance. Noise scores high: read it beside
    the data's own. Source: the official code of the WAE paper (arXiv 1711.01558), which logs the least of a few
    images; the figures of the paper's Table 1 are averages. They are not comparable with these: the code works on
    images in [-1, 1], where the variance is 4 times that of the [0, 1] scale, and the paper does not say on which
    scale its table is.

    Args:
        images: (n, c, h, w) on the [0, 1] scale, at least 3 x 3.

    Raises:
        ValueError: not of that shape, NaN or infinity.
    """
    return float(sharpness_of_each(images).mean())


def sharpness_of_each(images: Any) -> Tensor:
    """The variance of the Laplacian's response (n,) in each image."""
    x = torch.as_tensor(images)
    if x.ndim != 4 or min(x.shape[:2]) < 1 or min(x.shape[2:]) < 3:
        raise ValueError(f"sharpness takes images (n, c, h, w) of at least 3 x 3, not shape {tuple(x.shape)}.")
    flat("the images", x)
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


def figure_of_sharpness(sets: Sets) -> Figure:
    """The samples' sharpness beside the held-out data's; its deviation is the standard error of their difference."""
    samples, held_out = (sharpness_of_each(sets.shaped(part)) for part in (sets.samples, sets.held_out))
    return _of_difference(samples, held_out)


def figure_of_the_data_s_sharpness(sets: Sets) -> Figure:
    """The held-out data's sharpness beside the training data's."""
    held_out, train = (sharpness_of_each(sets.shaped(part)) for part in (sets.held_out, sets.train))
    return _of_difference(held_out, train)


def figure_of_reconstruction(sets: Sets) -> Figure:
    """The error of the reconstructions beside that of answering with the nearest training row, or with their mean."""
    rows = sets.test[: len(sets.reconstructions)]
    floor = min(float(answers.mean()) for answers in errors_of_answers(sets))
    return of_means(squared_error_of_each(rows, sets.reconstructions), floor)


def errors_of_answers(sets: Sets) -> tuple[Tensor, Tensor]:
    """The mean squared error of each row by answering with the nearest training row, and with the training mean."""

    def of_the_mean() -> Tensor:
        rows = sets.test[: len(sets.reconstructions)]
        return squared_error_of_each(rows, sets.train.mean(0).expand_as(rows))

    return sets.to_train[0].square() / sets.test.shape[1], sets.real("errors of the mean", of_the_mean)


def _of_difference(values: Tensor, floors: Tensor) -> Figure:
    """The mean beside another, which is as uncertain."""
    figure = of_means(values, float(floors.mean()))
    return {**figure, "spread": math.hypot(figure["spread"], deviation(floors) * len(floors) ** -0.5)}


def of_means(values: Tensor, floor: float) -> Figure:
    """The figure of a mean over rows (n,), with its standard error."""
    n = len(values)
    return {"value": float(values.mean()), "floor": floor, "spread": deviation(values) * n**-0.5, "n": n}
