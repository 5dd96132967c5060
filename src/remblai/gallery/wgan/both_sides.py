"""W1 of one generator from both sides, by two recipes: `pot` above, `wgan` below, the linear program between."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from torch import Tensor, nn

from remblai import recipes
from remblai.critics import Adversarial
from remblai.data.toys import ring
from remblai.distances import emd
from remblai.gallery.descent import ascent
from remblai.gallery.entry import Check, Entry, Finding, between
from remblai.gallery.wgan.bracket import distances
from remblai.laws.pushed import places
from remblai.networks.mlp import mlp, perceptron
from remblai.networks.network import Network
from remblai.objectives import AutoEncoder
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runtime.rng import seeded
from remblai.training import State, steps

POINTS, DRAWS, CODES = 400, 3000, 12
"""Data, draws of the prior, and codes that the encoder draws of each datum."""
WIDTH = 64
ENCODER_STEPS, CRITIC_STEPS = 4000, 600
ENCODER_RATE, CRITIC_RATE = 4e-3, 1e-2
WEIGHT, BATCH = 15.0, 200
LOOKS = 4
"""How often the bound of `pot` is computed on the way."""
CLOSE = 0.05
REACH = 2.6


class Fixed(nn.Module):
    """The generator that is measured: a small random network of z (n, 2), never trained."""

    def __init__(self) -> None:
        super().__init__()
        with seeded(0):
            self.body = mlp(2, 2, width=32, activation=nn.Tanh).requires_grad_(False)

    def forward(self, z: Tensor) -> Tensor:
        """G(z): (n, 2)."""
        drawn: Tensor = 1.5 * self.body(z)
        return drawn


@dataclass(frozen=True)
class Bound:
    """What `pot` says after so many steps.

    Attributes:
        step: of the encoder's training.
        cost: E |X - G(Z~)|, the auto-encoder's.
        gap: W1(G#Q_Z, G#P_Z), by linear programming.
    """

    step: int
    cost: float
    gap: float

    @property
    def sum(self) -> float:
        """At least W1, by the triangle inequality."""
        return self.cost + self.gap


@dataclass(frozen=True)
class Witnesses:
    """Two finite laws, their W1, and what the two recipes say of it.

    Attributes:
        x: data (n, 2).
        y: G at draws of the prior (m, 2).
        reached: G at one code of each x (n, 2), after training.
        value: W1 of x and y, by linear programming.
        above: the bounds of `pot`, by step.
        below: the estimates of the critic of `wgan`, before each step and at the end.
    """

    x: Tensor
    y: Tensor
    reached: Tensor
    value: float
    above: list[Bound]
    below: list[float]


def both_sides(steps: int = ENCODER_STEPS, ascents: int = CRITIC_STEPS, draws: int = DRAWS) -> Entry:
    """The critic's estimate <= W1 <= the auto-encoder's cost + what its codes miss of the prior, within 5 %."""
    found = witnesses(steps, ascents, draws)
    value, last = found.value, found.above[-1]
    return Entry(
        title="W1 of one generator from both sides: the recipes pot and wgan",
        words=f"A generator G of {draws:,} draws of the prior and {POINTS} points of a ring are two finite laws, and "
        "their W1 is asked three ways. Above: the recipe pot with the Euclidean cost trains an encoder for this G; "
        "its cost, plus W1 between what G makes of the encoder's codes and of the prior's draws, is an upper bound at "
        "every step, of whose second part the penalty on the codes is to take care. Below: the critic of the recipe "
        "wgan, of orthogonal layers, is 1-Lipschitz whatever its weights, so that its estimate is a lower bound at "
        "every step. Between: a linear program. The entry bracket shows the same with an encoder that is a table and "
        "can close the upper gap; here the encoder is the network that the recipe pot trains.",
        checks=checks(found),
        pictures=(
            Picture.chart(
                "both-sides",
                "From above and from below",
                "Left: the estimate of wgan's critic and the bound of pot as they learn, the program's value and a "
                "band of 5 % around it; dotted, the cost alone, which is no bound. Right: the data, the generator's "
                "points, and a line from each datum to what G makes of one of its codes.",
                "Two curves and a horizontal line between them; points of a ring joined to a cloud",
                draw,
                found=found,
            ),
        ),
        source="Bousquet et al., “From optimal transport to generative modeling: the VEGAN cookbook”, theorem 1, arXiv "
        "1705.07642; Arjovsky, Chintala, Bottou, arXiv 1701.07875; the critic is Anil, Lucas and Grosse's, arXiv "
        "1811.05381",
        findings=(
            Finding(
                f"Both recipes end within 5 % of the program's W1, {value:.3g}: pot {100 * (last.sum / value - 1):.1f} "
                f"% above, {100 * last.gap / value:.1f} % of it what the codes miss of the prior; wgan "
                f"{100 * (1 - found.below[-1] / value):.1f} % below.",
                ("pot: last cost + gap", "wgan: last estimate"),
            ),
        ),
    )


def checks(found: Witnesses) -> tuple[Check, ...]:
    """That bounds are bounds at every step, and how near they come at the last."""
    value, above, below = found.value, found.above, found.below
    return (
        between("pot: last cost + gap, over W1", above[-1].sum / value, 1.0, 1.0 + CLOSE),
        between("wgan: last estimate over W1", below[-1] / value, 1.0 - CLOSE, 1.0 + 1e-6),
        between("pot: smallest cost + gap on the way, over W1", min(one.sum for one in above) / value, low=1.0),
        between("wgan: largest estimate on the way, over W1", max(below) / value, high=1.0 + 1e-6),
        between("pot: first cost + gap, over W1", above[0].sum / value, low=1.2),
    )


def witnesses(steps: int, ascents: int, draws: int = DRAWS) -> Witnesses:
    """Both recipes on the ring and the fixed generator."""
    generator = Fixed()
    x = ring().split("test")[:POINTS].float()
    y = generator(places(2, draws))
    above, reached = upper(generator, x, y, steps)
    return Witnesses(x, y, reached, w1(x, y), above, lower(generator, x, y, ascents))


def network(generator: Fixed) -> Network:
    """A perceptron as encoder, the fixed generator as decoder."""
    return Network((2,), perceptron((2,), width=WIDTH).encoder, lambda _: generator)


def upper(generator: Fixed, x: Tensor, y: Tensor, count: int) -> tuple[list[Bound], Tensor]:
    """Trains `pot` on x; its bound on the way, and G at one code of each x."""
    with seeded(0):
        model = recipes.pot(
            shape=(2,), latent=2, cost="euclidean", penalty="sliced", weight=WEIGHT, network=network(generator)
        )
        assert isinstance(model, AutoEncoder)
        loop = {**recipes.pot.loop, "lr": ENCODER_RATE, "batch_size": BATCH, "steps": count, "average": None}
        state, found = State(model, **loop), [bound(model, 0, x, y)]
        for step in steps(state, batches(x)):
            if step.number % max(1, count // LOOKS) == 0:
                found.append(bound(model, step.number, x, y))
        with torch.no_grad():
            return found, model.decode(model.encode(x).z)


def bound(model: AutoEncoder, step: int, x: Tensor, y: Tensor) -> Bound:
    """The auto-encoder's cost on x, and W1 between what G makes of its codes and y."""
    with torch.no_grad():
        repeated = x.repeat(CODES, 1)
        reached = model.decode(model.encode(repeated).z)
        return Bound(step, float((repeated - reached).norm(dim=1).mean()), w1(reached, y))


def lower(generator: Fixed, x: Tensor, y: Tensor, count: int) -> list[float]:
    """Trains the critic of `wgan` alone on all points of both laws; its estimates."""
    with seeded(0):
        model = recipes.wgan(
            shape=(2,),
            latent=2,
            critic={"name": "mlp", "width": WIDTH, "depth": 3},
            lipschitz="orthogonal",
            network=network(generator),
        )
        game = model.discrepancy
        assert isinstance(game, Adversarial)
        return [float(game.estimate(x, y)) for _ in ascent(game, lambda: (x, y), count, CRITIC_RATE)]


def batches(x: Tensor) -> Iterator[Tensor]:
    """Endless random batches of x (n, 2), each without repetitions."""
    rng = np.random.default_rng(0)
    while True:
        yield x[torch.from_numpy(rng.choice(len(x), BATCH, replace=False))]


def w1(x: Tensor, y: Tensor) -> float:
    """W1 of two equally weighted sets of points, by linear programming."""
    return float(emd(None, None, distances(x.double(), y.double())).value)


def draw(found: Witnesses, *, theme: Theme) -> bytes:
    """The bounds over the steps, and where the encoder sends the data."""
    with typeset():
        figure, (left, right) = chart(3.9, columns=2, theme=theme, width=9.8)
        _bounds(left, found, theme)
        _links(right, found, theme)
        return png(figure)


def _bounds(axes: Axes, found: Witnesses, theme: Theme) -> None:
    value = found.value
    share = np.linspace(0, 1, len(found.below))
    places = [one.step / found.above[-1].step for one in found.above]
    axes.axhspan((1 - CLOSE) * value, (1 + CLOSE) * value, color=theme.quiet, alpha=0.15, lw=0)
    axes.axhline(value, color=theme.ink, lw=1)
    axes.plot(places, [one.sum for one in found.above], color=theme.model, lw=2, marker="o", ms=3)
    axes.plot(places, [one.cost for one in found.above], color=theme.model, lw=1.2, ls=(0, (1, 2)))
    axes.plot(share, found.below, color=theme.data, lw=2)
    axes.text(0.98, 1.08 * value, "pot: cost + gap", color=theme.model, size=9.5, ha="right")
    axes.text(0.98, 0.93 * value, "wgan: the critic", color=theme.data, size=9.5, ha="right", va="top")
    axes.text(0.4, 0.93 * value, f"linear program: {value:.3f}", color=theme.ink, size=9.5, ha="center", va="top")
    axes.set(xlabel="share of the training", ylabel="W1, and its bounds", xlim=(0, 1), ylim=(0.5 * value, 1.4 * value))


def _links(axes: Axes, found: Witnesses, theme: Theme) -> None:
    ends = np.stack([found.x.numpy(), found.reached.numpy()], 1)
    axes.add_collection(LineCollection(list(ends), colors=theme.quiet, linewidths=0.6, alpha=0.5, zorder=1))
    for points, colour in ((found.y, theme.model), (found.x, theme.data)):
        axes.scatter(points[:, 0], points[:, 1], s=6, color=colour, linewidths=0, zorder=3)
    for place, name, colour in ((-2.5, "● data", theme.data), (-1.5, "● generator", theme.model)):
        axes.text(place, -2.5, name, color=colour, size=9.5)
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
