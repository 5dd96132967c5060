"""Decoders: modules z -> P(X|Z), a Distribution with batch_shape (n,) and event_shape the shape of one x."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Distribution, Independent, Normal

from remblai.laws.delta import Delta
from remblai.networks.network import Network
from remblai.runtime.precision import wide

Range = tuple[float, float] | None


class Decoder(nn.Module, ABC):
    """A module z (n, latent) -> the law P(X|Z); samples and reconstructions are its `.mean`.

    Attributes:
        range: of the values of x; None is not known, or unbounded.
    """

    range: Range = None

    @abstractmethod
    def forward(self, z: Tensor) -> Distribution:
        """The law of x given the codes z (n, latent), in float32 or better."""


class Deterministic(Decoder):
    """One x for each code, x = G(z), squeezed into the data's range.

    Args:
        network: the network pair whose decoder is used.
        latent: the number of coordinates of a code.
        range: the data's range: (0, 1) sigmoid, (-1, 1) tanh, None unbounded.

    Raises:
        ValueError: another range.
    """

    def __init__(self, network: Network, latent: int, range: Range) -> None:
        super().__init__()
        self.squeeze, self.range = squeeze_to(range), range
        self.event_dims = len(network.shape)
        self.body = network.decoder(latent)

    def forward(self, z: Tensor) -> Delta:
        """All mass on G(z)."""
        return Delta(self.squeeze(wide(self.body(z))), self.event_dims)


class Gaussian(Decoder):
    """P(X|Z) = N(G(z), variance I), G squeezed into the data's range; -log p = |x - G|^2 / (2 variance) + constant.

    Args:
        network: the network pair whose decoder is G.
        latent: the number of coordinates of a code.
        range: the data's range: (0, 1) sigmoid, (-1, 1) tanh, None unbounded.
        variance: the noise's variance per coordinate of x; where training starts, if learned.
        learned: learn one variance for all coordinates and all x.
        smallest: what a learned variance stays above: at perfect reconstructions the likelihood would grow without
            bound, and long before, on few data, it falls to the error on those data alone.

    Raises:
        ValueError: another range, a variance that is not positive, or a learned one that starts below the smallest.

    Source: learned variance: Rybkin et al. "Simple and effective VAE training with calibrated decoders",
    arXiv 2006.13202.
    """

    log_variance: Tensor

    def __init__(
        self,
        network: Network,
        latent: int,
        range: Range,
        variance: float = 1.0,
        learned: bool = False,
        smallest: float = 1e-6,
    ) -> None:
        super().__init__()
        if not 0.0 < variance < math.inf:
            raise ValueError(f"decoder 'gaussian': expected a positive, finite variance, got {variance}.")
        if learned and not 0.0 < smallest < variance:
            raise ValueError(
                f"decoder 'gaussian': expected a smallest variance between 0 and {variance}, where the learned one "
                f"starts, got {smallest}: give smallest a lower value, or variance a higher one."
            )
        self.variance, self.learned, self.smallest = variance, learned, smallest
        self.squeeze, self.range = squeeze_to(range), range
        self.event_dims = len(network.shape)
        self.body = network.decoder(latent)
        log_variance = torch.tensor(math.log(variance - smallest if learned else variance))
        if learned:
            self.log_variance = nn.Parameter(log_variance)
        else:
            self.register_buffer("log_variance", log_variance, persistent=False)

    def forward(self, z: Tensor) -> Independent[Normal]:
        """Independent normal coordinates around G(z)."""
        variance = wide(self.log_variance).exp()
        deviation = (variance + self.smallest if self.learned else variance).sqrt()
        mean = self.squeeze(wide(self.body(z)))
        return Independent(Normal(mean, deviation, validate_args=False), self.event_dims, validate_args=False)


class Bernoulli(Decoder):
    """P(X|Z) = independent coins, P(x = 1) = sigmoid(G(z)); -log p is the cross entropy, for grey pixels too.

    Args:
        network: the network pair whose decoder is G.
        latent: the number of coordinates of a code.
        range: the data's range, which must be (0, 1).

    Raises:
        ValueError: another range.
    """

    def __init__(self, network: Network, latent: int, range: Range) -> None:
        super().__init__()
        if range is None or tuple(range) != (0, 1):
            raise ValueError(
                f"decoder 'bernoulli': expected data in the range (0, 1), got {range}. "
                f"Use the decoder 'gaussian', or data in (0, 1)."
            )
        self.range = range
        self.event_dims = len(network.shape)
        self.body = network.decoder(latent)

    def forward(self, z: Tensor) -> Independent[TorchBernoulli]:
        """Independent coins, from logits, so that log_prob is stable."""
        logits = wide(self.body(z))
        return Independent(TorchBernoulli(logits=logits, validate_args=False), self.event_dims, validate_args=False)


def squeeze_to(range: Range) -> Callable[[Tensor], Tensor]:
    """The map from the line onto the data's range.

    Raises:
        ValueError: a range other than (0, 1), (-1, 1) or None.
    """
    known: dict[Range, Callable[[Tensor], Tensor]] = {(0, 1): torch.sigmoid, (-1, 1): torch.tanh, None: nn.Identity()}
    given = None if range is None else (range[0], range[1])
    if given not in known:
        raise ValueError(
            f"expected data in the range (0, 1), (-1, 1) or None (unbounded), got {range}; scale it to one of them."
        )
    return known[given]
