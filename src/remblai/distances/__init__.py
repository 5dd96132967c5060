"""Distances between known laws: weights a (n,), b (m,) and a cost matrix or two point sets."""

from typing import TYPE_CHECKING, Any

from remblai.config.aliases import missing
from remblai.distances import circle, line, stochastic
from remblai.distances.barycentres import Barycentre, barycentre
from remblai.distances.certificate import Interval
from remblai.distances.clouds import Plans
from remblai.distances.divergence_table import DIVERGENCES, Divergence
from remblai.distances.divergences import (
    chi_square,
    f_divergence,
    hellinger,
    jensen_shannon,
    kullback_leibler,
    total_variation,
)
from remblai.distances.entropic import batch, sinkhorn
from remblai.distances.entropic import divergence as sinkhorn_divergence
from remblai.distances.entry import transport
from remblai.distances.exact import c_transform, emd, rubinstein
from remblai.distances.gaussians import bures, wasserstein_gaussian
from remblai.distances.integral_probability import ipm
from remblai.distances.partial_transport import partial
from remblai.distances.plan import ArrayPlan, Plan, TensorPlan
from remblai.distances.rooted import wasserstein
from remblai.distances.validation import ArrayLike

__all__ = [
    "DIVERGENCES",
    "ArrayLike",
    "ArrayPlan",
    "Barycentre",
    "Divergence",
    "Interval",
    "Plan",
    "Plans",
    "TensorPlan",
    "barycentre",
    "batch",
    "bures",
    "c_transform",
    "chi_square",
    "circle",
    "emd",
    "f_divergence",
    "hellinger",
    "ipm",
    "jensen_shannon",
    "kullback_leibler",
    "line",
    "partial",
    "rubinstein",
    "sinkhorn",
    "sinkhorn_divergence",
    "stochastic",
    "total_variation",
    "transport",
    "wasserstein",
    "wasserstein_gaussian",
]

if not TYPE_CHECKING:  # a type checker would take any name for one of the module's

    def __getattr__(name: str) -> Any:
        """Refuses a name that is not here, with the one that is (PEP 562)."""
        raise missing(__name__, name, __all__)
