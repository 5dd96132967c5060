"""One knob: the weight of a code penalty and the variance of a Gaussian decoder."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.data import Dataset, load
from remblai.discrepancies import Sliced
from remblai.gallery.entry import Entry, Finding, between
from remblai.gallery.wae.latent_plane import trained
from remblai.laws.decoders import Gaussian
from remblai.objectives import AutoEncoder
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runs.resolve import resolve
from remblai.runtime.rng import seeded

DEVIATIONS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""The knob: s, the deviation of the decoder's noise; the weight is 2 s^2."""
STEPS = 600
OPTIONS: dict[str, Any] = {"latent": 2, "network.width": 64}
PENALTIES = ("adversarial", "mmd")
"""The gradients are compared under both; the models are trained under the second, which no game disturbs."""
TESTED = 2000


@dataclass(frozen=True)
class Slope:
    """One step's gradients of both recipes at the same weights, batch and noise.

    Attributes:
        difference: the largest difference between AAE's gradient and POT's over 2 s^2, in units of the largest entry.
        constant: what is between the losses, AAE's less POT's over 2 s^2.
    """

    difference: float
    constant: float


def one_knob(steps: int = STEPS) -> Entry:
    """POT at weight 2 s^2 and AAE with decoder variance s^2: the same gradient but for a factor, and the same models.

    Args:
        steps: of each training.
    """
    data = load("ring")
    slopes = {(s, penalty): slope(s, data.test[:100], penalty) for s in DEVIATIONS for penalty in PENALTIES}
    found = {name: np.array([measured(fitted(name, s, data, steps), data) for s in DEVIATIONS]) for name in OF}
    pot, aae = found["POT"], found["AAE"]
    gaps = np.abs(np.log(aae / pot)).max(0)
    checks = (
        between(
            "largest difference of the gradients, AAE's and POT's over 2s²",
            max(s.difference for s in slopes.values()),
            high=1e-9,
        ),
        *(
            between(
                f"s = {s:g}, {penalty}: losses differ by log(2πs²), and rounding",
                abs(one.constant - math.log(2.0 * math.pi * s**2)),
                high=1e-9,
            )
            for (s, penalty), one in slopes.items()
        ),
        between("largest ratio of reconstruction errors at one s", float(np.exp(gaps[0])), high=1.05),
        between("largest ratio of code mismatches at one s", float(np.exp(gaps[1])), high=1.05),
        between(
            "reconstruction error at the ends of the knob, last over first", float(pot[-1, 0] / pot[0, 0]), low=10.0
        ),
        between("code mismatch at the ends of the knob, first over last", float(pot[0, 1] / pot[-1, 1]), low=5.0),
    )
    picture = Picture.chart(
        "one-knob",
        "Two recipes, one curve",
        "Each point is a model trained on the ring of eight Gaussians, with MMD on its codes: rings are POT at "
        "weight 2s², dots AAE with decoder variance s². A heavier weight, or a noisier decoder, "
        "gives up reconstruction for codes that follow the prior.",
        "Reconstruction error against code mismatch for two recipes: the points of one lie on those of the other",
        draw,
        found=found,
    )
    return Entry(
        title="The weight and the decoder's variance are one knob",
        words="Penalised optimal transport weighs the distance of codes and prior by λ against the squared error; the "
        "adversarial auto-encoder has no weight, but a Gaussian decoder of variance s². Both are trained from the same "
        "start at λ = 2s², under an optimiser that does not depend on a factor of the loss.",
        checks=checks,
        pictures=(picture,),
        source="Bousquet et al., “From optimal transport to generative modeling: the VEGAN cookbook”, arXiv 1705.07642",
        findings=(
            Finding(
                f"At λ = 2s² the gradient is that of POT divided by 2s², here to "
                f"{max(s.difference for s in slopes.values()):.0e} of the largest entry; the losses differ "
                "by a constant.",
                ("largest difference of the gradients", "s = "),
            ),
            Finding(
                "Both recipes trace one curve from sharp reconstructions to matched codes: the choice of a decoder's "
                "variance is the choice of the weight.",
                (
                    "largest ratio of reconstruction",
                    "largest ratio of code",
                    "reconstruction error at",
                    "code mismatch at",
                ),
            ),
        ),
    )


OF: dict[str, tuple[str, Any]] = {
    "POT": ("pot", lambda s: {"weight": 2.0 * s**2}),
    "AAE": ("aae", lambda s: {"decoder.variance": s**2}),
}
"""The recipe of each name, and its option at s."""


def fitted(name: str, s: float, data: Dataset, steps: int) -> AutoEncoder:
    """The recipe's model, trained."""
    recipe, option = OF[name]
    return trained(data, recipe, OPTIONS | {"penalty": PENALTIES[1]} | option(s), steps)


@torch.no_grad()
def measured(model: AutoEncoder, data: Dataset) -> tuple[float, float]:
    """The mean squared error of the decoder's mean, and W_2^2 between codes and prior, on points of the test set."""
    x = data.test[:TESTED]
    with seeded(0):
        z = model.encode(x).z
    error = (model.decoder(z).mean - x).square().sum(1).mean()
    return float(error), float(Sliced(kind="axes").to_law(z, model.prior()))


def slope(s: float, x: Tensor, penalty: str) -> Slope:
    """Both gradients at s under the penalty, in double precision, with the same weights and the same draws."""
    gradients, losses = [], []
    for recipe, option in OF.values():
        with seeded(0):
            model = resolve(recipe, OPTIONS | {"penalty": penalty} | option(s)).build(x.shape[1:]).double()
        assert isinstance(model, AutoEncoder)
        if isinstance(model.decoder, Gaussian):
            model.decoder.log_variance.fill_(2.0 * math.log(s))  # it was rounded to single precision
        with seeded(1):
            loss = sum(model(x.double()).values(), torch.zeros((), dtype=torch.float64))
        parts = torch.autograd.grad(loss, [*model.encoder.parameters(), *model.decoder.parameters()])
        gradients.append(torch.cat([part.flatten() for part in parts]))
        losses.append(float(loss.detach()))
    expected = gradients[0] / (2.0 * s**2)
    difference = (gradients[1] - expected).abs().max() / expected.abs().max()
    return Slope(float(difference), losses[1] - losses[0] / (2.0 * s**2))


def draw(found: dict[str, Any], *, theme: Theme) -> bytes:
    """The curve, with the knob at every point."""
    pot, aae = found["POT"], found["AAE"]
    with typeset():
        figure, (axes,) = chart(3.9, theme=theme)
        axes.plot(*pot.T, "o-", color=theme.data, mfc="none", ms=11, mew=1.6, lw=1.0)
        axes.plot(*aae.T, "o", color=theme.model, ms=4.5)
        for s, (error, away) in zip(DEVIATIONS, pot, strict=True):
            label = f"λ = {2.0 * s**2:g}, s² = {s**2:g}"
            axes.annotate(label, (error, away), (-10, -5), textcoords="offset points", ha="right", va="top", size=8.5)
            axes.texts[-1].set_color(theme.quiet)
        for height, (text, colour) in zip(
            (0.96, 0.90), (("○ POT, weight λ", theme.data), ("● AAE, variance s²", theme.model)), strict=True
        ):
            axes.text(0.98, height, text, color=colour, transform=axes.transAxes, ha="right", va="top", size=10)
        axes.set(xscale="log", yscale="log", xlim=(pot[0, 0] / 12.0, 2.0 * pot[-1, 0]))
        axes.set(xlabel="reconstruction error, E|x − G(z)|²", ylabel="$W_2^2$ of codes and prior")
        return png(figure)
