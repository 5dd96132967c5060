"""Objectives: a cost, a discrepancy or both, over shared parts."""

from remblai.objectives.autoencoder import AutoEncoder
from remblai.objectives.boltzmann import Boltzmann
from remblai.objectives.drifting import Descent, Drifting, MeanShift
from remblai.objectives.flow import COUPLINGS, Flow
from remblai.objectives.generator import CodeGenerator, Generator
from remblai.objectives.joint import Joint
from remblai.objectives.objective import Code, Objective
from remblai.objectives.penalties import CodeNorm, Conditional, Marginal, Penalty, Sum
from remblai.objectives.regularisers import REGULARISERS, Regulariser
from remblai.objectives.table import PENALTIES

__all__ = [
    "COUPLINGS",
    "PENALTIES",
    "REGULARISERS",
    "AutoEncoder",
    "Boltzmann",
    "Code",
    "CodeGenerator",
    "CodeNorm",
    "Conditional",
    "Descent",
    "Drifting",
    "Flow",
    "Generator",
    "Joint",
    "Marginal",
    "MeanShift",
    "Objective",
    "Penalty",
    "Regulariser",
    "Sum",
]
