"""Maximum likelihood is the least KL: finite on common points, infinite on manifolds, and what noise makes of it."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import comb, ndtri
from torch.distributions import Normal

from remblai.distances import kullback_leibler, wasserstein
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

PLACES = np.arange(7.0)
DATA = np.array([0.05, 0.10, 0.10, 0.15, 0.20, 0.25, 0.15])
ENTROPY = float(-(DATA * np.log(DATA)).sum())
BEST = float(DATA @ PLACES) / 6.0
"""The chance of the most likely binomial law: its mean, 6 times the chance, is the data's."""
CHANCES = np.linspace(0.3, 0.85, 111)
SHIFTS = np.linspace(-0.5, 0.5, 201)
NOISES = (0.1, 0.2, 0.4)
WIDTHS = np.geomspace(0.02, 1.0, 200)
ERRORS = (0.1, 0.2, 0.4)
Floats = NDArray[np.float64]


def maximum_likelihood() -> Entry:
    """argmax of the likelihood = argmin of KL; on two lines KL is infinite, and noise trades place for blur."""
    gaps = np.array([loss(chance) - divergence(chance) for chance in CHANCES])
    blurs = {theta: lowest(partial(blurred, theta), 0.01, 1.0) for theta in ERRORS}
    checks = (
        equal("the chance of the most likely binomial law", lowest(loss, 0.01, 0.99), BEST, 1e-6),
        equal("the chance of the one with the least KL", lowest(divergence, 0.01, 0.99), BEST, 1e-6),
        equal("−E log p − KL, least over the family", gaps.min(), ENTROPY, 1e-12),
        equal("−E log p − KL, largest over the family", gaps.max(), ENTROPY, 1e-12),
        equal("KL of two lines, 0.2 apart", lines(0.2)[0], float("inf")),
        equal("KL of a line and itself", lines(0.0)[0], 0.0),
        equal("W1 of two lines, 0.2 apart", lines(0.2)[1], 0.2),
        *(equal(f"KL of lines 0.3 apart, both blurred by {s:g}", smooth(0.3, s), 0.045 / s**2) for s in NOISES),
        *(equal(f"most likely blur of a model {theta:g} off", found, theta, 1e-5) for theta, found in blurs.items()),
        between("W1 of a model 0.2 off, at its most likely blur, over 0.2", far(0.2, blurs[0.2]) / 0.2, 1.15, 1.18),
    )
    picture = Picture.chart(
        "maximum-likelihood",
        "Likelihood, KL, and noise",
        "Left: the mean negative log-likelihood is KL plus the entropy of the data. Middle: two lines at a distance θ, "
        "both blurred by σ: KL depends on the blur as much as on the distance, W on the distance alone. Right: only "
        "the model is blurred; dots mark its most likely blur, which is the error θ of its place.",
        "Three charts: two parallel curves over a binomial's chance, parabolas and |θ|, and losses over the blur",
        draw,
        blurs=blurs,
    )
    return Entry(
        title="Maximum likelihood, and what noise does to it",
        words="For laws on the same points the mean negative log-likelihood is KL plus the entropy of the data, so "
        "that both have one minimiser; for data and a model on two parallel lines KL is infinite wherever the lines "
        "differ, and points nowhere. Gaussian noise of width σ across both lines makes KL finite, θ²/2σ², a number of "
        "the noise as much as of the error, while W stays |θ|. If the model alone is blurred, the likelihood is "
        "finite too, but a model that is θ off does best at σ = |θ|, where log σ + θ²/2σ² is least: it is paid for "
        "blur that the data have not, and its W to the data has grown by a sixth.",
        checks=checks,
        pictures=(picture,),
        source="Arjovsky, Chintala, Bottou, “Wasserstein GAN”, section 1, arXiv 1701.07875",
    )


def law(chance: float) -> Floats:
    """The binomial masses (7,)."""
    tries = len(PLACES) - 1
    return np.asarray(comb(tries, PLACES) * chance**PLACES * (1.0 - chance) ** (tries - PLACES))


def loss(chance: float) -> float:
    """The mean negative log-likelihood of the data."""
    return float(-(DATA * np.log(law(chance))).sum())


def divergence(chance: float) -> float:
    """KL of the data from the model."""
    return float(kullback_leibler(DATA, law(chance)))


def lowest(curve: Callable[[float], float], low: float, high: float) -> float:
    """Where a curve is least, by a search."""
    return float(minimize_scalar(curve, bounds=(low, high), method="bounded", options={"xatol": 1e-9}).x)


