"""Four points in a latent plane: posteriors that a Gaussian encoder cannot have, and adversarial Bayes can."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.special import digamma
from scipy.stats import chi2
from torch import Tensor

from remblai.gallery.entry import Entry, Finding, between, equal
from remblai.gallery.wae.latent_plane import NINE_TENTHS
from remblai.objectives import AutoEncoder
from remblai.recipes import Recipe
from remblai.recipes.variational import avb, vae
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runs.in_memory import train_objective
from remblai.runtime.rng import seeded

Floats = NDArray[np.float64]

POINTS = torch.eye(4).reshape(4, 1, 2, 2)
"""The data: images of 2 x 2 pixels, one of them lit."""
OPTIONS: dict[str, Any] = {"latent": 2, "network": {"name": "mlp", "width": 64}, "decoder": "bernoulli"}
BATCH = 200
PLAIN: dict[str, Any] = {"penalty": {"name": "joint", "contrast": False}}
"""No contrast: these posteriors are as wide as a quarter of the prior, and the critic manages them whole."""
STEPS = {"VAE": 1200, "AVB": 2500}
DRAWS = 3000
REACH = 3.4
GRID = torch.linspace(-7.0, 7.0, 421, dtype=torch.float64)
BEST = -math.log(4.0)
"""The most that the mean log-likelihood of four equally likely binary images can be."""


@dataclass(frozen=True)
class Trial:
    """A trained model with draws of its posteriors.

    Attributes:
        model: its averaged weights.
        codes: draws of each point's posterior, (draws, 4, 2).
    """

    model: AutoEncoder
    codes: Tensor

    @cached_property
    def joint(self) -> Tensor:
        """log p(x, z) at each point and place of the grid, (4, places), from the decoder alone."""
        z = torch.cartesian_prod(GRID, GRID)
        log_prior = -0.5 * z.square().sum(1) - math.log(2.0 * math.pi)
        with torch.no_grad():
            law = self.model.decoder(z.float())
            likelihoods = [law.log_prob(point.expand(len(z), 1, 2, 2)).double() for point in POINTS]
        return torch.stack(likelihoods) + log_prior

    def log_likelihood(self) -> float:
        """The mean of log p(x) over the four points, p(x) the integral of p(x|z) p(z) over the plane."""
        area = 2.0 * math.log(float(GRID[1] - GRID[0]))
        return float((self.joint.logsumexp(1) + area).mean())

    def posterior(self) -> Tensor:
        """The exact p(z|x) on the grid, as masses of its cells (4, side, side)."""
        return self.joint.softmax(1).reshape(4, len(GRID), len(GRID))

    def skewness(self) -> list[float]:
        """Mardia's statistic of each posterior: for a Gaussian its law is chi-squared, with 4 degrees of freedom."""
        return [mardia(codes) for codes in self.codes.double().unbind(1)]

    def divergence(self) -> float:
        """The mean KL(Q(Z|X) || P_Z), from the entropy of nearest neighbours."""
        return float(np.mean([nearest_neighbour_kl(codes.numpy()) for codes in self.codes.double().unbind(1)]))

    @torch.no_grad()
    def penalty_estimate(self) -> float:
        """The same divergence by the penalty, in the mean over many draws."""
        penalty, x = self.model.penalty, POINTS.repeat(1000, 1, 1, 1)
        assert penalty is not None
        with seeded(2):
            return float(penalty(self.model.encode(x), self.model.prior()))


def four_points(steps: dict[str, int] | None = None) -> Entry:
    """The VAE's posteriors of four points are Gaussian and AVB's are not, and AVB's decoder is the likelier.

    Args:
        steps: of each training, by name.
    """
    counts = STEPS if steps is None else steps
    one, other = (
        trial(vae, counts["VAE"], OPTIONS),
        trial(avb, counts["AVB"], OPTIONS | PLAIN),
    )
    sure = float(chi2.isf(1e-6, 4))
    likelihoods = {"VAE": one.log_likelihood(), "AVB": other.log_likelihood()}
    checks = (
        between("VAE: largest skewness of a posterior (Mardia's statistic)", max(one.skewness()), high=sure),
        between("AVB: smallest skewness of a posterior", min(other.skewness()), low=10.0 * sure),
        between("AVB: mean log p(x), which is −log 4 at most", likelihoods["AVB"], likelihoods["VAE"], BEST),
        between("AVB's lead over the VAE in log p(x), nats", likelihoods["AVB"] - likelihoods["VAE"], low=0.1),
        equal("VAE: its divergence, and by nearest neighbours", one.penalty_estimate(), one.divergence(), 0.1),
        equal(
            "AVB: the divergence that its critic estimates, and by nearest neighbours",
            other.penalty_estimate(),
            other.divergence(),
            0.2,
        ),
    )
    trials = {"VAE": one, "AVB": other}
    printed = {name: f"{value:.3f}".replace("-", "−") for name, value in likelihoods.items()}
    titles = {name: f"{name}: mean log p(x) {value}" for name, value in printed.items()}
    drawn = Picture.chart(
        "four-points",
        "What the encoders answer",
        f"{DRAWS:,} draws of each point's posterior Q(Z|X), a colour for each point. Four Gaussians leave gaps between "
        "them or overlap; the black-box encoder's laws fit each other like the slices of a cake.",
        "Two planes of points in four colours: round clouds for the VAE, four sectors of a disc for AVB",
        draw_codes,
        trials=trials,
        titles=titles,
    )
    exact = Picture.chart(
        "four-points-exact",
        "What they should have answered",
        "The exact posterior p(z|x) of each decoder, by Bayes' rule on a grid. The Gaussian encoder has kept its "
        "decoder to blurred borders; the other lets it be sure nearly everywhere.",
        "The exact posteriors of both decoders as four coloured regions each",
        draw_exact,
        trials=trials,
        titles=titles,
    )
    return Entry(
        title="Posteriors of any shape",
        words="Four images of four pixels, one of them lit in each, are given codes in the plane by a VAE and by "
        "adversarial variational Bayes, with the same decoder. The best posteriors would cut the prior into four equal "
        "parts without a gap or an overlap: a Gaussian encoder cannot, an encoder that passes noise through a network "
        "can, with its divergence estimated by a critic, in twice the steps. No model can have a mean log p(x) above "
        f"−log 4 = −{-BEST:.3f}.",
        checks=checks,
        pictures=(drawn, exact),
        source="Mescheder, Nowozin and Geiger, “Adversarial variational Bayes”, section 6.1, arXiv 1701.04722",
        findings=(
            Finding(
                "The implicit encoder's posteriors are not Gaussian, and the decoder gains by it: the mean log p(x), "
                f"integrated over the plane, is {printed['AVB']} against the VAE's {printed['VAE']}.",
                ("VAE: largest skewness", "AVB: smallest skewness", "AVB's lead"),
            ),
        ),
    )


