"""The dual side's objective: D(P_X, P_G) over generators G of codes Z ~ P_Z."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from remblai.critics import Adversarial
from remblai.critics.augment import Adaptive
from remblai.discrepancies import Discrepancy, as_discrepancy
from remblai.features import Frozen
from remblai.laws import Decoder, LatentLaw, Prior
from remblai.networks.augment import check_augmentations
from remblai.networks.classes import Classes, beside, required
from remblai.networks.modes import evaluated
from remblai.networks.pairs import paired
from remblai.networks.shapes import Range
from remblai.objectives import given
from remblai.objectives.autoencoder import AutoEncoder
from remblai.objectives.objective import (
    Code,
    Objective,
    at_the_mean,
    generated_law,
    labels_of_samples,
    of,
    together,
)
from remblai.runtime import distributed


class Generator(Objective):
    """inf over G of D(P_X, P_G), where P_G is the law of G(Z), Z ~ P_Z.

    D is any discrepancy: a supremum over critics (GAN, f-GAN, WGAN), or a closed one (MMD, Sinkhorn divergence). Its
    term is called `game` where a critic plays: the model's loss is then no distance.

    With classes it is D between the laws of point and class together, which come to D as flat rows (n, d + count): the
    coordinates of the class stand behind those of the point, at a distance between classes of `class_distance`. D is 0
    where, and for a metric only where, P_G|c = P_X|c for each class. A sample has the label of the datum in its row;
    for an unbiased D labels are drawn by the classes' shares, as `Marginal` explains. A critic may be a `Projection`,
    which reads which class it is and not how far classes are apart.

    Args:
        decoder: z (n, k) -> P(X|Z); its draws are the model's points and must carry gradients. With classes it reads
            (n, k + count).
        prior: () -> P_Z.
        discrepancy: D; as many points are drawn as the batch has.
        classes: of a conditional model.
        class_distance: between the coordinates of two classes, in units of the points.
        features: phi, which is not trained: D compares phi(x) with phi(G(z)); None compares the points themselves.

    Raises:
        ValueError: a decoder whose draws carry no gradient, a critic of points of another shape, a cost without a
            gradient, or a prior that learns.
    """

    decodes = True

    def __init__(
        self,
        decoder: Decoder,
        prior: Prior,
        discrepancy: Discrepancy,
        classes: Classes | None = None,
        class_distance: float = 1.0,
        features: Frozen | None = None,
    ) -> None:
        super().__init__(classes)
        self.decoder, self.prior, self.discrepancy = decoder, prior, as_discrepancy(discrepancy)
        self.class_distance, self.features = class_distance, features
        self.augmentation: Adaptive | None = None
        self._check()

    def augment(self, names: Sequence[str]) -> None:
        """Changes images of the data and samples alike before they are compared, in training: see `Adaptive`.

        Raises:
            ValueError: an unknown name, or points.
        """
        names = check_augmentations(names, self.shape or ())
        critic = self.discrepancy if isinstance(self.discrepancy, Adversarial) else None
        self.augmentation = Adaptive(names, None if critic is None else critic.game)
        self.augmentation.to(next(self.parameters()).device)
        if critic is not None:
            critic.steer(self.augmentation)

    def generate(self, n: int, labels: Tensor | None = None) -> Tensor:
        """n points of the model, with gradient."""
        points: Tensor = self.decoder(beside(self.classes, self.prior.sample(n), labels)).rsample()
        return points

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        name = "game" if isinstance(self.discrepancy, Adversarial) else "discrepancy"
        return {name: self.discrepancy(*self._samples(*self._laws(x, labels)))}

    def adversary_loss(self, x: Tensor, labels: Tensor | None = None) -> Tensor | None:
        with torch.no_grad():
            x, y = self._laws(x, labels)
        return self.discrepancy.adversary_loss(*self._samples(x, y))

    @evaluated
    def estimate(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.discrepancy.estimate(*self._laws(x, labels, as_they_are=True))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_codes(z, labels)
        mean: Tensor = self.decoder(beside(self.classes, z, labels)).mean
        return mean

    @evaluated
    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        return self.decode(self.prior.sample(given.check_number(n)), *of(self.labels_or_drawn(n, labels)))

    def sample_of(self, labels: Tensor) -> Tensor:
        """A sample of the class of each label (n,): as a law of codes, that of a conditional model."""
        return self.sample(len(labels), labels)

    @torch.no_grad()
    def point(self) -> Tensor:
        """One x (...), the image of the prior's mean."""
        mean: Tensor = at_the_mean(self.decoder, self.prior, self.classes).mean[0]
        return mean

    @torch.no_grad()
    def _check(self) -> None:
        law = generated_law(self.decoder, self.prior, "generator", self.classes)
        self.shape = tuple(law.mean.shape[1:])
        point = self._compared(law.mean)
        if self.classes is not None:
            point = self._with_class(point, torch.zeros(1, dtype=torch.int64, device=point.device))
        self.discrepancy.check(point[0])

    def _laws(self, x: Tensor, labels: Tensor | None, as_they_are: bool = False) -> tuple[Tensor, Tensor]:
        """Data and as many samples, each with the coordinates of its class where there are classes.

        Augmented where that is asked for, unless as they are.
        """
        changed = as_it_is if self.augmentation is None or as_they_are else self.augmentation
        if self.classes is None:
            return self._compared(changed(x)), self._compared(changed(self.generate(len(x))))
        labels = required(labels)
        own = labels_of_samples(self.classes, labels, self.discrepancy.draws_labels)
        x, y = self._compared(changed(x)), self._compared(changed(self.generate(len(x), own)))
        return self._with_class(x, labels), self._with_class(y, own)

    def _compared(self, x: Tensor) -> Tensor:
        """What D sees of points x (n, ...): their features, or the points themselves."""
        if self.features is None:
            return x
        (found,) = self.features(x)
        return found

    def _with_class(self, x: Tensor, labels: Tensor) -> Tensor:
        """Flat rows (n, d + count)."""
        assert self.classes is not None
        return paired(x, math.sqrt(0.5) * self.class_distance * self.classes.one_hot(labels).to(x.dtype))

    def _samples(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return (distributed.gather(x), distributed.gather(y)) if self.discrepancy.needs_all_samples else (x, y)


def as_it_is(x: Tensor) -> Tensor:
    """x itself."""
    return x


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
        super().__init__(auto_encoder.classes)
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
    def range_of_values(self) -> Range:
        return self.auto_encoder.range_of_values

    @property
    def latent_law(self) -> LatentLaw:
        """The generator of codes."""
        return self.generator

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Code:
        return self.auto_encoder.encode(x, labels)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.auto_encoder.decode(z, labels)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        code = self.encode(x, labels)  # once: a second pass would move batch statistics twice
        terms = self.auto_encoder.terms(x, code, labels)
        of_codes: dict[str, Tensor] = self.generator(code.z.detach(), labels)
        return terms | of_codes

    def adversary_loss(self, x: Tensor, labels: Tensor | None = None) -> Tensor | None:
        codes = self._codes(x, labels)
        return together([self.auto_encoder.adversary_loss(x, labels), self.generator.adversary_loss(codes, labels)])

    def warm_start(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        return self.auto_encoder.warm_start(x, labels)

    def prepare(self, batch_size: int) -> None:
        self.auto_encoder.prepare(batch_size)

    def adapt(self) -> None:
        self.auto_encoder.adapt()

    def held_weight(self) -> dict[str, float] | None:
        return self.auto_encoder.held_weight()

    def weights(self) -> dict[str, float]:
        return self.auto_encoder.weights()

    @evaluated
    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        labels = self.labels_or_drawn(n, labels)
        return self.decode(self.generator.sample(n, labels), labels)

    @torch.no_grad()
    def _codes(self, x: Tensor, labels: Tensor | None) -> Tensor:
        return self.encode(x, labels).z
