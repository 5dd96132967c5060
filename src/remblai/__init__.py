"""remblai trains, measures and explains generative models through optimal transport."""

from remblai import data, discrepancies, distances, recipes, training
from remblai.experiment import train
from remblai.fitting import fit
from remblai.loading import load
from remblai.recipes import recipe
from remblai.summary import evaluate, report
from remblai.trained import Trained

__all__ = [
    "Trained",
    "data",
    "discrepancies",
    "distances",
    "evaluate",
    "fit",
    "load",
    "recipe",
    "recipes",
    "report",
    "train",
    "training",
]
