"""Costs c(x, y) of carrying a point x to a point y: one number for each pair, summed over its entries."""

from collections.abc import Callable

from remblai.costs.centre import central
from remblai.costs.cost import Cost, require_gradient
from remblai.costs.laplacian import Laplacian
from remblai.costs.likelihood import NegativeLogLikelihood
from remblai.costs.perceptual import Perceptual
from remblai.costs.points import (
    Cosine,
    Custom,
    Euclidean,
    Hamming,
    Huber,
    Manhattan,
    Power,
    Square,
    distances,
    of_pairs,
    power,
    squared_distances,
)
from remblai.runtime.precision import wide

COSTS: dict[str, Callable[..., Cost]] = {
    "square": Square,
    "euclidean": Euclidean,
    "manhattan": Manhattan,
    "cosine": Cosine,
    "huber": Huber,
    "laplacian": Laplacian,
    "perceptual": Perceptual,
    "hamming": Hamming,
    "power": power,
    "negative-log-likelihood": NegativeLogLikelihood,
}

__all__ = [
    "COSTS",
    "Cosine",
    "Cost",
    "Custom",
    "Euclidean",
    "Hamming",
    "Huber",
    "Laplacian",
    "Manhattan",
    "NegativeLogLikelihood",
    "Perceptual",
    "Power",
    "Square",
    "central",
    "distances",
    "of_pairs",
    "power",
    "require_gradient",
    "squared_distances",
    "wide",
]
