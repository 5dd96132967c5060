"""The GAN's value at its best discriminator: 2 JS - 2 log 2, which a convex program finds too."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from remblai.critics import Logistic
from remblai.distances import jensen_shannon, line
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

PLACES = np.linspace(-12.0, 12.0, 241)
SHIFTS = np.arange(0.0, 10.25, 0.25)
"""How far apart the bumps are, in their standard deviations."""
SHOWN = (1.5, 9.0)
"""Shifts of which the picture shows the discriminator."""
FLOOR = -2.0 * math.log(2.0)
TENTHS = np.array([[1, 2, 1, 2, 1, 2, 1], [1, 1, 1, 1, 1, 1, 4]])
"""Two laws on seven places, in tenths."""
STEP = 1e-4
"""Of finite differences in the shift."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bumps:
    """Two normal bumps on the places, `shift` apart, as weights that sum to 1."""

    shift: float

    @property
    def laws(self) -> tuple[Floats, Floats]:
        """The weights p of the data and q of the model: (k,) each."""
        heights = [np.exp(-0.5 * (PLACES - side * self.shift / 2.0) ** 2) for side in (-1.0, 1.0)]
        p, q = (one / one.sum() for one in heights)
        return p, q


def optimal_discriminator() -> Entry:
    """The value at D* = p / (p + q) is 2 JS - 2 log 2; logistic regression reaches it; it flattens as JS saturates."""
    pairs = [Bumps(float(shift)).laws for shift in SHIFTS]
    best = np.array([value(p, q, optimum(p, q)) for p, q in pairs])
    identity = np.array([2.0 * jensen_shannon(p, q) + FLOOR for p, q in pairs])
    trained = np.array([regression(p, q) for p, q in pairs])
    p, q = TENTHS / 10.0
    scores = torch.from_numpy(optimum(p, q))
    real, model = (torch.repeat_interleave(scores, torch.from_numpy(counts)) for counts in TENTHS)
    slopes = {shift: slope(shift) for shift in (2.0, 9.0)}
    checks = (
        equal("largest difference of the value at D* and 2 JS - 2 log 2", float(np.abs(best - identity).max()), 0.0),
        equal("largest difference of the trained value", float(np.abs(trained - identity).max()), 0.0, 1e-7),
        equal("value where the laws are equal, -2 log 2", best[0], -1.386294, 1e-6),
        between("value at the largest shift, close to 0", best[-1], -1e-5, 0.0),
        equal("JS there, log 2", jensen_shannon(*pairs[-1]), 0.693147, 1e-5),
        equal("seven points: value at D*", value(p, q, optimum(p, q)), 2 * 0.073671 - 1.386294, 2e-6),
        equal("seven points: estimate of the logistic game", float(Logistic().estimate(real, model)), 0.073671, 1e-6),
        between(
            "seven points: value of 1000 other discriminators, the best",
            best_of_others(p, q),
            high=value(p, q, optimum(p, q)),
        ),
        between("slope of the value in the shift, at shift 2", slopes[2.0][0], low=0.2),
        between("the same at shift 9", slopes[9.0][0], 0.0, 2e-4),
        equal("slope of W1 there", slopes[9.0][1], 1.0, 1e-6),
    )
    picture = Picture.chart(
        "optimal-discriminator",
        "The better the discriminator, the less it teaches",
        "Left: the value of the game at its best discriminator, by the formula (line) and by training (dots), as two "
        "bumps move apart: it climbs to 0 and stays. Right: that discriminator over the two laws. Near each other it "
        "has a slope where the model lies; far apart it is flat there, and the model gets no gradient.",
        "The value of the game against the shift, and the optimal discriminator at two shifts",
        draw,
        identity=identity,
        trained=trained,
    )
    return Entry(
        title="The optimal discriminator sees Jensen-Shannon, and then nothing",
        words="For known laws p and q the best discriminator is p / (p + q), and the game's value at it is "
        "2 JS \N{MINUS SIGN} 2 log 2; a logistic regression, which is a convex program, is trained to the same number. "
        "As the two bumps move apart the value climbs from \N{MINUS SIGN}2 log 2 to 0 and stays there, while W1 goes "
        "on at slope 1. A GAN whose discriminator is trained to its optimum therefore learns least when its model is "
        "furthest from the data.",
        checks=checks,
        pictures=(picture,),
        source="Goodfellow et al., “Generative adversarial nets” (2014), theorem 1, arXiv 1406.2661",
    )


