"""Laws of codes as functions of noise: a graph draws nothing, its user passes standard normal numbers."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.distributions import Normal as TorchNormal

from remblai.laws import Delta, FittedLaw, LatentLaw, fitted, priors
from remblai.laws.delta import Pushforward
from remblai.laws.fitted.normals import Normals
from remblai.laws.pushed import Pushed
from remblai.objectives import Generator


class OfNoise(nn.Module):
    """Noise (n, width), standard normal -> codes (n, k) of the law.

    Attributes:
        width: numbers of noise that one code takes.
    """

    width: int

    def forward(self, noise: Tensor) -> Tensor:
        """The codes (n, k)."""
        raise NotImplementedError


class OfPrior(OfNoise):
    """A normal, uniform or spherical prior: its scale times the noise, its distribution function, its direction."""

    def __init__(self, prior: priors.Normal | priors.Uniform | priors.Sphere) -> None:
        super().__init__()
        self.prior, self.width = prior, prior.latent

    def forward(self, noise: Tensor) -> Tensor:
        prior = self.prior
        if isinstance(prior, priors.Normal):
            return prior.scale * noise
        if isinstance(prior, priors.Uniform):
            return prior.scale * torch.erf(noise / math.sqrt(2.0))
        return prior.constrain(noise)


class OfMixture(OfNoise):
    """A mixture of normal laws: the last number of the noise chooses the component, the others are its draw.

    Args:
        weights: (m,), with sum 1.
        means: (m, k).
        factors: of the covariances, (m, k, k) lower triangular.
    """

    ends: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, weights: Tensor, means: Tensor, factors: Tensor) -> None:
        super().__init__()
        self.width = means.shape[1] + (len(means) > 1)
        self.register_buffer("ends", weights.cumsum(0)[:-1])
        self.register_buffer("means", means)
        self.register_buffer("factors", factors)

    def forward(self, noise: Tensor) -> Tensor:
        k = self.means.shape[1]
        draw = noise[:, :k]
        if self.width == k:
            return self.means[0] + draw @ self.factors[0].T
        share = 0.5 + 0.5 * torch.erf(noise[:, k:] / math.sqrt(2.0))
        chosen = (share >= self.ends).to(torch.int64).sum(1)
        return self.means[chosen] + (self.factors[chosen] @ draw[:, :, None])[:, :, 0]


class OfFitted(OfNoise):
    """A fitted law that is itself a function of noise.

    Args:
        law: fitted; it has `from_noise` and `noise_width`.
    """

    def __init__(self, law: fitted.Transport | fitted.Flow | fitted.TwoStage) -> None:
        super().__init__()
        self.law, self.width = law, law.noise_width

    def forward(self, noise: Tensor) -> Tensor:
        codes: Tensor = self.law.from_noise(noise)
        return codes


class OfGenerator(OfNoise):
    """A generator of codes.

    Args:
        generator: of points (k,).
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator, self.inner = generator, of_noise(generator.prior)
        self.width = self.inner.width

    def forward(self, noise: Tensor) -> Tensor:
        return self.generator.decode(self.inner(noise))


def of_noise(law: LatentLaw) -> OfNoise:
    """The law of codes as a function of noise.

    Raises:
        ValueError: a law that is not known as one.
    """
    if isinstance(law, fitted.Auto):
        law = law.fitted()
    match law:
        case priors.Normal() | priors.Uniform() | priors.Sphere():
            return OfPrior(law)
        case priors.Mixture():
            m, k = law.centres.shape
            return OfMixture(torch.full((m,), 1.0 / m), law.centres, law.scale * torch.eye(k).expand(m, k, k))
        case Normals():
            _, tensors = law.state()
            return OfMixture(tensors["weights"], tensors["means"], tensors["factors"])
        case fitted.Transport() | fitted.Flow() | fitted.TwoStage():
            return OfFitted(law)
        case Generator():
            return OfGenerator(law)
    name = law.name if isinstance(law, FittedLaw) else type(law).__name__
    raise ValueError(f"the law of codes {name!r} is not known as a function of noise")


def at_noise(law: Distribution, noise: Tensor) -> Tensor:
    """The code (n, k) that noise (n, k), standard normal, makes under the law Q(Z|X) of an encoder.

    Raises:
        ValueError: a law that is not known as a function of noise.
    """
    if isinstance(law, Pushforward | Pushed):
        return law.at(noise)
    if isinstance(law, Independent) and isinstance(law.base_dist, TorchNormal):
        return law.base_dist.loc + law.base_dist.scale * noise
    raise ValueError(f"the encoder's law {type(law).__name__} is not known as a function of noise")


def is_fixed(law: Distribution) -> bool:
    """Whether the law is one code, without noise."""
    return isinstance(law, Delta)
