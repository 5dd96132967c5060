"""Entropic transport, <P, C> + epsilon KL(P | a x b), by Sinkhorn's iteration in several forms."""

from remblai.distances.entropic.batch import Batch, batch
from remblai.distances.entropic.debiased import Divergence, divergence
from remblai.distances.entropic.sinkhorn import sinkhorn, solve

__all__ = ["Batch", "Divergence", "batch", "divergence", "sinkhorn", "solve"]
