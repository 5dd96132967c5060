"""Discrepancies D(P, Q) through samples x ~ P (the target) and y ~ Q (the model)."""

from collections.abc import Callable
from typing import Annotated

from remblai.choices import Choice, make
from remblai.costs import COSTS
from remblai.discrepancies.adversarial import Adversarial
from remblai.discrepancies.cramer_wold import CramerWold
from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.entropic import Entropic
from remblai.discrepancies.exact import Exact
from remblai.discrepancies.feature_games import KernelGame, Margin, MinibatchEnergy
from remblai.discrepancies.feature_games import mmd as kernel_game
from remblai.discrepancies.frechet import Frechet
from remblai.discrepancies.games import FDivergence, Game, Hinge, Kantorovich, LeastSquares, Logistic, LogRatio
from remblai.discrepancies.ipm import BALLS, Ball, Witness, ipm
from remblai.discrepancies.lipschitz import R1, Clip, Free, GradientPenalty, Lipschitz, Spectral
from remblai.discrepancies.mmd import MMD
from remblai.discrepancies.moments import Covariance
from remblai.discrepancies.orthogonal import Orthogonal
from remblai.discrepancies.sliced import Kind, Sliced
from remblai.discrepancies.testing import floor, interval, two_sample_test
from remblai.kernels import KERNELS, Energy
from remblai.laws import Prior
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
    packing: int = 1,
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
        packing: codes that the critic judges together.
    """
    critic = mlp(latent * max(1, packing), 1, width, depth)
    held = make(LIPSCHITZ, lipschitz, "lipschitz")
    return Adversarial(critic, make(GAMES, game, "game"), held, prior if offset else None, packing)


def energy_distance(closed_form: bool = True) -> MMD:
    """Squared energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|: MMD^2 with the kernel -|x - y|. It has no scale.

    Args:
        closed_form: take the prior's terms exactly where they are known.
    """
    return MMD(Energy(), closed_form=closed_form)


def sliced(
    directions: int = 128, p: float = 2.0, kind: Kind = "random", seed: int | None = None, closed_form: bool = True
) -> Sliced:
    """Sliced Wasserstein distance, never rooted: W_p^p between projections on lines, a sort each.

    Args:
        directions: how many random lines; where "max" starts from.
        p: the power, at least 1.
        kind: random lines, the line of the largest distance found (max), or the coordinates (axes).
        seed: fixes the lines; none draws new ones each time.
        closed_form: use the quantiles of the prior where they are known.
    """
    return Sliced(directions, p, kind, seed, closed_form)


def cramer_wold(smoothing: float | None = None, log: bool = False) -> CramerWold:
    """Cramer-Wold distance: squared L^2 distance of smoothed projections, averaged over all directions in closed form.

    Args:
        smoothing: the variance that smooths; none takes (4 / (3 n))^(2/5).
        log: the logarithm of the distance, as the paper trains with.
    """
    return CramerWold(smoothing, log)


def frechet() -> Frechet:
    """Squared W_2 of the Gaussians fitted to two samples; on features it is the FID. It compares two moments only."""
    return Frechet()


def entropic(
    cost: Annotated[Choice, COSTS] = "square",
    epsilon: float = 0.05,
    relative: bool = True,
    debiased: bool = True,
    tolerance: float = 1e-4,
) -> Entropic:
    """Sinkhorn divergence: entropic transport, less half of each sample against itself.

    Args:
        cost: how points are compared.
        epsilon: the regularisation: how far plans are blurred.
        relative: epsilon is a multiple of the mean cost across, taken as fixed by the gradient; off, absolute.
        debiased: take the halves of each sample against itself off.
        tolerance: marginal error at which the plans have converged.
    """
    return Entropic(make(COSTS, cost, "cost"), epsilon, relative, debiased, tolerance)


def exact(cost: Annotated[Choice, COSTS] = "square") -> Exact:
    """Exact transport between the samples, never rooted: for the square cost W_2^2, by linear programming.

    Args:
        cost: how points are compared.
    """
    return Exact(make(COSTS, cost, "cost"))


DISCREPANCIES: dict[str, Callable[..., Discrepancy]] = {
    "mmd": mmd,
    "energy-distance": energy_distance,
    "sliced": sliced,
    "cramer-wold": cramer_wold,
    "entropic": entropic,
    "exact": exact,
    "frechet": frechet,
    "covariance": Covariance,
    "adversarial": adversarial,
}

__all__ = [
    "BALLS",
    "DISCREPANCIES",
    "FEATURE_GAMES",
    "GAMES",
    "LIPSCHITZ",
    "MMD",
    "R1",
    "Adversarial",
    "Ball",
    "Clip",
    "Covariance",
    "CramerWold",
    "Discrepancy",
    "Entropic",
    "Exact",
    "FDivergence",
    "Frechet",
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
    "Sliced",
    "Spectral",
    "Witness",
    "floor",
    "interval",
    "ipm",
    "two_sample_test",
]
