"""W1 of one generator from both sides: a critic below, an auto-encoder above, the linear program between."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from torch import Tensor, nn
from torch.nn.functional import pdist

from remblai.costs import COSTS
from remblai.critics.adversarial import Adversarial
from remblai.critics.games import Kantorovich
from remblai.critics.orthogonal import Orthogonal
from remblai.data.toys import ring
from remblai.distances import emd
from remblai.gallery.descent import ascent, descent
from remblai.gallery.entry import Entry, Finding, between
from remblai.networks.mlp import mlp
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runtime.rng import seeded

ATOMS, STEPS = 100, 600
CRITIC_RATE, ENCODER_RATE = 1e-2, 0.3
CLOSE = 0.02
SHOWN = 0.05
"""Shares of an encoder's law below this are not drawn."""
REACH = 2.6
"""Half of the side of what is drawn."""

Curve = list[float]


@dataclass(frozen=True)
class Case:
    """Data and one generator, each as so many equally heavy atoms in the plane.

    Attributes:
        x: the data (n, 2).
        y: the generator's points G(z_j) (n, 2) at the atoms z_j of the prior.
        value: their W1, by linear programming.
    """

    x: Tensor
    y: Tensor
    value: float

    @classmethod
    def of(cls, atoms: int) -> "Case":
        """The ring of eight, and a small random network of Gaussian z."""
        x = ring().split("test")[:atoms].double()
        with seeded(0), torch.no_grad():
            y = 1.5 * mlp(2, 2, width=32, activation=nn.Tanh).double()(torch.randn(atoms, 2, dtype=torch.float64))
        return cls(x, y, float(emd(None, None, distances(x, y)).value))


@dataclass(frozen=True)
class Below:
    """A critic's way to its optimum: its estimate before each step and at the end."""

    estimates: Curve
    critic: nn.Module


@dataclass(frozen=True)
class Above:
    """A random encoder's way: before each step and at the end.

    Attributes:
        costs: E c(X, G(Z~)), c the distance.
        gaps: W1(G#Q_Z, G#P_Z), by linear programming.
        encoder: the last Q(z_j | x_i) (n, n).
    """

    costs: Curve
    gaps: Curve
    encoder: Tensor

    @property
    def sums(self) -> Curve:
        """The upper bounds."""
        return [cost + gap for cost, gap in zip(self.costs, self.gaps, strict=True)]


def bracket(atoms: int = ATOMS, steps: int = STEPS) -> Entry:
    """A 1-Lipschitz critic's estimate <= W1 <= E c(X, G(Z~)) + W1(G#Q_Z, G#P_Z), both trained until they meet."""
    case = Case.of(atoms)
    low, high = below(case, steps), above(case, steps)
    nearest = float(distances(case.x, case.y).min(1).values.mean())
    value, lower, upper = case.value, low.estimates, high.sums
    checks = (
        between("the critic's last estimate over W1", lower[-1] / value, 1.0 - CLOSE, 1.0),
        between("the encoder's last sum over W1", upper[-1] / value, 1.0, 1.0 + CLOSE),
        between("the largest estimate on the way, over W1", max(lower) / value, high=1.0),
        between("the smallest sum on the way, over W1", min(upper) / value, low=1.0),
        between("the critic's steepest chord between any two atoms", steepest(low.critic, case), 0.9, 1.0 + 1e-9),
        between("the encoder's cost alone, over W1: no bound", high.costs[-1] / value, high=0.99),
        between("the cost of the nearest G(z) for each x, over W1: no bound", nearest / value, high=0.9),
    )
    picture = Picture.chart(
        "bracket",
        "From below and from above",
        "Left: what the critic and the encoder say of W1 as they learn, and the linear program's answer in a band of "
        "2 %; the cost alone falls through it. Middle: the critic, a level line each quarter: it falls at slope 1 "
        "from the data towards the model. Right: the random encoder, a line from each x to the G(z) that it draws.",
        "Two curves closing on one value; the critic's level lines over two sets of points; lines joining the sets",
        draw,
        case=case,
        low=low,
        high=high,
    )
    return Entry(
        title="W1 of one generator, bracketed",
        words="A generator is fixed, and its W1 to the data, on finitely many points of each, is asked of three "
        "witnesses. A critic of orthogonal layers is 1-Lipschitz whatever its weights, so its estimate is a lower "
        "bound at every step; a random encoder's mean distance from x to G(z), plus W1 between what the generator "
        "makes of the encoder's z and of the prior's, is an upper bound at every step; a linear program gives the "
        "value. The auto-encoder's cost alone is no bound: it may use z as the prior does not.",
        checks=checks,
        pictures=(picture,),
        source="The duality of Kantorovich and Rubinstein on one side, the triangle inequality on the other; "
        "Bousquet et al., “From optimal transport to generative modeling: the VEGAN cookbook” (2017), theorem 1, arXiv "
        "1705.07642; the critic is Anil, Lucas and Grosse's (2019), arXiv 1811.05381",
        findings=(
            Finding(
                "Both bounds close on the linear program's value.",
                ("the critic's last estimate", "the encoder's last sum", "the largest estimate", "the smallest sum"),
            ),
            Finding("The auto-encoder's cost alone falls below W1.", ("the encoder's cost alone",)),
        ),
    )


def distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j|: (n, m)."""
    return COSTS["euclidean"]().matrix(x, y)


def below(case: Case, steps: int) -> Below:
    """Trains a critic that is 1-Lipschitz by construction on all atoms at once."""
    with seeded(0):
        game = Adversarial(mlp(2, 1, width=64, depth=3).double(), Kantorovich(), Orthogonal())
    pair = case.x, case.y
    estimates = [float(game.estimate(*pair)) for _ in ascent(game, lambda: pair, steps, CRITIC_RATE)]
    return Below(estimates, game.critic)


def above(case: Case, steps: int) -> Above:
    """Trains a random encoder: on finitely many points it is a table of Q(z_j | x_i), of which the bound is convex."""
    across, within = distances(case.x, case.y), distances(case.y, case.y)
    logits = torch.zeros_like(across, requires_grad=True)

    costs, gaps = [], []

    def bound() -> Tensor:
        encoder = logits.softmax(1)
        cost: Tensor = (encoder * across).sum(1).mean()
        gap: Tensor = emd(encoder.mean(0), None, within).value
        costs.append(float(cost.detach()))
        gaps.append(float(gap.detach()))
        return cost + gap

    for step in descent([logits], bound, steps, ENCODER_RATE):
        if step == steps:
            bound()
    return Above(costs, gaps, logits.detach().softmax(1))


def steepest(critic: nn.Module, case: Case) -> float:
    """The largest |f(x) - f(y)| / |x - y| over all pairs of atoms."""
    places = torch.cat([case.x, case.y])
    with torch.no_grad():
        return float((pdist(critic(places)) / pdist(places)).max())


def draw(case: Case, low: Below, high: Above, *, theme: Theme) -> bytes:
    """The two bounds over the steps, the critic, and the encoder."""
    with typeset():
        figure, (left, middle, right) = chart(3.7, columns=3, theme=theme, width=9.8)
        _bounds(left, case.value, low, high, theme)
        _levels(middle, low.critic, theme)
        _links(right, high.encoder, case, theme)
        for axes, title in ((middle, "below: the critic"), (right, "above: the random encoder")):
            _points(axes, case, theme)
            axes.set_title(title, color=theme.ink, size=10)
        for place, name, colour in ((-2.5, "● data", theme.data), (-1.6, "● model", theme.model)):
            right.text(place, -2.5, name, color=colour, size=9.5)
        return png(figure)


def _bounds(axes: Axes, value: float, low: Below, high: Above, theme: Theme) -> None:
    steps = np.arange(1, len(low.estimates) + 1)
    axes.axhspan((1 - CLOSE) * value, (1 + CLOSE) * value, color=theme.quiet, alpha=0.15, lw=0)
    axes.axhline(value, color=theme.ink, lw=1)
    axes.plot(steps, high.sums, color=theme.model, lw=2)
    axes.plot(steps, low.estimates, color=theme.data, lw=2)
    axes.plot(steps, high.costs, color=theme.model, lw=1.2, ls=(0, (3, 2)))
    axes.text(1.15, 1.035 * value, f"W1 = {value:.3f}", color=theme.ink, size=9.5)
    axes.text(11, 1.3 * value, "encoder:\ncost + W1 of what is made", color=theme.model, size=9.5, va="center")
    axes.text(6, 0.55 * value, "critic", color=theme.data, size=10.5, weight="bold")
    axes.annotate(
        "the cost alone", (0.7 * steps[-1], high.costs[-1]), (0.95 * steps[-1], 0.8 * value), color=theme.model,
        size=9.5, ha="right", va="top", arrowprops={"arrowstyle": "-", "color": theme.line},
    )  # fmt: skip
    ticks = [step for step in (1, 10, 100, 1000) if step <= steps[-1]]
    axes.set(xscale="log", xlim=(1, steps[-1]), ylim=(-0.02 * value, 1.45 * value), xlabel="step")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_ylabel("W1, and its bounds")


def _levels(axes: Axes, critic: nn.Module, theme: Theme) -> None:
    reach = np.linspace(-REACH, REACH, 121)
    plane = torch.from_numpy(np.stack(np.meshgrid(reach, reach), -1).reshape(-1, 2))
    with torch.no_grad():
        heights = critic(plane).reshape(len(reach), -1).numpy()
    levels = np.arange(np.floor(heights.min()), np.ceil(heights.max()), 0.25)
    axes.contour(reach, reach, heights, levels, colors=[theme.quiet], linewidths=0.8, linestyles="solid")


def _links(axes: Axes, encoder: Tensor, case: Case, theme: Theme) -> None:
    shares = encoder.numpy()
    pairs = np.argwhere(shares > SHOWN)
    ends = np.stack([case.x.numpy()[pairs[:, 0]], case.y.numpy()[pairs[:, 1]]], 1)
    axes.add_collection(
        LineCollection(list(ends), colors=theme.quiet, linewidths=1.2, alpha=shares[tuple(pairs.T)], zorder=1)
    )


def _points(axes: Axes, case: Case, theme: Theme) -> None:
    for points, colour in ((case.x, theme.data), (case.y, theme.model)):
        axes.scatter(points[:, 0], points[:, 1], s=11, color=colour, linewidths=0, zorder=3)
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
