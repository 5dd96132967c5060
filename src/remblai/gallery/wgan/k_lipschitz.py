"""The class of K-Lipschitz functions gives K W1, and clipped weights give no K that is worth its name."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from remblai.critics.adversarial import Adversarial
from remblai.critics.games import Kantorovich
from remblai.critics.lipschitz import Clip
from remblai.distances import wasserstein
from remblai.distances.integral_probability import Lipschitz, Witness, ipm
from remblai.gallery.entry import Entry, between, equal
from remblai.networks.mlp import mlp
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

REAL = np.array([-3.0, -1.0, 1.0, 3.0])
MODEL = np.array([-2.0, 0.0, 2.0])
GRID = np.linspace(-3.5, 3.5, 1401)
CONSTANTS = (0.25, 0.5, 1.0, 2.0, 4.0)
CLIPS = (0.1, 0.2, 0.4, 0.8)
WIDTH, STEPS = 16, 200


def k_lipschitz() -> Entry:
    """sup over K-Lipschitz f of E_P f - E_Q f = K W1, and how loosely a clip of the weights holds K."""
    distance = wasserstein(REAL, MODEL, 1.0)
    witnesses = {k: ipm(Lipschitz(k), REAL, MODEL) for k in CONSTANTS}
    critics = [clipped(bound) for bound in CLIPS]
    checks = (
        equal("W1", distance, 1.0),
        *(equal(f"sup over K = {k:g}", found.value, k * distance) for k, found in witnesses.items()),
        *(equal(f"steepest slope for K = {k:g}", steepest(found(GRID)), k) for k, found in witnesses.items()),
        between("a critic's slope over its layers' norms, largest", max(c.slope / c.norms for c in critics), 0.0, 1.0),
        between(
            "its slope over what the clip alone allows, largest", max(c.slope / c.allowed for c in critics), 0.0, 0.5
        ),
        between("share of K W1 that it reaches at its own slope, largest", max(c.share for c in critics), 0.0, 0.7),
        between("slope at the loosest clip over that at the tightest", critics[-1].slope / critics[0].slope, 1000.0),
    )
    picture = Picture.chart(
        "k-lipschitz",
        "What a constant does, and what a clip does",
        "Left: the best potentials for five constants are one zigzag, stretched; the bars are the places of the data "
        "and of the model. Right: a critic of three hidden layers, trained with its weights clipped to [-c, c]: its "
        "steepest slope, the product of its layers' spectral norms, and what the clip alone allows.",
        "Left, five zigzag potentials of slopes 1/4 to 4; right, slopes and their bounds against the clip, on log axes",
        draw,
        witnesses=witnesses,
        critics=critics,
    )
    return Entry(
        title="K-Lipschitz critics measure K times W1",
        words="The best K-Lipschitz function between two sets of points on the line is found exactly for five K: it is "
        "one zigzag, stretched, and its value is K times W1, so that a critic's unknown K only scales the generator's "
        "gradient. A clip of the weights does not fix that K: it allows a slope of c to the fourth power times "
        f"{allowed(1.0):,.0f}, a trained critic has a fraction of that, and eight times the clip makes its slope more "
        "than a thousand times steeper. Even at its own slope this critic reaches no more than seven tenths of W1: it "
        "does not turn as often as the zigzag does.",
        checks=checks,
        pictures=(picture,),
        source="Villani, “Optimal transport: old and new” (2009), chapter 5, on the duality; Arjovsky, "
        "Chintala, Bottou, “Wasserstein GAN”, section 3, arXiv 1701.07875",
    )


@dataclass(frozen=True)
class Critic:
    """A trained critic under a clip.

    Attributes:
        clip: the largest weight.
        slope: its steepest slope.
        norms: the product of its layers' spectral norms, which bounds the slope.
        allowed: the largest such product that the clip leaves.
        share: what it reaches of slope * W1.
    """

    clip: float
    slope: float
    norms: float
    allowed: float
    share: float


def clipped(bound: float) -> Critic:
    """Trains a small critic with its weights clipped to [-bound, bound]."""
    x, y, places = (torch.from_numpy(one)[:, None] for one in (REAL, MODEL, GRID))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        critic = mlp(1, 1, width=WIDTH, depth=3).double()
    game = Adversarial(critic, Kantorovich(), Clip(bound))
    parameters = list(critic.parameters())
    for _ in range(STEPS):
        slopes = torch.autograd.grad(game.adversary_loss(x, y), parameters)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter.sub_(0.05 * bound * slope.sign())  # what RMSProp does, without its memory
        game.project()
    with torch.no_grad():
        steep = steepest(critic(places)[:, 0].numpy())
        norms = float(torch.stack([spectral(layer.weight) for layer in critic if isinstance(layer, nn.Linear)]).prod())
    share = float(game.estimate(x, y)) / (steep * float(wasserstein(REAL, MODEL, 1.0)))
    return Critic(bound, steep, norms, allowed(bound), share)


def spectral(weight: Tensor) -> Tensor:
    """The largest singular value."""
    largest: Tensor = torch.linalg.matrix_norm(weight, 2)
    return largest


def allowed(bound: float) -> float:
    """The product of the spectral norms when every weight is at its bound, of layers 1 x w, w x w, w x w and w x 1."""
    return bound**4 * WIDTH**3


def steepest(values: NDArray[np.float64]) -> float:
    """The steepest slope between neighbours of the grid."""
    return float(np.max(np.abs(np.diff(values) / np.diff(GRID))))


def draw(witnesses: dict[float, Witness], critics: list[Critic], *, theme: Theme) -> bytes:
    """The potentials, and the slopes against the clip."""
    with typeset():
        figure, (left, right) = chart(3.6, columns=2, theme=theme, width=9.8)
        for k, witness in witnesses.items():
            values = witness(GRID) - witness(np.zeros(1))
            left.plot(GRID, values, color=theme.data, linewidth=1.5, alpha=0.35 + 0.65 * np.log2(4 * k) / 4)
            left.text(-3.6, values[0], f"K = {fraction(k)}", color=theme.data, size=8.5, ha="right", va="center")
        left.plot(REAL, np.full(4, -1.1), "|", color=theme.data, markersize=11, markeredgewidth=2)
        left.plot(MODEL, np.full(3, -1.8), "|", color=theme.model, markersize=11, markeredgewidth=2)
        left.text(3.25, -1.1, "data", color=theme.data, size=8.5, va="center")
        left.text(3.25, -1.8, "model", color=theme.model, size=8.5, va="center")
        left.set(xlabel="place", ylabel="potential f", yticks=(0, 2, 4, 6), xlim=(-4.6, 4.1), xticks=(-2, 0, 2))
        lines = {
            "allowed by the clip": ([c.allowed for c in critics], theme.quiet, ":"),
            "product of norms": ([c.norms for c in critics], theme.ink, "--"),
            "steepest slope": ([c.slope for c in critics], theme.model, "-"),
        }
        for name, (values, colour, style) in lines.items():
            right.loglog(CLIPS, values, style, color=colour, marker="o", markersize=4, linewidth=1.5)
            right.text(0.86, values[-1], name, color=colour, size=8.5, va="center")
        right.set(xlabel="clip c of the weights", ylabel="slope", xlim=(0.09, 2.2), yticks=(0.1, 1, 10, 100, 1000))
        right.set_xticks(CLIPS, [f"{c:g}" for c in CLIPS])
        right.minorticks_off()
        return png(figure)


def fraction(k: float) -> str:
    """1/4 instead of 0.25."""
    return f"{k:g}" if k >= 1.0 else f"1/{1 / k:g}"