def optimum(p: Floats, q: Floats) -> Floats:
    """The logit log(p / q) of D* = p / (p + q), for positive weights."""
    return np.log(p) - np.log(q)


def value(p: Floats, q: Floats, logits: Floats) -> float:
    """sum p log D + q log(1 - D), of which the discriminator D, given by its logits, wants the most."""
    return float(p @ log_expit(logits) + q @ log_expit(-logits))


def regression(p: Floats, q: Floats) -> float:
    """The best value of the discriminators whose logit is a + b x, by a convex program."""
    features = np.stack([np.ones_like(PLACES), PLACES])

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = weights @ features
        return -value(p, q, logits), features @ ((p + q) * expit(logits) - p)

    found = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9})
    return -float(found.fun)


def best_of_others(p: Floats, q: Floats) -> float:
    """The best value of 1000 random discriminators around D*."""
    rng = np.random.default_rng(0)
    logits = optimum(p, q) + rng.normal(size=(1000, 1)) * rng.normal(size=(1000, len(p)))
    return max(value(p, q, one) for one in logits)


def slope(shift: float) -> tuple[float, float]:
    """The derivatives in the shift of the value at D* and of W1, by central differences."""
    (p, q), (lower_p, lower_q) = Bumps(shift + STEP).laws, Bumps(shift - STEP).laws
    steps = value(p, q, optimum(p, q)) - value(lower_p, lower_q, optimum(lower_p, lower_q))
    further, nearer = (
        line.plan(PLACES, PLACES, 1, a=a, b=b).value for a, b in ((p, q), (lower_p, lower_q))
    )  # fmt: skip
    return steps / (2.0 * STEP), float(further - nearer) / (2.0 * STEP)


def draw(identity: Floats, trained: Floats, *, theme: Theme) -> bytes:
    """The value against the shift, and the discriminator at a few shifts."""
    with typeset():
        figure, (left, *others) = chart(3.3, columns=1 + len(SHOWN), theme=theme, width=9.8)
        _value(left, identity, trained, theme)
        for axes, shift in zip(others, SHOWN, strict=True):
            _discriminator(axes, shift, theme)
        others[0].set_ylabel("D*(x), the probability that x is data")
        return png(figure)


def _value(axes: Axes, identity: Floats, trained: Floats, theme: Theme) -> None:
    axes.axhline(0.0, color=theme.quiet, lw=1, ls=(0, (2, 3)))
    axes.plot(SHIFTS, identity, color=theme.data, lw=2)
    axes.plot(SHIFTS[::3], trained[::3], "o", color=theme.model, ms=4.5, clip_on=False, zorder=4)
    axes.text(3.0, -0.72, "2 JS \N{MINUS SIGN} 2 log 2", color=theme.data, size=10.5, weight="bold")
    axes.text(2.4, -0.98, "dots: trained,\nlogistic regression", color=theme.model, size=9.5, va="top")
    axes.text(10, 0.03, "JS = log 2: no slope", color=theme.quiet, size=9, ha="right", va="bottom")
    axes.set(xlim=(0, 10), ylim=(FLOOR - 0.05, 0.18), xlabel="shift of the bumps, standard deviations")
    axes.set_ylabel("value of the game at its best D")
    axes.set_yticks([FLOOR, -1.0, -0.5, 0.0], ["\N{MINUS SIGN}2 log 2", "\N{MINUS SIGN}1", "\N{MINUS SIGN}½", "0"])


def _discriminator(axes: Axes, shift: float, theme: Theme) -> None:
    laws = Bumps(shift).laws
    for law, colour, name, side in zip(
        laws, (theme.data, theme.model), ("data", "model"), ("right", "left"), strict=True
    ):
        axes.fill_between(PLACES, 0.5 * law / law.max(), color=colour, alpha=0.25, lw=0)
        middle = PLACES[law.argmax()] + (0.7 if side == "left" else -0.7)
        axes.text(middle, 0.44, name, color=colour, size=10, weight="bold", ha=side)
    axes.plot(PLACES, expit(optimum(*laws)), color=theme.ink, lw=1.8)
    axes.set_title(f"shift {shift:g}", color=theme.ink, size=10)
    axes.set(xlim=(-9, 9), ylim=(-0.02, 1.1), xlabel="x", xticks=[-6, 0, 6], yticks=[0, 0.5, 1])
