"""Mean embeddings E k(y, Z) of kernels that are mixtures of Gaussians, exact for normal laws and their mixtures.

Every kernel k(x, y) = integral of e^(-u |x - y|^2) w(u) du has, for z ~ N(m, diag v), the mean embedding

    E k(y, z) = integral of prod_j (1 + 2 u v_j)^(-1/2) e^(-u (y_j - m_j)^2 / (1 + 2 u v_j)) w(u) du.

With u = e^t the integrand is analytic and vanishes at both ends: the trapezoid rule converges exponentially in 1/step.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal

STEP = 0.35
"""Of the trapezoid rule in t; its error is about exp(-pi^2 / STEP) = 6e-13."""


class Mixing(nn.Module):
    """A kernel as a finite sum: k(x, y) = sum over t of weights_t * (e^(-nodes_t |x - y|^2) - shift).

    Args:
        nodes: the u_t (t,), inverse squared widths.
        weights: their weights (t,).
        shifted: shift = 1 (the energy kernel: each term is 0 at equal points) instead of 0.
    """

    nodes: Tensor
    weights: Tensor

    def __init__(self, nodes: Tensor, weights: Tensor, shifted: bool = False) -> None:
        super().__init__()
        self.register_buffer("nodes", nodes, persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self.shifted = shifted

    def mean(self, y: Tensor, law: Distribution) -> Tensor | None:
        """The mean embedding E k(y, z) over z ~ law: y (n, d) -> (n,), or None for a law without a closed form."""
        parts = normal_parts(law)
        return None if parts is None else self._over(y, parts)

    def energy(self, law: Distribution) -> Tensor | None:
        """E k(z, z') over independent z, z' ~ law: a scalar, or None. It is `mean` of 0 against the law of z - z'."""
        parts = normal_parts(law)
        if parts is None:
            return None
        shares, centres, variances = parts
        i, j = torch.triu_indices(len(shares), len(shares), device=shares.device)
        twice = 1.0 + (i != j).to(shares.dtype)  # k is symmetric: each pair of parts once
        difference = NormalParts(twice * shares[i] * shares[j], centres[i] - centres[j], variances[i] + variances[j])
        return self._over(torch.zeros_like(centres[:1]), difference)[0]

    def _over(self, y: Tensor, parts: "NormalParts") -> Tensor:
        # Far nodes of a shifted kernel carry weights of 10^7 on tiny differences from 1, which compiled code loses in
        # single precision.
        dtype = torch.float64 if self.shifted else y.dtype
        shares, centres, variances = (part.to(dtype) for part in parts)
        nodes, weights = self.nodes.to(dtype), self.weights.to(dtype)
        widened = 2.0 * nodes[:, None, None] * variances  # (t, c, d)
        logarithm = -0.5 * widened.log1p().sum(-1)  # (t, c)
        squares = (y.to(dtype)[:, None] - centres).square()  # (n, c, d)
        exponent = logarithm.T - torch.einsum("ncd,tcd->nct", squares, nodes[:, None, None] / (1.0 + widened))
        terms = exponent.expm1() if self.shifted else exponent.exp()
        return torch.einsum("nct,c,t->n", terms, shares, weights).to(y.dtype)


class NormalParts(NamedTuple):
    """A mixture of normal laws: shares (c,) that sum to 1, centres (c, d) and variances (c, d)."""

    shares: Tensor
    centres: Tensor
    variances: Tensor


def normal_parts(law: Distribution) -> NormalParts | None:
    """The parts of a law over codes (k,): normal with independent coordinates, or a mixture of such; else None."""
    shares: Tensor | None = None
    if isinstance(law, MixtureSameFamily) and isinstance(law.mixture_distribution, Categorical):
        shares, law = law.mixture_distribution.probs, law.component_distribution
    if not (isinstance(law, Independent) and isinstance(law.base_dist, Normal) and len(law.event_shape) == 1):
        return None
    centres, variances = law.base_dist.mean, law.base_dist.variance
    if shares is None:
        shares, centres, variances = centres.new_ones(1), centres[None], variances[None]
    return NormalParts(shares, centres, variances) if shares.dim() == 1 and centres.dim() == 2 else None


def quadrature(density: Callable[[Tensor], Tensor], low: float, high: float, tails: tuple[float, float]) -> Mixing:
    """The mixing of w(u) = density(u) on (0, infinity), by the trapezoid rule in log u.

    Args:
        density: w, on a tensor of nodes.
        low: the smallest node.
        high: the largest node.
        tails: powers p, q such that u w(u) goes like u^p below `low` and u^-q above `high` (infinite: no tail); each
            tail is summed into the end node as the geometric series that it is.
    """
    steps = math.ceil(math.log(high / low) / STEP)
    nodes = math.log(low) + STEP * torch.arange(steps + 1, dtype=torch.float64)
    nodes = nodes.exp()
    weights = STEP * nodes * density(nodes)
    for end, power in zip((0, -1), tails, strict=True):
        weights[end] /= -math.expm1(-power * STEP)
    return Mixing(nodes, weights)
