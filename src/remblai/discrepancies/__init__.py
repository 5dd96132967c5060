"""Discrepancies D(P, Q) through samples x ~ P (the target) and y ~ Q (the model)."""

from collections.abc import Callable
from typing import Annotated

from remblai.choices import Choice, make
from remblai.discrepancies.adversarial import Adversarial
from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.games import Game, Hinge, Kantorovich, LeastSquares, Logistic
from remblai.discrepancies.lipschitz import Clip, Free, GradientPenalty, Lipschitz, Spectral
from remblai.discrepancies.mmd import MMD
from remblai.kernels import KERNELS
from remblai.laws import Prior
from remblai.networks.mlp import mlp

GAMES: dict[str, Callable[..., Game]] = {
    "logistic": Logistic,
    "kantorovich": Kantorovich,
    "hinge": Hinge,
    "least-squares": LeastSquares,
}

LIPSCHITZ: dict[str, Callable[..., Lipschitz]] = {
    "free": Free,
    "clip": Clip,
    "gradient-penalty": GradientPenalty,
    "spectral": Spectral,
}


def mmd(
    prior: Prior, kernel: Annotated[Choice, KERNELS] = "imq", biased: bool = False, closed_form: bool = True
) -> MMD:
    """Squared maximum mean discrepancy, by default the unbiased estimate with the exact terms of the prior.

    Args:
        prior: where the kernel's scale is read from.
        kernel: how points are compared.
        biased: keep the terms i = j: at least 0, but not 0 on average when the laws are equal.
        closed_form: take the prior's terms exactly where they are known; off, sample the prior as the paper does.
    """
    return MMD(make(KERNELS, kernel, "kernel", prior=prior), biased, closed_form)


def adversarial(
    prior: Prior,
    latent: int,
    *,
    game: Annotated[Choice, GAMES] = "logistic",
    lipschitz: Annotated[Choice, LIPSCHITZ] = "free",
    width: int = 512,
    depth: int = 4,
    offset: bool = False,
) -> Adversarial:
    """A critic of codes, trained against the encoder: a multilayer perceptron (the paper's has 4 layers of 512).

    Args:
        prior: the law that the codes are held against.
        latent: the number of coordinates of a code.
        game: the losses of the two players.
        lipschitz: how the critic is held.
        width: units per hidden layer of the critic.
        depth: hidden layers of the critic.
        offset: add the prior's log-density of a point to its score (the authors' setting on CelebA).
    """
    held = make(LIPSCHITZ, lipschitz, "lipschitz")
    return Adversarial(mlp(latent, 1, width, depth), make(GAMES, game, "game"), held, prior if offset else None)


DISCREPANCIES: dict[str, Callable[..., Discrepancy]] = {"mmd": mmd, "adversarial": adversarial}

__all__ = [
    "DISCREPANCIES",
    "GAMES",
    "LIPSCHITZ",
    "MMD",
    "Adversarial",
    "Clip",
    "Discrepancy",
    "Free",
    "Game",
    "GradientPenalty",
    "Hinge",
    "Kantorovich",
    "LeastSquares",
    "Lipschitz",
    "Logistic",
    "Spectral",
]
