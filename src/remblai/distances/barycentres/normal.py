"""The barycentre of Gaussian laws for the square cost, which is Gaussian."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from remblai.distances.barycentres.laws import warn_not_converged
from remblai.distances.gaussians import gaussian
from remblai.distances.validation import ArrayLike, probabilities


@torch.no_grad()
def solve(
    laws: Sequence[Any], weights: ArrayLike | None, tolerance: float, limit: int, normalise: bool = False
) -> MultivariateNormal:
    """The Gaussian law with the mean of the means, and the covariance S = sum w_k (S^1/2 S_k S^1/2)^1/2, in float64.

    The iteration S <- S^-1/2 (sum w_k (S^1/2 S_k S^1/2)^1/2)^2 S^-1/2 converges from every positive definite start; on
    the line its first step is exact: the standard deviation is the mean one. A warning says where it has not converged.
    No gradient.

    Raises:
        ValueError: other laws, unequal dimensions, or a covariance that is singular.

    Source: Alvarez-Esteban, del Barrio, Cuesta-Albertos, Matran (2016), theorem 4.2, arXiv 1511.05355.
    """
    parts = [gaussian(f"law {k}", law) for k, law in enumerate(laws)]
    sizes = sorted({len(part.mean) for part in parts})
    if len(sizes) > 1:
        raise ValueError(f"laws: expected Gaussian laws over points of one dimension, got dimensions {sizes}.")
    shares = probabilities("weights", weights, len(parts), parts[0].mean.device, normalise).double()
    shares = shares / shares.sum()
    mean = shares @ torch.stack([part.mean for part in parts])
    covariances = torch.stack([part.covariance for part in parts])
    if float(torch.linalg.eigvalsh(covariances).min()) <= 0.0:
        raise ValueError("laws: expected positive definite covariances, got a singular one: add a small variance.")
    found = (shares[:, None, None] * covariances).sum(0)
    for _ in range(limit):
        root = _root(found)
        middle = (shares[:, None, None] * _root(root @ covariances @ root)).sum(0)
        inverse = torch.linalg.inv(root)
        step = inverse @ middle @ middle @ inverse
        step = 0.5 * (step + step.mT)
        change = float((step - found).norm() / step.norm())
        found = step
        if change <= tolerance:
            return MultivariateNormal(mean, covariance_matrix=found)
    warn_not_converged("a relative change", tolerance, change, limit)
    return MultivariateNormal(mean, covariance_matrix=found)


def _root(covariances: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariances)
    root: Tensor = (vectors * values.clamp(min=0.0).sqrt().unsqueeze(-2)) @ vectors.mT
    return root
