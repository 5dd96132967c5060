"""A second variational auto-encoder, of the codes."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.distributions import kl_divergence

from remblai.laws import decoders, encoders, priors
from remblai.laws.fitted.base import check_codes
from remblai.laws.fitted.pushed_noise import PushedNoise, check_counts, descend
from remblai.laws.fitted.whitening import Whitening
from remblai.networks.mlp import perceptron
from remblai.runtime.rng import seeded

BATCH = 256
START = 0.1
"""The variance of whitened codes from which the decoder starts: at 1 the second code would be left unused."""


class TwoStage(PushedNoise):
    """A variational auto-encoder of the codes, with as many coordinates as they have: samples are its own.

    It minimises E -log p(z|u) + E KL(Q(U|Z) || N(0, I)), with a Gaussian decoder whose variance is learned. Codes of a
    first auto-encoder fill their space, so that the second one can match their law where the first one's penalty left
    it. Codes are whitened first. The density is not known, only a bound of it.

    Args:
        width: units per hidden layer of the encoder and of the decoder.
        depth: hidden layers.
        iterations: steps of Adam, each on 256 codes.
        lr: the first learning rate; it falls to 0.
        smallest: what the decoder's variance, of whitened codes, stays above.
        seed: of everything random in the fit.

    Raises:
        ValueError: counts below 1, a rate outside (0, 1) or a smallest variance outside (0, 0.1); by `fit`: fewer than
            2 codes, or codes that are not finite.

    Source: Dai & Wipf, "Diagnosing and enhancing VAE models" (2019), arXiv 1903.05789.
    """

    name: ClassVar[str] = "two-stage"
    noise_per_coordinate: ClassVar[int] = 2  # the second code, and the decoder's noise

    def __init__(
        self,
        width: int = 256,
        depth: int = 3,
        iterations: int = 3000,
        lr: float = 1e-3,
        smallest: float = 1e-4,
        seed: int = 0,
    ) -> None:
        check_counts(self.name, width=width, depth=depth, iterations=iterations)
        for name, value, limit in (("lr", lr, 1.0), ("smallest", smallest, START)):
            if not 0.0 < value < limit:
                raise ValueError(f"sampler 'two-stage': expected {name} above 0 and below {limit:g}, got {value}.")
        super().__init__()
        self.width, self.depth, self.iterations = width, depth, iterations
        self.lr, self.smallest, self.seed = lr, smallest, seed

    def assemble(self, facts: Mapping[str, Any]) -> nn.ModuleDict:
        k = facts["latent"]
        network, prior = perceptron((k,), self.width, self.depth), priors.Normal(k)
        decoder = decoders.Gaussian(network, k, None, variance=START, learned=True, smallest=self.smallest)
        encoder = encoders.Gaussian(network=network, prior=prior)
        return nn.ModuleDict({"whitening": Whitening(k), "prior": prior, "encoder": encoder, "decoder": decoder})

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        z = check_codes(codes)
        with seeded(self.seed):
            parts = self.assemble({"latent": z.shape[1]})
            whitening, prior = Whitening.of(z), parts["prior"]
            parts["whitening"] = whitening
            v = whitening.whiten(z.float())

            def loss() -> Tensor:
                batch = v[torch.randint(len(v), (BATCH,))]
                law = parts["encoder"](batch)
                fit = parts["decoder"](law.rsample()).log_prob(batch)
                bound: Tensor = (kl_divergence(law, prior()) - fit).mean()
                return bound

            descend(self.name, parts, loss, self.iterations, self.lr)
        return self.take(parts, {"latent": z.shape[1]})

    def from_noise(self, x: Tensor) -> Tensor:
        """The codes (n, k) of noise x (n, noise_width): a second code of the prior N(0, I), and its decoder's noise."""
        second, rest = x.chunk(2, 1)
        law = self.fitted()["decoder"](second).base_dist
        return self.whitening.restore(law.loc + law.scale * rest)
