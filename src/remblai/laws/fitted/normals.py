"""What fitted laws of normal components share: density, draws and state."""

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from remblai.laws.fitted.base import FittedLaw, rounding

RIDGE = 1e-6
"""Added to the variance of an axis, as a share of it, or of the mean over axes where it is dead: it has a density then.
"""
LEAST = 1e-10
"""The same in the codes' own unit, where all of them are alike."""
PARTS = ("weights", "means", "factors")


class Normals(FittedLaw):
    """A mixture of m normal laws of any covariances: the sum over i of weights_i N(means_i, factors_i factors_i^T).

    Calling it gives the torch Distribution.

    Attributes:
        facts: what `fit` has to say of its choices, as JSON.
        weights: (m,), above 0, with sum 1.
        means: (m, k).
        factors: (m, k, k), lower triangular with a positive diagonal.
    """

    has_density = True
    weights: Tensor | None
    means: Tensor | None
    factors: Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.facts: dict[str, Any] = {}
        for name in PARTS:
            self.register_buffer(name, None)

    def forward(self) -> MixtureSameFamily:
        """The law as a Distribution, with log_prob and sample.

        Raises:
            ValueError: it has not been fitted.
        """
        if self.weights is None or self.means is None or self.factors is None:
            raise ValueError(f"sampler {self.name!r}: the law has not been fitted yet: call fit(codes) first.")
        groups = MultivariateNormal(self.means, scale_tril=self.factors, validate_args=False)
        return MixtureSameFamily(Categorical(self.weights, validate_args=False), groups, validate_args=False)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        drawn: Tensor = self().sample((n,))
        return drawn

    def log_prob(self, z: Tensor) -> Tensor:
        density: Tensor = self().log_prob(z)
        return density

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        self()
        return self.facts, {name: getattr(self, name) for name in PARTS}

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        if tensors.keys() != set(PARTS):
            raise ValueError(f"expected the tensors {', '.join(PARTS)}, got {', '.join(sorted(tensors)) or 'none'}")
        m, k = tensors["means"].shape
        shapes = tuple(tuple(tensors[name].shape) for name in PARTS)
        if shapes != ((m,), (m, k), (m, k, k)):
            raise ValueError(f"expected tensors of shapes (m,), (m, k), (m, k, k), got {shapes}")
        for name in PARTS:
            setattr(self, name, tensors[name])
        self.facts = dict(facts)
        return self

    def take(self, weights: Tensor, means: Tensor, covariances: Tensor) -> Self:
        """Becomes the mixture of weights (m,), means (m, k) and covariances (m, k, k), kept in float32."""
        factors = torch.linalg.cholesky(covariances)
        self.weights, self.means, self.factors = weights.float(), means.float(), factors.float()
        return self


def ridge(codes: Tensor) -> Tensor:
    """What is added to the variance of each axis (k,) of a law of these codes (n, k), in float64."""
    variances = codes.double().var(0)
    of_dead = RIDGE * variances.mean()
    return torch.where(
        variances > rounding(codes).square(), RIDGE * variances, torch.where(of_dead > 0, of_dead, LEAST)
    )
