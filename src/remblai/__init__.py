"""remblai trains, measures and explains generative models through optimal transport."""

from remblai import discrepancies, distances, recipes, training
from remblai.experiment import train
from remblai.summary import evaluate, report
from remblai.trained import Trained, load

__all__ = ["Trained", "discrepancies", "distances", "evaluate", "load", "recipes", "report", "train", "training"]
