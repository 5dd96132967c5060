"""Three generators in two games with the critic constrained in several ways: what each is responsible for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from remblai import data
from remblai.config.registry import Choice
from remblai.costs import squared_distances
from remblai.critics import Game, Kantorovich, Logistic
from remblai.gallery.entry import Check, Entry, Finding, between
from remblai.gallery.wgan.drawn import legend
from remblai.gallery.wgan.images import digits
from remblai.gallery.wgan.watched import (
    CONVOLUTIONAL,
    GENERATORS,
    SIDE,
    Floats,
    Run,
    loop,
    objective,
    watch,
)
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

RATES: Mapping[str, float] = MappingProxyType({"DCGAN": 2e-3, "no batch norm": 2e-3, "MLP 512 × 4": 2e-4})
"""Of the generators, in every game: four times those of `js-estimate`, for here the last samples count."""
MLP = "MLP 512 × 4"
ACROSS, DOWN = 8, 3
"""Samples shown of a run."""


@dataclass(frozen=True)
class Way:
    """One way to train a generator.

    Attributes:
        game: the two players' losses.
        lipschitz: the critic's constraint.
        optimiser: of both players.
    """

    game: Game
    lipschitz: Choice
    optimiser: Literal["adam", "rmsprop"] = "adam"


CLIPPED, WGAN, FREE, R1, GAN = "WGAN, clip", "WGAN, penalty", "GAN", "GAN, R1", "GAN, penalty"
WAYS: Mapping[str, Way] = MappingProxyType({
    CLIPPED: Way(Kantorovich(), MappingProxyType({"name": "clip", "bound": 0.01}), "rmsprop"),
    WGAN: Way(Kantorovich(), "gradient-penalty"),
    FREE: Way(Logistic(), "free"),
    R1: Way(Logistic(), "r1"),
    GAN: Way(Logistic(), "gradient-penalty"),
})  # fmt: skip
"""The paper's WGAN first; then each game with the critic unconstrained or constrained alike."""
Key = tuple[str, str]


def robust_generators(rounds: int = 100, seeds: int = 3) -> Entry:
    """Samples of every generator in every way, their energy distances and classes, and what holds of the medians.

    Args:
        rounds: updates of each generator.
        seeds: runs of each.
    """
    each = [runs(rounds, seed) for seed in range(seeds)]
    far = {key: np.array([found[key].distances[-1] for found in each]) for key in each[0]}
    kinds = {key: np.array([classes(found[key].images) for found in each]) for key in each[0]}
    near = {key: float(np.median(values)) for key, values in far.items()}
    return Entry(
        title="Three generators: what is due to the game, and what to the critic's constraint",
        words="Three generators, a DCGAN, the same without batch normalisation and with as many filters in each layer, "
        "and a MLP, are trained against one critic for as many updates and critic steps: by the paper's WGAN, with "
        "clipped weights and RMSprop, and, under Adam at equal rates, in the Wasserstein and in the GAN's game with "
        "the critic unconstrained, damped at the data (R1) or held near slope 1 by the same gradient penalty. The "
        "figures are medians over the seeds of the squared energy distance of samples to held-out digits.",
        checks=checks(near),
        pictures=(
            Picture.chart(
                "robust-generators",
                "Three generators, five ways to train them",
                "Samples of the first seed, not chosen, and below them the median over the seeds of their squared "
                "energy distance to held-out digits and of the number of classes among them, at most 10.",
                "Fifteen sheets of small digits, five ways by three generators",
                sheets,
                images={key: run.images for key, run in each[0].items()},
                far=far,
                kinds=kinds,
            ),
            Picture.chart(
                "robust-generators-distances",
                "The distance by generator and way",
                "Squared energy distance of 720 samples to 360 held-out digits, on a log scale: one dot a seed.",
                "Dots in five colours over three generators",
                dots,
                far=far,
            ),
        ),
        source="Arjovsky, Chintala, Bottou, “Wasserstein GAN”, section 4.3 and figures 5 to 7, arXiv 1701.07875",
        findings=findings(near),
    )


def checks(near: Mapping[Key, float]) -> tuple[Check, ...]:
    """Ratios of the medians over the seeds, which say what is due to the game and what to the constraint."""
    over = {name: near[GAN, name] / near[WGAN, name] for name in GENERATORS}
    return (
        *(between(f"WGAN, penalty: energy distance, {name}", near[WGAN, name], high=0.5) for name in GENERATORS),
        *(between(f"clip over penalty, {name}", near[CLIPPED, name] / near[WGAN, name], 1.2) for name in GENERATORS),
        between("GAN unconstrained over penalised, MLP", near[FREE, MLP] / near[GAN, MLP], 3.0),
        between("the same over what the game is due, MLP", near[FREE, MLP] / near[GAN, MLP] / over[MLP], 1.2),
        between("GAN with the penalty, MLP: energy distance", near[GAN, MLP], high=1.0),
        *(
            between(f"GAN over WGAN, both penalised, {name}", over[name], 0.5, 2.5)
            for name in GENERATORS
            if name != MLP
        ),
        between(f"GAN over WGAN, both penalised, {MLP}", over[MLP], 1.5),
        between("GAN with R1 over WGAN with the penalty, MLP", near[R1, MLP] / near[WGAN, MLP], high=1.5),
        between("largest over least of the three generators, WGAN, penalty", _range(near, WGAN), high=2.0),
        between("largest over least of the three generators, GAN", _range(near, FREE), low=3.0),
    )


