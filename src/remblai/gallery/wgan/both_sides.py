"""W1 of one generator of real digits from both sides, by two recipes: pot above, wgan below, the program between."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn
from torch.nn.functional import pdist

from remblai import data, recipes
from remblai.costs import COSTS
from remblai.critics import Adversarial
from remblai.distances import emd
from remblai.gallery.descent import ascent
from remblai.gallery.entry import Check, Entry, Finding, between
from remblai.gallery.training import train_objective
from remblai.objectives import AutoEncoder
from remblai.report import Picture, grid
from remblai.report.style import Theme, chart, png, typeset
from remblai.runtime.rng import seeded

POT: dict[str, Any] = {"latent": 2, "cost": "euclidean", "penalty": "mmd", "weight": 10.0}
CRITIC = {"name": "mlp", "width": 128, "depth": 2}
DIGITS, DRAWS, CODES = 300, 2000, 5
"""Digits, draws of the prior, and codes that the encoder draws of each digit."""
TRAINED, ASCENT = 1500, 600
"""Steps of the auto-encoder, and of each critic."""
ORTHOGONAL, CLIP = "orthogonal", "clip"
RATES = {ORTHOGONAL: 3e-3, CLIP: 1e-3}
CLOSE = 0.05
SHOWN = 12

Curve = list[float]


@dataclass(frozen=True)
class Case:
    """Two finite laws, and the witnesses of their W1.

    Attributes:
        x: digits (n, 1, 8, 8).
        y: G(z) at draws z of the prior (m, 1, 8, 8).
        reached: G(z) at the encoder's codes of x (k n, 1, 8, 8).
        cost: E |X - G(Z~)|, the auto-encoder's.
        gap: W1(G#Q_Z, G#P_Z), by linear programming.
        value: W1 of x and y, by linear programming.
    """

    x: Tensor
    y: Tensor
    reached: Tensor
    cost: float
    gap: float
    value: float

    @classmethod
    def of(cls, model: AutoEncoder, x: Tensor, seed: int) -> "Case":
        """The laws of these digits and of the model's generator, with the bound of its encoder."""
        with seeded(seed), torch.no_grad():
            y = model.sample(DRAWS)
            repeated = x.repeat(CODES, 1, 1, 1)
            reached = model.decode(model.encode(repeated).z)
            cost = float(model.cost(repeated, reached).mean())
        return cls(x, y, reached, cost, w1(reached, y), w1(x, y))

    @property
    def upper(self) -> float:
        """E |X - G(Z~)| + W1(G#Q_Z, G#P_Z), at least W1 by the triangle inequality."""
        return self.cost + self.gap


def both_sides(seed: int = 0) -> Entry:
    """The critic's estimate <= W1 <= the auto-encoder's cost + what its codes miss of the prior, within 5 %."""
    case, lower = measured(seed)
    value = case.value
    return Entry(
        title="W1 of real digits from both sides: the recipes pot and wgan",
        words=f"The recipe `pot` with the Euclidean cost learns {DIGITS} digits of 8 × 8 pixels with two coordinates "
        f"of code; its decoder is the generator G. Of these digits and of the images of {DRAWS:,} draws of the prior, "
        "two finite laws, W1 is asked three ways. Above: the auto-encoder's own cost, plus the gap, W1 between what G "
        "makes of its codes and of the prior's draws, which the penalty keeps small. Below: the critic of the recipe "
        "`wgan` on the same G. Between: a linear program. The critic is constrained by orthogonal layers (`--lipschitz "
        "orthogonal`), or clipped as in the paper, so that its largest slope is unknown; either estimate is divided by "
        "the steepest slope between any two of the points, and is a lower bound whatever the weights.",
        checks=checks(case, lower),
        pictures=(
            Picture.chart(
                "both-sides",
                "From above and from below",
                "Left: the critics' estimates as they learn, the program's value and the band of 5 % around it, and "
                "the auto-encoder's bound, which is the sum of the two bars beside. Right: what the bound is made of.",
                "Two curves that rise towards a horizontal line from below, and a line just above it; beside them a "
                "stacked bar",
                draw,
                case=case,
                lower=lower,
            ),
            Picture(
                "both-sides-digits",
                "The generator that is measured",
                f"Above, digits; in the middle, what pot makes of them; below, G at draws of the prior. First {SHOWN}.",
                "Three rows of small digits, the lower two blurred",
                grid(torch.cat([case.x[:SHOWN], case.reached[:SHOWN], case.y[:SHOWN]]), SHOWN),
            ),
        ),
        source="Bousquet et al., “From optimal transport to generative modeling: the VEGAN cookbook”, theorem 1, arXiv "
        "1705.07642; Arjovsky, Chintala, Bottou, arXiv 1701.07875; the critic is Anil, Lucas and Grosse's, arXiv "
        "1811.05381",
        findings=(
            Finding(
                f"Both recipes find the program's W1, {value:.3g}: pot {100 * (case.upper / value - 1):.1f} % above, "
                f"the orthogonal critic {100 * (1 - lower[ORTHOGONAL][-1] / value):.1f} % below.",
                ("pot: cost + gap", "wgan, orthogonal: last"),
            ),
            Finding(
                f"The paper's clipped critic proves {100 * lower[CLIP][-1] / value:.0f} % of W1 in as many steps.",
                ("wgan, clip: last",),
            ),
        ),
    )


def measured(seed: int) -> tuple[Case, dict[str, Curve]]:
    """The laws with the bound above, and the critics' estimates, as lower bounds."""
    source = data.load("digits")
    x = source.train[:DIGITS]
    with seeded(seed):
        model = recipes.pot(shape=source.shape, **POT)
        assert isinstance(model, AutoEncoder)
        loop = {**recipes.pot.loop, "steps": TRAINED}
        model = train_objective(model, loop, partial(shuffled, x, seed))
    case = Case.of(model, x, seed + 1)
    return case, {name: below(case, name, seed) for name in RATES}


def shuffled(x: Tensor, seed: int, size: int) -> Iterator[Tensor]:
    """Endless random batches (size, ...) of x (n, ...), each without repetitions."""
    rng = np.random.default_rng(seed)
    while True:
        yield x[torch.from_numpy(rng.choice(len(x), size, replace=False))]


def below(case: Case, lipschitz: str, seed: int) -> Curve:
    """The critic of `wgan` alone, on all points of both laws: its estimate over its steepest slope between them.

    Args:
        case: the laws.
        lipschitz: the constraint.
        seed: of the critic's first weights.
    """
    with seeded(seed):
        game = recipes.wgan(shape=tuple(case.x.shape[1:]), latent=2, critic=CRITIC, lipschitz=lipschitz).discrepancy
        assert isinstance(game, Adversarial)
        pair, curve = (case.x, case.y), []
        for step in ascent(game, lambda: pair, ASCENT, RATES[lipschitz]):
            if step % 20 == 0:
                curve.append(float(game.estimate(*pair)) / steepest(game.critic, case))
    return curve


def steepest(critic: nn.Module, case: Case) -> float:
    """The largest |f(x) - f(y)| / |x - y| over all pairs of points of both laws."""
    points = torch.cat([case.x, case.y]).flatten(1).double()
    with torch.no_grad():
        scores = critic(torch.cat([case.x, case.y])).double()
    return float((pdist(scores) / pdist(points).clamp(min=1e-6)).max())


def w1(x: Tensor, y: Tensor) -> float:
    """W1 of two sets of images with the Euclidean distance."""
    costs = COSTS["euclidean"]().matrix(x.flatten(1).double(), y.flatten(1).double())
    return float(emd(None, None, costs).value)


def checks(case: Case, lower: dict[str, Curve]) -> tuple[Check, ...]:
    """That bounds are bounds, and how near they come."""
    value, clipped, orthogonal = case.value, lower[CLIP], lower[ORTHOGONAL]
    return (
        between("pot: cost + gap, over W1", case.upper / value, 1.0, 1.0 + CLOSE),
        between("wgan, orthogonal: last estimate over W1", orthogonal[-1] / value, 1.0 - CLOSE, 1.0 + 1e-6),
        between("wgan, orthogonal: largest estimate on the way, over W1", max(orthogonal) / value, high=1.0 + 1e-6),
        between("wgan, clip: last estimate over its steepest slope, over W1", clipped[-1] / value, high=0.9),
        between("pot: the gap's share of the bound", case.gap / case.upper, high=0.1),
        between("W1 over the mean distance of two digits", case.value / apart(case.x), 0.1, 0.9),
    )


def apart(x: Tensor) -> float:
    """The mean distance of two different images."""
    return float(pdist(x.flatten(1).double()).mean())


def draw(case: Case, lower: dict[str, Curve], *, theme: Theme) -> bytes:
    """The critics' estimates, the program's value, and the bound above in its two parts."""
    with typeset():
        figure, (left, right) = chart(3.7, columns=2, theme=theme, width=9.8)
        value = case.value
        steps = np.linspace(0, ASCENT, len(lower[ORTHOGONAL]))
        left.axhspan((1 - CLOSE) * value, (1 + CLOSE) * value, color=theme.quiet, alpha=0.15, lw=0)
        left.axhline(value, color=theme.ink, lw=1)
        left.axhline(case.upper, color=theme.model, lw=1.6)
        for name, colour in ((ORTHOGONAL, theme.data), (CLIP, theme.classes[2])):
            left.plot(steps, lower[name], color=colour, lw=1.8)
            height = 0.86 * value if name == ORTHOGONAL else lower[name][-1] + 0.03 * value
            left.text(ASCENT, height, f"wgan, {name}", color=colour, size=9.5, ha="right", va="bottom")
        left.text(0.02 * ASCENT, 1.09 * value, "pot: cost + gap", color=theme.model, size=9.5)
        left.text(0.5 * ASCENT, 1.09 * value, f"linear program: W1 = {value:.3f}", color=theme.ink, size=9.5)
        left.set(xlabel="critic step", ylabel="W1, and its bounds", xlim=(0, ASCENT), ylim=(0, 1.2 * value))
        _bars(right, case, theme, lower)
        return png(figure)


def _bars(axes: Axes, case: Case, theme: Theme, lower: dict[str, Curve]) -> None:
    axes.bar(0, lower[ORTHOGONAL][-1], color=theme.data, width=0.6)
    axes.bar(1, case.value, color=theme.quiet, width=0.6)
    axes.bar(2, case.cost, color=theme.model, width=0.6)
    axes.bar(2, case.gap, bottom=case.cost, color=theme.model, alpha=0.45, width=0.6)
    for place, height in enumerate((lower[ORTHOGONAL][-1], case.value, case.upper)):
        axes.text(place, 1.02 * height, f"{height:.3f}", color=theme.ink, size=9.5, ha="center")
    axes.text(2.36, case.cost / 2, "cost", color=theme.model, size=9.5, va="center")
    axes.text(2.36, case.cost + case.gap / 2, "gap", color=theme.model, size=9.5, va="center")
    axes.set_xticks((0, 1, 2), ("wgan:\nthe critic", "linear\nprogram", "pot:\ncost + gap"))
    axes.set(xlim=(-0.5, 2.8), ylim=(0, 1.2 * case.value))
