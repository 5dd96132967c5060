"""Encoders: modules x -> Q(Z|X), a Distribution with batch_shape (n,) and event_shape (latent,)."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from remblai.laws.delta import Delta, Pushforward
from remblai.laws.priors import Prior
from remblai.laws.pushed import Pushed, mirrored, places
from remblai.networks.mlp import linear, mlp
from remblai.networks.network import Network, positive
from remblai.runtime.precision import wide


class Encoder(nn.Module, ABC):
    """A module x (n, *shape) -> the law Q(Z|X) of its codes.

    Attributes:
        stochastic: whether two samples for one x differ.
        has_density: whether the law has log_prob.
    """

    stochastic: bool
    has_density: bool

    @abstractmethod
    def forward(self, x: Tensor, *classes: Tensor) -> Distribution:
        """The law of the codes of x (n, *shape), in float32 or better, whatever the network computes in.

        Args:
            x: the data.
            *classes: indicators (n, count) of the class of each, where the network is a conditional one.
        """


class Deterministic(Encoder):
    """One code for each x, z = e(x), mapped onto the prior's support.

    Args:
        network: the network pair whose encoder is used.
        prior: the prior, for the number of coordinates and the support.
    """

    stochastic = False
    has_density = False

    def __init__(self, network: Network, prior: Prior) -> None:
        super().__init__()
        self.body = network.encoder(prior.latent)
        self.prior = prior

    def forward(self, x: Tensor, *classes: Tensor) -> Delta:
        """All mass on e(x)."""
        return Delta(self.prior.constrain(wide(self.body(x, *classes))))


class Gaussian(Encoder):
    """Q(Z|X) = N(m(x), diag s(x)^2) with s = sqrt(1e-8 + exp(v)), v the network's log-variance clipped to [-50, 50].

    The network's output for v is counted from `start`, so that training begins with small noise: from s = 1 a heavy
    penalty on the marginal is least for codes that carry no information on x, and stays there.

    Args:
        network: the network pair whose encoder is used, with outputs (m, v).
        prior: the prior, for the number of coordinates.
        start: the log-variance at which training starts, about.

    Raises:
        ValueError: a prior of bounded support (uniform, sphere): a Gaussian leaves it.

    Source: Kingma and Welling, arXiv 1312.6114; clipping and floor: the code of Tolstikhin et al., arXiv 1711.01558.
    """

    stochastic = True
    has_density = True

    def __init__(self, network: Network, prior: Prior, start: float = -4.0) -> None:
        super().__init__()
        if prior.bounded:
            raise ValueError(
                f"encoder 'gaussian': its codes spread over the whole space, and the prior "
                f"{type(prior).__name__.lower()!r} is confined to a part of it. Take the prior 'normal' or "
                f"'mixture'; or, where the penalty needs no density of the codes (that of wae-mmd, wae-gan, avb), the "
                f"encoder 'deterministic' or 'implicit', whose codes are mapped onto the prior's support."
            )
        self.body, self.start = network.encoder(2 * prior.latent), start

    def forward(self, x: Tensor, *classes: Tensor) -> Independent[Normal]:
        """Independent normal coordinates."""
        mean, log_variance = wide(self.body(x, *classes)).chunk(2, dim=1)
        deviation = (1e-8 + (self.start + log_variance).clamp(-50.0, 50.0).exp()).sqrt()
        return Independent(Normal(mean, deviation, validate_args=False), 1, validate_args=False)


class Implicit(Encoder):
    """z = e(x) + A(e(x)) noise, noise standard normal, mapped onto the prior's support; known through its samples.

    A is k x k, from the code through three tanh layers of 2k, 4k and 6k units. It starts small, so that training
    begins near a deterministic encoder.

    Args:
        network: the network pair whose encoder is e.
        prior: the prior, for the number of coordinates k and the support.

    Source: the encoder 'implicit' of Tolstikhin et al., arXiv 1711.01558 (github tolstikhin/wae, models.py).
    """

    stochastic = True
    has_density = False

    def __init__(self, network: Network, prior: Prior) -> None:
        super().__init__()
        k = prior.latent
        self.body = network.encoder(k)
        self.prior = prior
        last = linear(6 * k, k * k)
        nn.init.normal_(last.weight, 0.0, 0.01)
        tanh = nn.Tanh
        self.mixing = nn.Sequential(
            linear(k, 2 * k), tanh(), linear(2 * k, 4 * k), tanh(), linear(4 * k, 6 * k), tanh(), last
        )

    def forward(self, x: Tensor, *classes: Tensor) -> Pushforward:
        """The law of e(x) + A(e(x)) noise on the prior's support."""
        location, k = self.body(x, *classes), self.prior.latent
        mixing = wide(self.mixing(location)).reshape(-1, k, k)
        return Pushforward(wide(location), mixing, self.prior.constrain)


class BlackBox(Encoder):
    """z = m(x) + s(x) (e + w(h(x), e)), e standard normal, mapped onto the prior's support: a law of any shape.

    The noise passes through a perceptron w beside features h of x, so that Q(Z|X) may bend, lean and split. w starts
    small and s near exp(start / 2): training begins where it does for the encoder gaussian. The law knows its mean and
    variance over a few places of the noise (`Pushed`), as adaptive contrast needs: drawn anew while it trains.

    Args:
        network: the network pair whose encoder is used, with outputs (m, 2 log s - start, h).
        prior: the prior, for the number of coordinates k and the support.
        width: features h, and units per hidden layer of w.
        depth: hidden layers of w.
        start: the log-variance at which training starts, about.
        draws: places of the noise over which the moments are taken.

    Raises:
        ValueError: width or depth below 1, or draws below 2.

    Source: the black-box inference model of Mescheder et al., "Adversarial variational Bayes", arXiv 1701.04722.
    """

    stochastic = True
    has_density = False
    places: Tensor

    def __init__(
        self, network: Network, prior: Prior, width: int = 64, depth: int = 2, start: float = -4.0, draws: int = 32
    ) -> None:
        super().__init__()
        positive(width=width, depth=depth)
        k = prior.latent
        self.width, self.start, self.prior = width, start, prior
        hidden, last = mlp(width + k, width, width, depth - 1), linear(width, k)
        nn.init.normal_(last.weight, 0.0, 0.01)
        self.bend = nn.Sequential(hidden, nn.ReLU(), last)
        self.body = network.encoder(2 * k + width)
        self.register_buffer("places", places(k, draws), persistent=False)

    def forward(self, x: Tensor, *classes: Tensor) -> Pushed:
        """The law of m + s (e + w(h, e)) on the prior's support."""
        k = self.prior.latent
        mean, log_variance, features = torch.split(wide(self.body(x, *classes)), [k, k, self.width], 1)
        scale = (0.5 * (self.start + log_variance).clamp(-50.0, 50.0)).exp()

        def push(noise: Tensor) -> Tensor:
            beside = features.expand(*noise.shape[:-1], self.width)
            moved: Tensor = noise + wide(self.bend(torch.cat([beside, noise], dim=-1)))
            return mean + scale * moved

        # while training drawn anew, or w would learn to give these few places moments that its law does not have
        over = mirrored(torch.randn_like(self.places[::2])) if self.training else self.places
        return Pushed(push, over, x.shape[:1], self.prior.constrain)
