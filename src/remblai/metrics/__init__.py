"""Figures that say how far samples are from data: functions of arrays, and the fidelity card that adds their floors."""

from remblai.metrics.card import SCORED, SMALLEST, Figure, fidelity_card
from remblai.metrics.measures import (
    energy_distance,
    latent_mmd_squared,
    memorisation_ratio,
    nearest_neighbour_accuracy,
    reconstruction_mse,
    sharpness,
    w2,
)
from remblai.metrics.modes import mode_card, mode_deviation_ratios, mode_expectations, mode_figures

__all__ = [
    "SCORED",
    "SMALLEST",
    "Figure",
    "energy_distance",
    "fidelity_card",
    "latent_mmd_squared",
    "memorisation_ratio",
    "mode_card",
    "mode_deviation_ratios",
    "mode_expectations",
    "mode_figures",
    "nearest_neighbour_accuracy",
    "reconstruction_mse",
    "sharpness",
    "w2",
]
