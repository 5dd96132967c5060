"""Laws of codes as functions of noise: a graph draws nothing, its user passes standard normal numbers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.distributions import Normal as TorchNormal
from torch.nn.utils.rnn import pad_sequence

from remblai.laws import ByClass, Delta, FittedLaw, LatentLaw, fitted, priors
from remblai.laws.delta import Pushforward
from remblai.laws.fitted.normals import Normals
from remblai.laws.pushed import Pushed
from remblai.networks.classes import required
from remblai.objectives import Generator
from remblai.objectives.objective import of


class OfNoise(nn.Module):
    """Noise (n, width), standard normal -> codes (n, k) of the law.

    Attributes:
        width: numbers of noise that one code takes.
    """

    width: int

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """The codes (n, k); of a conditional model those of classes, as indicators (n, count)."""
        raise NotImplementedError


class OfPrior(OfNoise):
    """A normal, uniform or spherical prior: its scale times the noise, its distribution function, its direction."""

    def __init__(self, prior: priors.Normal | priors.Uniform | priors.Sphere) -> None:
        super().__init__()
        self.prior, self.width = prior, prior.latent

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        prior = self.prior
        if isinstance(prior, priors.Normal):
            return prior.scale * noise
        if isinstance(prior, priors.Uniform):
            return prior.scale * torch.erf(noise / math.sqrt(2.0))
        return prior.constrain(noise)


class OfMixture(OfNoise):
    """A mixture of normal laws: the last number of the noise chooses the component, the others are its draw.

    With an axis of classes before the others there is a mixture for each class, and a row is drawn from that of its
    class.

    Args:
        ends: cumulative weights (m,), with infinity for the last component.
        means: (m, k).
        factors: of the covariances, (m, k, k) lower triangular.
    """

    ends: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, ends: Tensor, means: Tensor, factors: Tensor) -> None:
        super().__init__()
        m, k = means.shape[-2:]
        self.width = k + (m > 1)
        self.register_buffer("ends", ends)
        self.register_buffer("means", means)
        self.register_buffer("factors", factors)

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        k = self.means.shape[-1]
        draw = noise[:, :k]
        by_class = self.means.ndim == 3
        if self.width == k and not by_class:  # one normal law: no factor is looked up for each row
            return self.means[0] + draw @ self.factors[0].T
        own = (required(labels).argmax(1),) if by_class else ()
        share = 0.5 + 0.5 * torch.erf(noise[:, self.width - 1 :] / math.sqrt(2.0))
        chosen = (share >= (self.ends[own] if own else self.ends)).to(torch.int64).sum(1)
        place = (*own, chosen)
        return self.means[place] + (self.factors[place] @ draw[:, :, None])[:, :, 0]


class OfFitted(OfNoise):
    """A fitted law that is itself a function of noise.

    Args:
        law: fitted; it has `from_noise` and `noise_width`.
    """

    def __init__(self, law: fitted.Transport | fitted.Flow | fitted.TwoStage) -> None:
        super().__init__()
        self.law, self.width = law, law.noise_width

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        codes: Tensor = self.law.from_noise(noise)
        return codes


class OfClasses(OfNoise):
    """A law for each class: all are evaluated, and that of the row's class is taken.

    Args:
        laws: one for each class; each reads as many numbers of the noise as it takes, from the first on.
    """

    def __init__(self, laws: Sequence[OfNoise]) -> None:
        super().__init__()
        self.laws, self.width = nn.ModuleList(laws), max(law.width for law in laws)

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        each = torch.stack([law(noise[:, : law.width]) for law in self.laws], 1)
        chosen = required(labels).argmax(1)[:, None, None].expand(-1, 1, each.shape[2])
        return each.gather(1, chosen)[:, 0]


class OfGenerator(OfNoise):
    """A generator of codes.

    Args:
        generator: of points (k,).
    """

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator, self.inner = generator, of_noise(generator.prior)
        self.width = self.inner.width

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.generator.decode(self.inner(noise), *of(labels))


def of_noise(law: LatentLaw) -> OfNoise:
    """The law of codes as a function of noise.

    Raises:
        ValueError: a law that is not known as one.
    """
    if isinstance(law, fitted.Auto):
        law = law.fitted()
    match law:
        case ByClass():
            return _of_classes([of_noise(own) for own in law.laws if isinstance(own, FittedLaw)])
        case priors.Normal() | priors.Uniform() | priors.Sphere():
            return OfPrior(law)
        case priors.Mixture():
            m, k = law.centres.shape
            return _mixture(torch.full((m,), 1.0 / m), law.centres, law.scale * torch.eye(k).expand(m, k, k))
        case Normals():
            _, tensors = law.state()
            return _mixture(tensors["weights"], tensors["means"], tensors["factors"])
        case fitted.Transport() | fitted.Flow() | fitted.TwoStage():
            return OfFitted(law)
        case Generator():
            return OfGenerator(law)
    name = law.name if isinstance(law, FittedLaw) else type(law).__name__
    raise ValueError(f"the law of codes {name!r} is not known as a function of noise")


def _mixture(weights: Tensor, means: Tensor, factors: Tensor) -> OfMixture:
    """The mixture with these weights (m,)."""
    # an end for the last component too: an archive of torch.export cannot hold an empty tensor
    return OfMixture(nn.functional.pad(weights.cumsum(0)[:-1], (0, 1), value=math.inf), means, factors)


def _of_classes(laws: Sequence[OfNoise]) -> OfNoise:
    """The law of the row's class; mixtures, the usual case, in one look-up."""
    mixtures = [law for law in laws if isinstance(law, OfMixture)]
    if len(mixtures) < len(laws):
        return OfClasses(laws)
    # components that fill up to the largest mixture begin at infinity: no share reaches them
    ends = pad_sequence([law.ends for law in mixtures], batch_first=True, padding_value=math.inf)
    means, factors = (
        pad_sequence([getattr(law, name) for law in mixtures], batch_first=True) for name in ("means", "factors")
    )
    return OfMixture(ends, means, factors)


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
