"""Laws fitted to codes after training, from which samples are then decoded: () -> Distribution, as priors are."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

RIDGE = 1e-6
"""Added to every variance, as a share of the codes' mean variance: a dead axis has a density then."""
LEAST = 1e-10
"""The same in the codes' own unit, where all of them are alike."""


class NormalMixture(nn.Module):
    """A mixture of normal laws of any covariances: the sum over i of weights_i N(means_i, factors_i factors_i^T).

    Args:
        weights: (m,), above 0, with sum 1.
        means: (m, k).
        factors: (m, k, k), lower triangular with a positive diagonal.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, weights: Tensor, means: Tensor, factors: Tensor) -> None:
        super().__init__()
        for name, value in (("weights", weights), ("means", means), ("factors", factors)):
            self.register_buffer(name, value, persistent=False)  # a run keeps them beside its checkpoints

    def forward(self) -> MixtureSameFamily:
        """The law, with log_prob and sample."""
        groups = MultivariateNormal(self.means, scale_tril=self.factors, validate_args=False)
        return MixtureSameFamily(Categorical(self.weights, validate_args=False), groups, validate_args=False)

    def tensors(self) -> dict[str, Tensor]:
        """What a file keeps of it: NormalMixture(**tensors) is the same law."""
        return {"weights": self.weights, "means": self.means, "factors": self.factors}


class Sampler(Protocol):
    """What fits a law to codes."""

    @property
    def name(self) -> str:
        """Under which a run keeps the law."""

    def __call__(self, codes: Tensor) -> NormalMixture:
        """The law of codes (n, k)."""


def prior() -> None:
    """The prior itself: nothing is fitted."""


@dataclass(frozen=True)
class Gaussian:
    """The normal law of the codes' mean and covariance.

    Raises:
        ValueError: when called: fewer than 2 codes, or codes that are not finite.
    """

    name: ClassVar[str] = "gaussian"

    def __call__(self, codes: Tensor) -> NormalMixture:
        z, ridge = _checked(codes)
        covariance = torch.cov(z.T).reshape(z.shape[1], z.shape[1]) + ridge * torch.eye(z.shape[1]).double()
        return _law(torch.ones(1), z.mean(0)[None], covariance[None])


@dataclass(frozen=True)
class Mixture:
    """A mixture of normal laws of full covariances, by expectation maximisation from k-means (scikit-learn's).

    Args:
        components: of the mixture; as many as there are different codes, where they are fewer.
        seed: of the k-means from which it starts.

    Raises:
        ValueError: components below 1; when called: fewer than 2 codes, or codes that are not finite.

    Source: as a law of codes: Ghosh et al., "From variational to deterministic autoencoders" (2020), arXiv 1903.12436.
    """

    name: ClassVar[str] = "mixture"
    components: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.components < 1:
            raise ValueError(f"sampler 'mixture': expected at least 1 component, got {self.components}.")

    def __call__(self, codes: Tensor) -> NormalMixture:
        from sklearn.mixture import GaussianMixture  # half a second, which only this needs

        z, ridge = _checked(codes)
        components = min(self.components, len(np.unique(z.numpy(), axis=0)))
        found = GaussianMixture(components, reg_covar=ridge, max_iter=500, random_state=self.seed).fit(z.numpy())
        return _law(*(torch.from_numpy(part) for part in (found.weights_, found.means_, found.covariances_)))


def _checked(codes: Tensor) -> tuple[Tensor, float]:
    """The codes in float64 on the CPU, and what is added to variances."""
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(f"codes: expected (n, k) with n of 2 or more to fit a law to, got {tuple(codes.shape)}.")
    if not bool(torch.isfinite(codes).all()):
        raise ValueError("codes: some are NaN or infinite, so no law can be fitted to them.")
    z = codes.detach().cpu().double()
    return z, RIDGE * float(z.var(0).mean()) + LEAST


def _law(weights: Tensor, means: Tensor, covariances: Tensor) -> NormalMixture:
    factors = torch.linalg.cholesky(covariances)
    return NormalMixture(weights.float(), means.float(), factors.float())
