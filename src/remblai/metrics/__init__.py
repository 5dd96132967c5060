"""Figures that say how far samples are from data: one table of metrics, and the card that measures them all."""

from remblai.metrics.card import SCORED, fidelity_card
from remblai.metrics.codes import latent_mmd_squared
from remblai.metrics.images import reconstruction_mse, sharpness
from remblai.metrics.metric import Card, Figure, Metric
from remblai.metrics.modes import mode_card, mode_deviation_ratios, mode_expectations, mode_figures
from remblai.metrics.pixel_law import with_pixel_law
from remblai.metrics.samples import energy_distance, memorisation_ratio, nearest_neighbour_accuracy, told_apart, w2
from remblai.metrics.sets import SMALLEST
from remblai.metrics.slices import patch_sliced_w1, sliced_w2_squared
from remblai.metrics.table import METRICS

__all__ = [
    "METRICS",
    "SCORED",
    "SMALLEST",
    "Card",
    "Figure",
    "Metric",
    "energy_distance",
    "fidelity_card",
    "latent_mmd_squared",
    "memorisation_ratio",
    "mode_card",
    "mode_deviation_ratios",
    "mode_expectations",
    "mode_figures",
    "nearest_neighbour_accuracy",
    "patch_sliced_w1",
    "reconstruction_mse",
    "sharpness",
    "sliced_w2_squared",
    "told_apart",
    "w2",
    "with_pixel_law",
]
