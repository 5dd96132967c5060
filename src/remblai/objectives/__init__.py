"""Objectives: a cost, a discrepancy or both, over shared parts."""

from remblai.objectives.autoencoder import AutoEncoder
from remblai.objectives.objective import Objective
from remblai.objectives.penalties import Code, Conditional, Marginal, Penalty

__all__ = ["AutoEncoder", "Code", "Conditional", "Marginal", "Objective", "Penalty"]
