"""Entropic transport, <P, C> + epsilon KL(P | a x b), by Sinkhorn's iteration in several forms."""

from remblai.distances.entropic.balanced import sinkhorn, solve
from remblai.distances.entropic.batched import Batch, batch
from remblai.distances.entropic.debiased import Divergence, divergence

__all__ = ["Batch", "Divergence", "batch", "divergence", "sinkhorn", "solve"]