def trial(recipe: Recipe, steps: int, options: dict[str, Any]) -> Trial:
    """A recipe's model trained on the four points, and its encoder's posteriors; leaves the global generator alone."""
    with seeded(0):
        loop = {**recipe.loop, "batch_size": BATCH, "steps": steps}
        model = train_objective(recipe(POINTS.shape[1:], **options), loop, even)
        assert isinstance(model, AutoEncoder)
        with torch.no_grad():
            return Trial(model, model.encoder(POINTS).sample((DRAWS,)))


def even(size: int) -> Iterator[Tensor]:
    """The four points, each a quarter of a batch."""
    return itertools.repeat(POINTS.repeat(size // 4, 1, 1, 1))


def mardia(points: Tensor) -> float:
    """n / 6 times the mean cube of (x_i - m)' S^-1 (x_j - m) over all pairs of points (n, d), S their covariance."""
    centred = points - points.mean(0)
    root = torch.linalg.cholesky(torch.cov(centred.T, correction=0))
    white = torch.linalg.solve_triangular(root, centred.T, upper=False)
    return float((white.T @ white).pow(3).mean()) * len(points) / 6.0


def nearest_neighbour_kl(points: Floats, k: int = 5) -> float:
    """KL from the standard normal law, of the law that the points (n, 2) are from, nats.

    E log q by the distance r to the k-th neighbour: psi(k) - psi(n) - log(pi r^2), in the mean.

    Source: Kozachenko and Leonenko (1987).
    """
    reach = KDTree(points).query(points, k + 1)[0][:, k]
    log_q = digamma(k) - digamma(len(points)) - np.log(np.pi * reach**2)
    log_p = -0.5 * np.square(points).sum(1) - math.log(2.0 * math.pi)
    return float((log_q - log_p).mean())


def draw_codes(trials: dict[str, Trial], titles: dict[str, str], *, theme: Theme) -> bytes:
    """Draws of every posterior."""
    with typeset():
        figure, panels = chart(5.2, columns=2, theme=theme, width=9.8)
        for axes, (name, one) in zip(panels, trials.items(), strict=True):
            colours = np.repeat(np.array(theme.classes[:4])[None], DRAWS, axis=0)
            first, second = one.codes.reshape(-1, 2).T.numpy()
            axes.scatter(first, second, s=3, c=colours.ravel().tolist(), alpha=0.35, linewidths=0)
            _framed(axes, titles[name], theme)
        return png(figure)


def draw_exact(trials: dict[str, Trial], titles: dict[str, str], *, theme: Theme) -> bytes:
    """The exact posteriors: a place has the colour of the point that it belongs to, as strong as the prior is there."""
    with typeset():
        figure, panels = chart(5.2, columns=2, theme=theme, width=9.8)
        colours = torch.tensor([to_rgb(colour) for colour in theme.classes[:4]], dtype=torch.float64)
        edge = float(GRID[-1])
        for axes, (name, one) in zip(panels, trials.items(), strict=True):
            masses = one.posterior()
            share = masses / masses.sum(0)
            strength = (masses.sum(0) / masses.sum(0).max()).sqrt()
            picture = torch.cat([torch.einsum("pij,pc->jic", share, colours), strength.T[..., None]], dim=2)
            axes.imshow(picture.numpy(), origin="lower", extent=(-edge, edge, -edge, edge), interpolation="bilinear")
            _framed(axes, titles[name], theme)
        return png(figure)


def _framed(axes: Axes, title: str, theme: Theme) -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 200)
    axes.plot(NINE_TENTHS * np.cos(angle), NINE_TENTHS * np.sin(angle), color=theme.quiet, linewidth=0.8)
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    axes.set(xlabel="first coordinate of the code", ylabel="second coordinate", title=title)
    axes.title.set(color=theme.ink, size=10)