def lines(theta: float, points: int = 40) -> tuple[float, float]:
    """KL and W1 of the uniform laws on points (0, z) and (theta, z): KL by their masses on all of the places."""
    z = (np.arange(points) + 0.5) / points
    x, y = (np.stack([np.full(points, place), z], 1) for place in (0.0, theta))
    places = np.unique(np.concatenate([x, y]), axis=0)
    p, q = ((places[:, None] == one).all(-1).sum(1) / points for one in (x, y))
    return float(kullback_leibler(p, q)), float(wasserstein(x, y, 1.0))


def smooth(theta: float, sigma: float) -> float:
    """KL of N(0, sigma^2) from N(theta, sigma^2): of the lines, both blurred, for along them they agree."""
    here, there = (Normal(*torch.tensor([place, sigma], dtype=torch.float64)) for place in (0.0, theta))
    return float(kullback_leibler(here, there))


def blurred(theta: float, sigma: float) -> float:
    """−log of the density of N(theta, sigma^2) at 0, where all data are: log sigma + theta^2 / 2 sigma^2 + constant.

    Its derivative 1 / sigma − theta^2 / sigma^3 is 0 at sigma = |theta|.
    """
    return math.log(sigma) + theta**2 / (2.0 * sigma**2) + 0.5 * math.log(2.0 * math.pi)


def far(theta: float, sigma: float, points: int = 2000) -> float:
    """W1 across the lines, E|theta + sigma N|: from 0, where all data are, to the quantiles of N(theta, sigma^2)."""
    quantiles = theta + sigma * ndtri((np.arange(points) + 0.5) / points)
    return float(wasserstein(np.zeros(1), quantiles, 1.0))


def draw(blurs: dict[float, float], *, theme: Theme) -> bytes:
    """The loss and KL over the family; KL and W of blurred lines over their distance; the loss over the blur."""
    with typeset():
        figure, (left, middle, right) = chart(3.5, columns=3, theme=theme, width=9.8)
        for name, curve, colour in (("−E log p", loss, theme.model), ("KL", divergence, theme.data)):
            left.plot(CHANCES, [curve(chance) for chance in CHANCES], color=colour, linewidth=1.6)
            left.plot(BEST, curve(BEST), "o", color=colour, markersize=5)
            left.text(0.43, curve(0.45) - 0.08, name, color=colour, size=9, ha="right", va="top")
        ends = (BEST, divergence(BEST) + 0.07), (BEST, loss(BEST) - 0.07)
        left.annotate("", *ends, arrowprops={"arrowstyle": "<->", "color": theme.quiet, "linewidth": 0.9})
        left.text(BEST + 0.02, ends[0][1] + 0.8, "entropy of\nthe data", color=theme.quiet, size=8.5)
        left.set(xlabel="chance of the binomial law", ylabel="nats", ylim=(0.0, 3.6), xticks=(0.3, 0.5, 0.7))
        for sigma in NOISES:
            values = SHIFTS**2 / (2.0 * sigma**2)
            middle.plot(SHIFTS[values <= 1.0], values[values <= 1.0], color=theme.data, linewidth=1.4)
            end = min(2.0**0.5 * sigma, 0.5)
            middle.text(end, end**2 / (2.0 * sigma**2) + 0.02, f"{sigma:g}", color=theme.data, size=8.5, ha="center")
        middle.text(0.06, 1.02, "KL, σ =", color=theme.data, size=8.5, ha="right")
        middle.plot(SHIFTS, np.abs(SHIFTS), color=theme.model, linewidth=1.8)
        middle.text(0.44, 0.37, "W", color=theme.model, size=9)
        middle.set(xlabel="distance θ of the lines", ylabel="KL in nats, W in units of θ", ylim=(0.0, 1.08))
        middle.set(xticks=(-0.5, 0.0, 0.5), yticks=(0.0, 0.5, 1.0))
        for theta, best in blurs.items():
            values = np.array([blurred(theta, width) for width in WIDTHS])
            right.semilogx(WIDTHS[values <= 3.0], values[values <= 3.0], color=theme.model, linewidth=1.4)
            right.plot(best, blurred(theta, best), "o", color=theme.model, markersize=5)
            right.text(WIDTHS[values <= 3.0][0], 3.06, f"{theta:g}", color=theme.model, size=8.5, ha="center")
        right.text(0.0245, 3.06, "θ =", color=theme.model, size=8.5, ha="right")
        right.set(
            xlabel="blur σ of the model",
            ylabel="−E log p in nats",
            ylim=(-1.3, 3.3),
            xlim=(0.011, 1.05),
            yticks=(-1, 0, 1, 2, 3),
        )
        right.minorticks_off()
        right.set_xticks((0.02, 0.1, 0.2, 0.4, 1.0), ["0.02", "0.1", "0.2", "0.4", "1"])
        return png(figure)
