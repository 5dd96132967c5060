"""The primal objective: E c(X, G(Z)) + weight * penalty, over encoders Q(Z|X) and decoders G."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.modules.batchnorm import _BatchNorm

from remblai.costs import Cost, require_gradient
from remblai.laws import Decoder, Encoder, Prior
from remblai.networks.classes import Classes, Given, beside, required
from remblai.networks.modes import in_evaluation
from remblai.objectives.objective import Code, Objective, at_the_mean
from remblai.objectives.penalties import Penalty
from remblai.objectives.regularisers import Regulariser
from remblai.objectives.weights import HeldWeight
from remblai.runtime import distributed

WITHIN_TWO = math.erf(math.sqrt(2.0))
"""The mass of a normal law within two deviations of its mean."""


class AutoEncoder(Objective):
    """inf over Q(Z|X) of transport_weight * E c(X, G(Z)) + weight * penalty(Q_Z, P_Z) (arXiv 1711.01558, eq. 4).

    The cost is summed over the pixels and averaged over the batch. With a regulariser of the decoder its
    regulariser_weight * R(G) is added. Samples are decoded draws of the prior. Where no penalty matches the codes to
    it, decode draws of a law that is fitted to codes z instead: `decode_from(Mixture().fit(z), n)`, of `laws.fitted`.

    With classes the encoder is Q(Z|X, C) and the decoder P(X|Z, C): the networks read the class, as those of
    `networks.classes.conditional` do. The penalty is to compare the codes of each class with the prior (`Marginal`).

    Args:
        encoder: x (n, ...) -> Q(Z|X), with classes (x, indicators (n, count)) -> Q(Z|X, C).
        decoder: z (n, k) -> P(X|Z), with classes it reads (n, k + count).
        prior: () -> P_Z.
        cost: c(x, y) -> (n,); a negative log-likelihood reads the decoder's law instead of y.
        penalty: how far the codes are from the prior; None for a plain auto-encoder.
        weight: the penalty's weight, at least 0, or one that holds a discrepancy of the codes at a level.
        transport_weight: the weight of the cost, at least 0 (the WAE authors' code has 0.05).
        noise: standard deviation of the noise on the encoder's input while training, cut at two deviations.
        regulariser: what keeps the decoder smooth; None for nothing.
        regulariser_weight: its weight, at least 0.
        weighted_critic: whether the penalty's weight multiplies its critic's loss too, as Algorithm 1 of the paper has
            it. Adam's steps do not depend on it, beyond its epsilon.
        classes: of a conditional model.

    Raises:
        ValueError: a negative weight, a penalty that needs a density with an encoder that has none, a critic of codes
            of another width, or a decoder that the cost cannot read: without a density, or without a gradient through
            its draws.
    """

    encodes = True
    decodes = True

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        prior: Prior,
        cost: Cost,
        penalty: Penalty | None = None,
        weight: float | HeldWeight = 1.0,
        transport_weight: float = 1.0,
        noise: float = 0.0,
        regulariser: Regulariser | None = None,
        regulariser_weight: float = 1.0,
        weighted_critic: bool = False,
        classes: Classes | None = None,
    ) -> None:
        super().__init__(classes)
        for name, value in (
            ("weight", weight),
            ("noise", noise),
            ("transport_weight", transport_weight),
            ("regulariser_weight", regulariser_weight),
        ):
            if not isinstance(value, HeldWeight) and not 0.0 <= value < float("inf"):
                raise ValueError(
                    f"{name}: expected a finite number of at least 0, got {value}: take 0 to leave it out."
                )
        if classes is not None and isinstance(weight, HeldWeight):
            raise ValueError(
                "weight: expected a number for a conditional model, got auto: what auto holds it by is known of codes "
                "without labels only."
            )
        if penalty is not None and penalty.needs_density and not encoder.has_density:
            raise ValueError(
                f"{type(penalty).__name__} needs an encoder with a density, got {type(encoder).__name__}: "
                "choose the gaussian encoder, or a penalty on samples such as mmd."
            )
        if penalty is not None and penalty.needs_noise and not encoder.stochastic:
            raise ValueError(
                f"{type(penalty).__name__} needs a random encoder, got {type(encoder).__name__}, each of whose codes "
                "is infinitely far from any prior: choose the encoder black-box or gaussian."
            )
        law = at_the_mean(decoder, prior, classes)
        self.shape = tuple(law.mean.shape[1:])
        if penalty is not None:
            penalty.check(prior, law.mean[0], *([] if classes is None else [classes.count]))
        if regulariser is not None:
            regulariser.prepare(decoder)
        self.encoder, self.decoder, self.prior, self.penalty = encoder, decoder, prior, penalty
        self.cost, self.weight, self.transport_weight, self.noise = cost, weight, transport_weight, noise
        self.regulariser, self.regulariser_weight = regulariser, regulariser_weight
        self.weighted_critic = weighted_critic
        self._check(law)

    @property
    def matches_prior(self) -> bool:
        return self.penalty is not None and self.penalty.compares

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Code:
        """The batch with its codes' law and a draw of it; noisy at the input while training."""
        if self.classes is None:
            law = self.encoder(self._noisy(x))
            return Code(x, law, law.rsample())
        indicators = self.classes.one_hot(required(labels)).to(x.dtype)
        law = self.encoder(self._noisy(x), indicators)
        # classes lie as far from each other as two codes do
        scale = math.sqrt(self.prior.square_distance / 2.0)
        drawn = self.classes.one_hot(self.classes.draw(len(x)))
        return Code(x, law, law.rsample(), scale * indicators, scale * drawn)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        return self.terms(x, self.encode(x, labels), labels)

    def terms(self, x: Tensor, code: Code, labels: Tensor | None = None) -> dict[str, Tensor]:
        """What is descended at these codes of x."""
        if self.regulariser is not None and self.training:
            self.regulariser.project(self.decoder)
        law = self.decoder(beside(self.classes, code.z, labels))
        cost = self.cost(x, law if self.cost.reads_law else law.rsample())
        terms = {"transport": self.transport_weight * cost.mean()}
        if self.penalty is not None:
            penalty = self.penalty(code, self.prior())
            if isinstance(self.weight, HeldWeight) and self.training:
                self.weight.observe(code, terms["transport"], penalty, self._evaluated(x))
            terms["penalty"] = self._factor() * penalty
        rough = None if self.regulariser is None else self.regulariser(self._reading(labels), code.z)
        if rough is not None:
            terms["regulariser"] = self.regulariser_weight * rough
        return terms

    def adversary_loss(self, x: Tensor, labels: Tensor | None = None) -> Tensor | None:
        if self.penalty is None:
            return None
        with torch.no_grad():
            code = self.encode(x, labels)
        loss = self.penalty.adversary_loss(code, self.prior())
        return self._factor() * loss if self.weighted_critic and loss is not None else loss

    def warm_start(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """Mean squares of the codes' mean and covariance minus the prior's (the WAE authors' pre-training)."""
        z = distributed.gather(self.encode(x, labels).z)
        p = self.prior().sample((len(z),))
        mean = (z.mean(0) - p.mean(0)).square().mean()
        return {"mean": mean, "covariance": (_covariance(z) - _covariance(p)).square().mean()}

    def prepare(self, batch_size: int) -> None:
        if isinstance(self.weight, HeldWeight):
            self.weight.calibrate(batch_size)

    def adapt(self) -> None:
        if isinstance(self.weight, HeldWeight):
            self.weight.ascend()

    def held_weight(self) -> dict[str, float] | None:
        return self.weight.facts() if isinstance(self.weight, HeldWeight) else None

    def weights(self) -> dict[str, float]:
        penalty = self.weight.last() if isinstance(self.weight, HeldWeight) else self.weight
        weights = {"transport": self.transport_weight, "penalty": penalty}
        return weights if self.regulariser is None else weights | {"regulariser": self.regulariser_weight}

    @torch.no_grad()
    def _evaluated(self, x: Tensor) -> Code | None:
        """The codes of x as after training, each by itself; None where those in training are too."""
        depends = any(isinstance(one, _BatchNorm) and one.training for one in self.encoder.modules())
        if not depends or self.classes is not None:
            return None
        with in_evaluation(self.encoder, _BatchNorm):
            law = self.encoder(x)
            return Code(x, law, law.rsample())

    def _reading(self, labels: Tensor | None) -> nn.Module:
        """The decoder as a function of the code alone."""
        return self.decoder if self.classes is None else Given(self.decoder, self.classes, required(labels))

    def _factor(self) -> float | Tensor:
        """The penalty's weight in this step."""
        return self.weight() if isinstance(self.weight, HeldWeight) else self.weight

    def _check(self, law: Distribution) -> None:
        """Whether the cost can read what the decoder answers, and leads it."""
        if not (self.cost.reads_law or law.has_rsample):
            raise ValueError(
                f"{type(self.cost).__name__} compares points, and no gradient passes a draw of "
                f"{type(self.decoder).__name__}: choose the deterministic or gaussian decoder, or the recipe vae."
            )
        if self.cost.reads_law:
            self.cost(law.mean, law)
        require_gradient(self.cost, law.mean)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_codes(z, labels)
        mean: Tensor = self.decoder(beside(self.classes, z, labels)).mean
        return mean

    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        return self.decode_from(self.prior, n, labels)

    def _noisy(self, x: Tensor) -> Tensor:
        if not (self.training and self.noise):
            return x
        # the quantile function at uniform draws: the normal law cut at two deviations
        cut = torch.empty_like(x).uniform_(-WITHIN_TWO, WITHIN_TWO).erfinv_()
        return x + (self.noise * math.sqrt(2.0)) * cut


def _covariance(z: Tensor) -> Tensor:
    """The covariance (k, k) of points (n, k); `torch.cov` compares values on the host on its way."""
    centred = z - z.mean(0)
    with torch.autocast(z.device.type, enabled=False):
        return centred.T @ centred / max(1, len(z) - 1)
