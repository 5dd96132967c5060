"""Laws fitted to codes after training: one protocol, and the classes of the table `laws.FITTED`."""

from remblai.laws.fitted.auto import Auto, DecodedCodes
from remblai.laws.fitted.base import FittedLaw, LatentLaw, LawByClass
from remblai.laws.fitted.by_class import ByClass
from remblai.laws.fitted.flow import Flow
from remblai.laws.fitted.gaussian import Gaussian
from remblai.laws.fitted.mixture import Mixture
from remblai.laws.fitted.transport import Transport
from remblai.laws.fitted.two_stage import TwoStage

__all__ = [
    "Auto",
    "ByClass",
    "DecodedCodes",
    "FittedLaw",
    "Flow",
    "Gaussian",
    "LatentLaw",
    "LawByClass",
    "Mixture",
    "Transport",
    "TwoStage",
]
