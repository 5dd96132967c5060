"""A continuous flow from noise to codes, with its density."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self, get_args

import torch
from torch import Tensor, nn

from remblai.config.registry import unknown
from remblai.laws.couplings import SemiDiscrete
from remblai.laws.fitted.base import check_codes
from remblai.laws.fitted.pushed_noise import PushedNoise, check_counts, descend
from remblai.laws.fitted.whitening import Whitening
from remblai.laws.ode import Method, integrate, log_density
from remblai.networks.velocity import Perceptron
from remblai.runtime.rng import seeded

FEWEST = 50
"""Codes below which none is held out: the last weights are kept then."""
SHARE, HELD_OUT = 0.1, 400
"""The held-out share of the codes, and how many of them the weights are evaluated on, at most."""
EVALUATIONS = 8
"""How often the held-out log-likelihood of the weights is taken."""
STEPS_OF_EVALUATION = 8
"""Steps of the integration in it."""


class Flow(PushedNoise):
    """The law at time 1 of noise that moves along a learned velocity: dx/dt = v(x, t), x_0 ~ N(0, I).

    Conditional flow matching: v(x_t, t) is regressed on y - x_0 where x_t = (1 - t) x_0 + t y and y, one of the codes,
    is the partner of x_0 in the optimal coupling of the noise with the codes, solved once and not in each batch. The
    density is exact up to the steps of the integration: it follows the trace of the Jacobian of v on the path. A tenth
    of the codes is held out, their log-likelihood is taken eight times, and the weights of the best are kept: a
    coupling of noise with finitely many codes ends at those codes, and a long training with it.

    Codes are whitened first. With `distilled` samples come from a second network, which maps noise to the end of its
    path in one step; their density is not known.

    Args:
        width: units per hidden layer of v.
        depth: hidden layers.
        atoms: codes that the noise is coupled with, at most; a random part of more.
        iterations: steps of Adam, each on 256 pairs.
        lr: the first learning rate; it falls to 0.
        noise: standard deviation, in whitened codes, of normal noise on y.
        steps: steps of the integration, for samples and for the density.
        method: of the integration.
        distilled: whether samples take one step through a second network.
        seed: of everything random in the fit.

    Raises:
        ValueError: counts below 1, a rate or a noise that is not positive, an unknown method; by `fit`: fewer than 2
            codes, or codes that are not finite.

    Source: Lipman et al., "Flow matching for generative modeling" (2023), arXiv 2210.02747; Tong et al., "Improving and
    generalizing flow-based generative models with minibatch optimal transport" (2024), arXiv 2302.00482; distillation:
    Liu et al., "Flow straight and fast" (2023), section 2.2, arXiv 2209.03003.
    """

    name: ClassVar[str] = "flow"

    def __init__(
        self,
        width: int = 128,
        depth: int = 3,
        atoms: int = 4000,
        iterations: int = 2000,
        lr: float = 2e-3,
        noise: float = 0.02,
        steps: int = 20,
        method: Method = "heun",
        distilled: bool = False,
        seed: int = 0,
    ) -> None:
        check_counts(self.name, width=width, depth=depth, atoms=atoms, iterations=iterations, steps=steps)
        for name, value in (("lr", lr), ("noise", noise)):
            if not 0.0 < value < float("inf"):
                raise ValueError(f"sampler 'flow': expected a positive, finite {name}, got {value}.")
        if method not in get_args(Method):
            raise unknown("method of sampler 'flow':", method, get_args(Method))
        super().__init__()
        self.width, self.depth, self.atoms, self.iterations = width, depth, atoms, iterations
        self.lr, self.noise = lr, noise
        self.steps, self.method, self.distilled, self.seed = steps, method, distilled, seed
        self.has_density = not distilled

    def assemble(self, facts: Mapping[str, Any]) -> nn.ModuleDict:
        k = facts["latent"]
        names = ("velocity", "jump") if self.distilled else ("velocity",)
        networks = {name: Perceptron((k,), self.width, self.depth) for name in names}
        return nn.ModuleDict({"whitening": Whitening(k), **networks})

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        z = check_codes(codes)
        with seeded(self.seed):
            parts = self.assemble({"latent": z.shape[1]})
            whitening = Whitening.of(z)
            parts["whitening"] = whitening
            u = whitening.whiten(z.float())[torch.randperm(len(z))]
            count = int(SHARE * len(u)) if len(u) >= FEWEST else 0
            likelihoods = self._train(parts["velocity"], u[count:], u[: min(count, HELD_OUT)])
            if self.distilled:
                self._distil(parts["velocity"], parts["jump"], z.shape[1])
        return self.take(parts, {"latent": z.shape[1], "held_out": likelihoods})

    def from_noise(self, x: Tensor) -> Tensor:
        """The codes (n, k) at which noise x (n, noise_width) arrives."""
        return self.whitening.restore(self._arrive(self.fitted(), x))

    def log_prob(self, z: Tensor) -> Tensor:
        if not self.has_density:
            raise ValueError(
                "sampler 'flow': this law is known through its samples only, which take one step: fit it without "
                "distilled for a density."
            )
        whitening, velocity = self.whitening, self.fitted()["velocity"]
        u = whitening.whiten(z.to(whitening.mean))
        return log_density(velocity, u, self.steps, self.method) - whitening.log_volume()

    def _arrive(self, parts: nn.ModuleDict, x: Tensor) -> Tensor:
        """The ends (n, k) of the paths of the noise x (n, k), whitened."""
        if self.distilled:
            end: Tensor = x + parts["jump"](x, x.new_zeros(len(x)))
            return end
        return integrate(parts["velocity"], x, self.steps, self.method)

    def _train(self, velocity: nn.Module, atoms: Tensor, held_out: Tensor) -> list[float]:
        """Trains v, leaves it with the best weights and returns the mean log-likelihoods of held-out whitened codes."""
        coupling = SemiDiscrete(atoms[: self.atoms]).solve(self.seed, most=0)  # v is a mean over cells: rough ones do

        def loss() -> Tensor:
            x, t = torch.randn(256, atoms.shape[1]), torch.rand(256)
            y = coupling.partners(x)
            y = y + self.noise * torch.randn_like(y)
            error: Tensor = velocity(x + t[:, None] * (y - x), t) - (y - x)
            return error.square().mean()

        likelihoods: list[float] = []
        best: dict[str, Tensor] = {}

        def evaluate() -> None:
            likelihoods.append(float(log_density(velocity, held_out, STEPS_OF_EVALUATION, self.method).mean()))
            if likelihoods[-1] == max(likelihoods):
                best.update({name: value.clone() for name, value in velocity.state_dict().items()})

        steps = [self.iterations * (i + 1) // EVALUATIONS for i in range(EVALUATIONS)] if len(held_out) else []
        descend(self.name, velocity, loss, self.iterations, self.lr, dict.fromkeys(steps, evaluate))
        if best:
            velocity.load_state_dict(best)
        return likelihoods

    def _distil(self, velocity: nn.Module, jump: nn.Module, latent: int) -> None:
        """Trains the one-step map on the ends of paths."""

        def loss() -> Tensor:
            x = torch.randn(256, latent)
            with torch.no_grad():
                way = integrate(velocity, x, self.steps, self.method) - x
            error: Tensor = jump(x, x.new_zeros(len(x))) - way
            return error.square().mean()

        descend(self.name, jump, loss, self.iterations // 2, self.lr)