def findings(near: Mapping[Key, float]) -> tuple[Finding, ...]:
    """What the checks back, with the figures."""
    over = [f"{near[GAN, name] / near[WGAN, name]:.2g}" for name in GENERATORS]
    return (
        Finding(
            f"With the MLP the constraint decides most: unconstrained, the GAN's game comes to {near[FREE, MLP]:.2g}, "
            f"with the penalty to {near[GAN, MLP]:.2g}, a larger factor than between the games; with R1 it comes to "
            f"{near[R1, MLP]:.2g}, at most 1.5 times WGAN's {near[WGAN, MLP]:.2g}.",
            (
                "GAN unconstrained over penalised",
                "the same over what the game is due",
                "GAN with the penalty, MLP",
                "GAN with R1 over WGAN",
            ),
        ),
        Finding(
            f"With the same penalty the GAN's distance is {over[0]} and {over[1]} times WGAN's for the convolutional "
            f"generators and {over[2]} times for the MLP: that much is due to the game.",
            ("GAN over WGAN, both penalised",),
        ),
        Finding(
            f"WGAN with the penalty brings the three to within a factor of {_range(near, WGAN):.2g} of each other.",
            ("largest over least of the three generators, WGAN", "WGAN, penalty: energy distance"),
        ),
        Finding(
            "The paper's clipped weights come less near than the penalty with every generator, in as many updates.",
            ("clip over penalty",),
        ),
    )


def _range(near: Mapping[Key, float], way: str) -> float:
    values = [near[way, name] for name in GENERATORS]
    return max(values) / min(values)


def runs(rounds: int, seed: int) -> dict[Key, Run]:
    """One run of every generator in every way, by the names of both."""
    found = {}
    for way, played in WAYS.items():
        for name, network in GENERATORS.items():
            build = partial(objective, network, CONVOLUTIONAL, played.game, played.lipschitz)
            found[way, name] = watch(build, loop(RATES[name], rounds, played.optimiser), 1, seed, digits(SIDE))
    return found


def classes(images: Tensor) -> float:
    """How many classes of digits there are in images (n, 1, 16, 16): the exponential of the entropy of their shares.

    Each image counts as its nearest training digit's class: about 10 for digits, 1 where all are of one class.
    """
    labels = data.load("digits").train.labels
    assert labels is not None
    nearest = squared_distances(images.flatten(1), digits(SIDE).split("train").flatten(1)).argmin(1)
    shares = torch.bincount(labels[nearest]).double() / len(images)
    return math.exp(-float(torch.xlogy(shares, shares).sum()))


def sheets(
    images: Mapping[Key, Tensor], far: Mapping[Key, Floats], kinds: Mapping[Key, Floats], *, theme: Theme
) -> bytes:
    """A sheet of samples for every way (a row) and generator (a column), with its two figures."""
    with typeset():
        figure, panels = chart(7.6, rows=len(WAYS), columns=len(GENERATORS), theme=theme, width=9.8)
        for axes, (key, drawn) in zip(panels, images.items(), strict=True):
            way, name = key
            framed = pad(drawn[: ACROSS * DOWN, 0], (1, 1, 1, 1), value=math.nan)  # nothing is drawn between images
            rows = framed.reshape(DOWN, ACROSS, *framed.shape[1:]).transpose(1, 2)
            axes.imshow(rows.reshape(DOWN * framed.shape[1], -1).numpy(), cmap="gray", vmin=0.0, vmax=1.0)
            axes.set(xticks=[], yticks=[])
            for side in axes.spines.values():
                side.set_visible(False)
            label = f"energy {np.median(far[key]):.2f}, {np.median(kinds[key]):.1f} classes"
            axes.set_xlabel(label, color=theme.quiet, size=9)
            if way == next(iter(WAYS)):
                axes.set_title(name, loc="left", color=theme.ink, size=9.5, weight="bold")
            if name == next(iter(GENERATORS)):
                axes.set_ylabel(way, color=theme.ink, size=9.5, weight="bold")
        return png(figure)


def dots(far: Mapping[Key, Floats], *, theme: Theme) -> bytes:
    """The energy distances of all seeds, by generator, one colour a way."""
    with typeset():
        figure, (axes,) = chart(3.2, theme=theme)
        for number, way in enumerate(WAYS):
            colour = theme.classes[number]
            for place, name in enumerate(GENERATORS):
                values = far[way, name]
                axes.plot(
                    np.full(len(values), place + 0.14 * (number - (len(WAYS) - 1) / 2)),
                    values,
                    "o",
                    color=colour,
                    markersize=5,
                )
            axes.plot([], [], "o", color=colour, markersize=5, label=way)
        axes.set_yscale("log")
        axes.set_yticks((0.1, 0.2, 0.5, 1.0, 2.0, 5.0), ("0.1", "0.2", "0.5", "1", "2", "5"))
        axes.minorticks_off()
        axes.set_xticks(range(len(GENERATORS)), list(GENERATORS))
        axes.set(ylabel="squared energy distance", xlim=(-0.5, len(GENERATORS) - 0.5))
        legend(axes, theme)
        return png(figure)
