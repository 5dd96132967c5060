"""Laws fitted to codes after training."""

from remblai.laws.fitted.normal import Gaussian, Mixture, NormalMixture, Sampler, prior

__all__ = ["Gaussian", "Mixture", "NormalMixture", "Sampler", "prior"]
