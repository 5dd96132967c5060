"""Penalties on the code of an auto-encoder: how far the codes' law is from the prior."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence

from remblai.critics import Adversarial
from remblai.discrepancies import Discrepancy, as_discrepancy
from remblai.laws import Prior
from remblai.laws.own_priors import learned, mean_or_zero
from remblai.objectives.objective import Code, together
from remblai.runtime import distributed
from remblai.runtime.rng import seeded

POINTS = 8
"""Codes on which it is tried whether a prior learns."""


class Penalty(nn.Module):
    """The interface: `penalty(code, prior)` is a scalar that the model minimises.

    Attributes:
        needs_density: whether it reads log q(z|x), which only some encoders have.
        needs_noise: whether each code's law must be more than one point.
        compares: whether it is about how far the codes' law is from the prior.
    """

    needs_density: bool = False
    needs_noise: bool = False
    compares: bool = True

    @property
    def reads_codes_alone(self) -> bool:
        """Whether it compares a batch of codes with the prior and reads nothing else."""
        return self.compares and not self.needs_density and not self.needs_noise

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        """The penalty on this batch of codes."""
        raise NotImplementedError

    def adversary_loss(self, code: Code, prior: Distribution) -> Tensor | None:
        """The loss of the penalty's critic, or None."""
        return None

    def check(self, prior: Prior, point: Tensor, classes: int = 0) -> None:
        """Whether it can be used with codes of this prior, of points such as this (...); asked when one builds.

        Args:
            prior: of the codes.
            point: one x.
            classes: how many there are, of a conditional model; 0 of others.

        Raises:
            ValueError: it cannot, with the remedy.
        """


class Marginal(Penalty):
    """D(P_Z, Q_Z): a discrepancy between the prior and the aggregated codes (WAE, arXiv 1711.01558, eq. 4).

    Of a conditional model it is D(P_Z x P_C, law of code and class): classes are coordinates beside those of the code,
    at a distance between classes that is the codes' own, sqrt(E|Z - Z'|^2). It is 0 where, and for a metric D only
    where, Q_Z|c = P_Z for each class c: then the bound of the WAE holds within each class. The draws of the prior have
    the labels of the batch, so that classes weigh alike on both sides; for an unbiased D they have labels of their own,
    drawn by the classes' shares: with the batch's own the estimate would be biased by the pairs of one row.

    Args:
        discrepancy: D; it sees the codes of all devices, for it is no mean over points.
    """

    def __init__(self, discrepancy: Discrepancy) -> None:
        super().__init__()
        self.discrepancy = as_discrepancy(discrepancy)
        if isinstance(discrepancy, Adversarial):
            discrepancy.sees_all = True

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        if code.classes is None:
            return self.discrepancy.to_law(distributed.gather(code.z), prior)
        value: Tensor = self.discrepancy(*self._joint(code, prior))
        return value

    def adversary_loss(self, code: Code, prior: Distribution) -> Tensor | None:
        if code.classes is None:
            return self.discrepancy.adversary_loss_to_law(distributed.gather(code.z), prior)
        return self.discrepancy.adversary_loss(*self._joint(code, prior))

    def check(self, prior: Prior, point: Tensor, classes: int = 0) -> None:
        """The discrepancy is asked of codes as wide as the prior's: a critic must take them.

        Raises:
            ValueError: it cannot; or the prior has parameters, which learn nothing through its draws.
        """
        mean = mean_or_zero(prior)
        self.discrepancy.check(torch.cat([mean, mean.new_zeros(classes)]))
        own = learned(prior)
        if own and (classes or not self._teaches(prior, own)):
            raise ValueError(
                f"prior: {type(prior).__name__} has parameters, and {type(self.discrepancy).__name__} compares codes "
                "with draws of it, through which they learn nothing: take a penalty that knows the law's exact terms, "
                "as mmd does of normal laws and mixtures, or fix them by prior.requires_grad_(False)."
            )

    def _teaches(self, prior: Prior, own: list[nn.Parameter]) -> bool:
        """Whether the parameters of the prior have a gradient."""
        codes = torch.randn(POINTS, prior.latent, generator=torch.Generator().manual_seed(0)).to(prior.device)
        with seeded(0, prior.device), torch.enable_grad():
            value = self.discrepancy.to_law(codes, prior())
        if not value.requires_grad:
            return False
        return any(one is not None for one in torch.autograd.grad(value, own, allow_unused=True))

    def _joint(self, code: Code, prior: Distribution) -> tuple[Tensor, Tensor]:
        """Draws of the prior and codes (n, k + count), each with the coordinates of its class."""
        assert code.classes is not None
        draws = prior.sample((len(code.z),)).to(code.z)
        of_draws = code.drawn_classes if self.discrepancy.draws_labels else code.classes
        assert of_draws is not None
        pairs = torch.cat([draws, of_draws.to(draws)], 1), torch.cat([code.z, code.classes.to(code.z)], 1)
        return distributed.gather(pairs[0]), distributed.gather(pairs[1])


class Conditional(Penalty):
    """E_X KL(Q(Z|X) || P_Z): the VAE's penalty (arXiv 1312.6114). Needs an encoder with a density.

    In closed form where there is one; else, as for a mixture prior, log q(z|x) - log p(z) at the code that was drawn,
    which has the same mean.
    """

    needs_density = True

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        try:
            return kl_divergence(code.law, prior.expand(code.law.batch_shape)).mean()
        except NotImplementedError:
            density: Tensor = code.law.log_prob(code.z) - prior.log_prob(code.z)
            return density.mean()


class CodeNorm(Penalty):
    """E |z|^2 / 2: keeps codes near 0 and compares no laws (Ghosh et al., arXiv 1903.12436)."""

    compares = False

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        return 0.5 * code.z.square().sum(1).mean()


class Sum(Penalty):
    """Sum of weight * penalty. A part of weight 0 is left out: it is not computed and its critic is not trained.

    The critics of the parts are trained side by side, each on its own loss.

    Args:
        *terms: pairs of a weight and a penalty.

    Raises:
        ValueError: a weight that is not finite, or below 0.
    """

    def __init__(self, *terms: tuple[float, Penalty]) -> None:
        super().__init__()
        for weight, part in terms:
            if not 0 <= weight < math.inf:
                raise ValueError(
                    f"sum of penalties: expected finite weights of at least 0, got {weight} for "
                    f"{type(part).__name__}: a weight below 0 would drive the codes away from the prior."
                )
        kept = [(float(weight), part) for weight, part in terms if weight != 0]
        self.weights = [weight for weight, _ in kept]
        self.parts = nn.ModuleList(part for _, part in kept)
        self.needs_density = any(part.needs_density for _, part in kept)
        self.needs_noise = any(part.needs_noise for _, part in kept)
        self.compares = any(part.compares for _, part in kept)

    def forward(self, code: Code, prior: Distribution) -> Tensor:
        total = code.z.new_zeros(())
        for weight, part in zip(self.weights, self.parts, strict=True):
            total = total + weight * part(code, prior)
        return total

    def adversary_loss(self, code: Code, prior: Distribution) -> Tensor | None:
        return together(part.adversary_loss(code, prior) for part in self._penalties())

    def check(self, prior: Prior, point: Tensor, classes: int = 0) -> None:
        """Every part is asked."""
        for part in self._penalties():
            part.check(prior, point, classes)

    def _penalties(self) -> list[Penalty]:
        return [part for part in self.parts if isinstance(part, Penalty)]
