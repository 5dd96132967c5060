"""Discrepancies through a critic: D(P, Q) = sup over critics f of a game between f(x) and f(y)."""

from collections.abc import Callable
from typing import Annotated

from torch import nn

from remblai.config.registry import Choice, make
from remblai.critics.adversarial import Adversarial
from remblai.critics.feature_games import KernelGame, Margin, MinibatchEnergy
from remblai.critics.feature_games import mmd as kernel_game
from remblai.critics.games import FDivergence, Game, Hinge, Kantorovich, LeastSquares, Logistic, LogRatio
from remblai.critics.lipschitz import R1, Clip, Free, GradientPenalty, Lipschitz, Spectral
from remblai.critics.orthogonal import Orthogonal
from remblai.discrepancies import DISCREPANCIES, Discrepancy
from remblai.laws import Prior
from remblai.networks.classes import Count, Projection
from remblai.networks.mlp import mlp

GAMES: dict[str, Callable[..., Game]] = {
    "logistic": Logistic,
    "kantorovich": Kantorovich,
    "hinge": Hinge,
    "least-squares": LeastSquares,
    "log-ratio": LogRatio,
    "f-divergence": FDivergence,
}
"""Games on scores, one for each point."""

FEATURE_GAMES: dict[str, Callable[..., Game]] = {
    "margin": Margin,
    "mmd": kernel_game,
    "minibatch-energy": MinibatchEnergy,
}
"""Games on features, a vector for each point."""

LIPSCHITZ: dict[str, Callable[..., Lipschitz]] = {
    "free": Free,
    "clip": Clip,
    "gradient-penalty": GradientPenalty,
    "r1": R1,
    "spectral": Spectral,
    "orthogonal": Orthogonal,
}


def adversarial_on_codes(
    prior: Prior,
    latent: int,
    *,
    game: Annotated[Choice, GAMES] = "logistic",
    lipschitz: Annotated[Choice, LIPSCHITZ] = "free",
    width: int = 512,
    depth: int = 4,
    offset: bool = False,
    packing: int = 1,
    classes: Count = None,
) -> Adversarial:
    """A critic of codes, trained against the encoder: a multilayer perceptron (the paper's has 4 layers of 512).

    Args:
        prior: the law that the codes are compared with.
        latent: the number of coordinates of a code.
        game: the losses of the two players.
        lipschitz: how the critic is constrained.
        width: units per hidden layer of the critic.
        depth: hidden layers of the critic.
        offset: add the prior's log-density of a point to its score (the authors' setting on CelebA).
        packing: how many codes the critic scores together.
        classes: how many, of a conditional model, whose critic is a `Projection`.

    >>> import torch
    >>> from remblai.critics import adversarial_on_codes
    >>> from remblai.laws import PRIORS
    >>> adversarial_on_codes(PRIORS["normal"](8), 8, width=16, depth=1)(torch.zeros(4, 8), torch.ones(3, 8)).shape
    torch.Size([])
    """
    inputs = latent * max(1, packing)
    if classes is None:
        critic: nn.Module = mlp(inputs, 1, width, depth)
    else:
        body = mlp(inputs, width, width, max(0, depth - 1))
        critic = Projection(body, width, (latent,), classes, packing=packing)
    constraint = make(LIPSCHITZ, lipschitz, "lipschitz", interface=Lipschitz)
    return Adversarial(
        critic, make(GAMES, game, "game", interface=Game), constraint, prior if offset else None, packing
    )


ALL_DISCREPANCIES: dict[str, Callable[..., Discrepancy]] = {**DISCREPANCIES, "adversarial": adversarial_on_codes}
"""Every discrepancy by name: those of samples alone, and the one through a critic."""

__all__ = [
    "ALL_DISCREPANCIES",
    "FEATURE_GAMES",
    "GAMES",
    "LIPSCHITZ",
    "R1",
    "Adversarial",
    "Clip",
    "FDivergence",
    "Free",
    "Game",
    "GradientPenalty",
    "Hinge",
    "Kantorovich",
    "KernelGame",
    "LeastSquares",
    "Lipschitz",
    "LogRatio",
    "Logistic",
    "Margin",
    "MinibatchEnergy",
    "Orthogonal",
    "Spectral",
    "adversarial_on_codes",
]
