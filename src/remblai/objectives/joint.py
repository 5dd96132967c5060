"""The joint penalty: pairs of data and codes against pairs of data and draws of the prior, separated by a critic."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution

from remblai.critics import Adversarial, FDivergence, Logistic, LogRatio
from remblai.laws import Delta, Prior
from remblai.laws.own_priors import mean_or_zero
from remblai.networks import Network
from remblai.networks.classes import Count
from remblai.networks.pairs import PairCritic, paired
from remblai.objectives.objective import Code
from remblai.objectives.penalties import Penalty

TINY = 1e-12
"""Added to a variance: r may be any normal law of positive variance."""


class Joint(Penalty):
    """D(P_X x P_Z, P_X Q(Z|X)) by a critic of pairs: E_X D(P_Z, Q(Z|X)) for the divergences that a critic can play.

    With the log-ratio game it is the VAE's E KL(Q(Z|X) || P_Z), without a density of Q. Adaptive contrast takes the
    part of it that a Gaussian explains out of the critic's hands: with r(z|x) the normal law of independent coordinates
    that has the mean m(x) and the deviation s(x) of the encoder's law,

        KL(Q || P_Z) = KL(Q || r) + E log r(z|x) - log p(z),

    and the critic meets u = (z - m) / s against N(0, I), which is KL(Q || r). The sum is exact for any m and s that x
    alone determines, the law's moments or not. Where they are estimated from draws it is less than the divergence by
    the information that u carries on the estimate.

    Args:
        discrepancy: the critic of pairs, which come to it as flat points (n, d + k): x (n, d), then z (n, k).
        contrast: adaptive contrast; the encoder's law must know its mean and deviation.

    Raises:
        ValueError: a game that is no f-divergence, contrast with a game other than the log-ratio, an offset or packing;
            when it is used, an encoder without noise, or contrast with a law that does not know its moments.

    Source: Mescheder, Nowozin, Geiger, "Adversarial variational Bayes", equations 3.3, 3.7 and section 4, arXiv
    1701.04722.
    """

    needs_noise = True

    def __init__(self, discrepancy: Adversarial, contrast: bool = False) -> None:
        super().__init__()
        game = type(discrepancy.game).__name__
        if not isinstance(discrepancy.game, LogRatio | Logistic | FDivergence):
            raise ValueError(
                f"joint: expected a game of an f-divergence, got {game}: only those are the mean over x of a "
                "divergence of each code's law. Take LogRatio, or Logistic or FDivergence."
            )
        if contrast and not isinstance(discrepancy.game, LogRatio):
            raise ValueError(f"joint: adaptive contrast splits KL(Q || P), got the game {game}: take LogRatio.")
        if discrepancy.offset is not None or discrepancy.packing > 1:
            raise ValueError("joint: expected a critic of single pairs, without offset or packing: leave them out.")
        self.discrepancy, self.contrast = discrepancy, contrast

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        u, known = self._contrasted(code, prior)
        game: Tensor = self.discrepancy(*self._pairs(code, u, prior))
        return game if known is None else game + known

    def adversary_loss(self, code: Code, prior: Distribution) -> Tensor:
        u, _ = self._contrasted(code, prior)
        return self.discrepancy.adversary_loss(*self._pairs(code, u, prior))

    @torch.no_grad()
    def estimate(self, code: Code, prior: Distribution) -> float:
        """The estimate of D with this critic: for the log-ratio game of E KL(Q(Z|X) || P_Z), for curves."""
        u, known = self._contrasted(code, prior)
        divergence = self.discrepancy.estimate(*self._pairs(code, u, prior))
        return float(divergence if known is None else divergence + known)

    def check(self, prior: Prior, point: Tensor, classes: int = 0) -> None:
        """The critic must score pairs with codes as wide as the prior's, and contrast needs a prior over all of R^k."""
        critic = self.discrepancy.critic
        if isinstance(critic, PairCritic) and critic.latent != prior.latent:
            raise ValueError(
                f"joint: the critic scores pairs with codes (n, {critic.latent}), the prior's are (n, {prior.latent}): "
                f"build it for {prior.latent} coordinates, or set the number of latent coordinates to the critic's."
            )
        if self.contrast and prior.bounded:
            raise ValueError(
                f"joint: adaptive contrast is against normal laws, which leave the support of the prior "
                f"{type(prior).__name__.lower()!r}: leave the contrast out, or take the prior normal or mixture."
            )
        mean = mean_or_zero(prior)[None]
        self.discrepancy.check(paired(point[None], torch.cat([mean, mean.new_zeros(1, classes)], 1))[0])

    def _pairs(self, code: Code, u: Tensor, prior: Distribution) -> tuple[Tensor, Tensor]:
        against = torch.randn_like(u) if self.contrast else prior.sample((len(u),))
        if code.classes is not None:  # Q(Z|X, C) and P_Z at the same x and c
            against, u = torch.cat([against, code.classes], 1), torch.cat([u, code.classes], 1)
        return paired(code.x, against), paired(code.x, u)

    def _contrasted(self, code: Code, prior: Distribution) -> tuple[Tensor, Tensor | None]:
        """What the critic scores beside x, and with contrast E log r(z|x) - log p(z)."""
        if isinstance(code.law, Delta):
            raise ValueError("joint: a deterministic encoder is infinitely far from any prior: use one with noise.")
        if not self.contrast:
            return code.z, None
        try:
            mean, deviation = code.law.mean, (code.law.variance + TINY).sqrt()
        except NotImplementedError as problem:
            raise ValueError(
                f"joint: adaptive contrast needs the mean and deviation of the codes' law, which "
                f"{type(code.law).__name__} does not know: use the encoder 'black-box' or 'gaussian', or no contrast."
            ) from problem
        u = (code.z - mean) / deviation
        log_r = -(0.5 * u.square() + deviation.log() + 0.5 * math.log(2.0 * math.pi)).sum(1)
        return u, (log_r - prior.log_prob(code.z)).mean()


def joint(
    network: Network,
    latent: int,
    *,
    contrast: bool = True,
    width: int = 256,
    depth: int = 2,
    classes: Count = None,
) -> Joint:
    """E KL(Q(Z|X) || P_Z) by a critic of pairs (x, z), for encoders without a density.

    Args:
        network: the model's networks, whose encoder the critic copies for larger images.
        latent: the number of coordinates of a code.
        contrast: the critic sees codes normalised by their own mean and deviation, and the rest is known.
        width: units per hidden layer of the critic.
        depth: hidden layers of the critic.
        classes: how many, of a conditional model: the critic reads them beside the code.
    """
    return Joint(Adversarial(PairCritic(network, latent, width, depth, classes or 0), LogRatio()), contrast)
