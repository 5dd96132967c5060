"""The dual side's objective: D(P_X, P_G) over generators G of codes Z ~ P_Z."""

import torch
from torch import Tensor

from remblai.critics import Adversarial
from remblai.discrepancies import Discrepancy, as_discrepancy
from remblai.laws import Decoder, LatentLaw, Prior
from remblai.objectives.autoencoder import AutoEncoder
from remblai.objectives.objective import Code, Objective, at_the_mean, generated_law, together
from remblai.runtime import distributed


class Generator(Objective):
    """inf over G of D(P_X, P_G), where P_G is the law of G(Z), Z ~ P_Z.

    D is any discrepancy: a supremum over critics (GAN, f-GAN, WGAN), or a closed one (MMD, Sinkhorn divergence). Its
    term is called `game` where a critic plays: the model's loss is then no distance.

    Args:
        decoder: z (n, k) -> P(X|Z); its draws are the model's points and must carry gradients.
        prior: () -> P_Z.
        discrepancy: D; as many points are drawn as the batch has.

    Raises:
        ValueError: a decoder whose draws carry no gradient, a critic of points of another shape, or a cost without a
            gradient.
    """

    decodes = True

    def __init__(self, decoder: Decoder, prior: Prior, discrepancy: Discrepancy) -> None:
        super().__init__()
        self.decoder, self.prior, self.discrepancy = decoder, prior, as_discrepancy(discrepancy)
        self._check()

    def generate(self, n: int) -> Tensor:
        """n points of the model, with gradient."""
        points: Tensor = self.decoder(self.prior.sample(n)).rsample()
        return points

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        name = "game" if isinstance(self.discrepancy, Adversarial) else "discrepancy"
        return {name: self.discrepancy(*self._samples(x, self.generate(len(x))))}

    def adversary_loss(self, x: Tensor) -> Tensor | None:
        with torch.no_grad():
            y = self.generate(len(x))
        return self.discrepancy.adversary_loss(*self._samples(x, y))

    @torch.no_grad()
    def estimate(self, x: Tensor) -> Tensor:
        return self.discrepancy.estimate(x, self.generate(len(x)))

    def decode(self, z: Tensor) -> Tensor:
        mean: Tensor = self.decoder(z).mean
        return mean

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        return self.decode(self.prior.sample(n))

    @torch.no_grad()
    def point(self) -> Tensor:
        """One x (...), the image of the prior's mean."""
        mean: Tensor = at_the_mean(self.decoder, self.prior).mean[0]
        return mean

    @torch.no_grad()
    def _check(self) -> None:
        law = generated_law(self.decoder, self.prior, "generator")
        self.shape = tuple(law.mean.shape[1:])
        self.discrepancy.check(law.mean[0])

    def _samples(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return (distributed.gather(x), distributed.gather(y)) if self.discrepancy.needs_all_samples else (x, y)


class CodeGenerator(Objective):
    """An auto-encoder, and a generator of its codes: D(Q_Z, G#P) beside E c(X, D(E(X))), in one run.

    The codes are taken as they are: no gradient of the discrepancy reaches the auto-encoder, so that both are trained
    as if one after the other. Samples are decoded draws of the generator.

    Args:
        auto_encoder: of the data.
        generator: of codes, points (k,) as wide as the auto-encoder's.

    Raises:
        ValueError: codes of another width.

    Source: Li, Swersky, Zemel, "Generative moment matching networks", section 4, arXiv 1502.02761.
    """

    encodes = True
    decodes = True
    latent_name = "generator"

    def __init__(self, auto_encoder: AutoEncoder, generator: Generator) -> None:
        super().__init__()
        shape, width = generator.point().shape, auto_encoder.prior.latent
        if shape != (width,):
            raise ValueError(
                f"code generator: expected a generator of codes ({width},), as the auto-encoder's are, got one of "
                f"points {tuple(shape)}: build it for that shape."
            )
        self.auto_encoder, self.generator, self.shape = auto_encoder, generator, auto_encoder.shape

    @property
    def prior(self) -> Prior:  # type: ignore[override]  # read only: it is the auto-encoder's
        """The auto-encoder's prior: it gives the width and the support of codes; no term matches their law to it."""
        return self.auto_encoder.prior

    @property
    def latent_law(self) -> LatentLaw:
        """The generator of codes."""
        return self.generator

    def encode(self, x: Tensor) -> Code:
        return self.auto_encoder.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.auto_encoder.decode(z)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        code = self.encode(x)  # once: a second pass would move batch statistics twice
        terms = self.auto_encoder.terms(x, code)
        of_codes: dict[str, Tensor] = self.generator(code.z.detach())
        return terms | of_codes

    def adversary_loss(self, x: Tensor) -> Tensor | None:
        return together([self.auto_encoder.adversary_loss(x), self.generator.adversary_loss(self._codes(x))])

    def weights(self) -> dict[str, float]:
        return self.auto_encoder.weights()

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        return self.decode(self.generator.sample(n))

    @torch.no_grad()
    def _codes(self, x: Tensor) -> Tensor:
        return self.encode(x).z
