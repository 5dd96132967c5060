"""Stochastic ascent of the (semi-)dual: for many places, for laws that can only be sampled, for streams.

Source: Genevay, Cuturi, Peyre, Bach, "Stochastic optimization for large-scale optimal transport" (2016),
arXiv 1605.08527.
"""

from remblai.distances.stochastic.finite import discrete
from remblai.distances.stochastic.kernel import continuous
from remblai.distances.stochastic.semidiscrete import laguerre, semi_discrete

__all__ = ["continuous", "discrete", "laguerre", "semi_discrete"]
