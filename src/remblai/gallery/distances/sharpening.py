"""Entropic plans that sharpen as epsilon falls, from the product of the two laws to an optimal plan."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from numpy.typing import NDArray

from remblai.distances import Plan, line, sinkhorn
from remblai.gallery.distances.seven_points import DISTANCES, MODEL, REAL, optimal_plans
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

PLACES = np.linspace(-0.5, 6.5, 120)
SWEPT = np.geomspace(0.02, 300.0, 25)
SHARPEST = 0.002
TIGHT = 1e-11
"""Marginal error: on the seven points a looser one would move ⟨P, D⟩ in the sixth digit."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Two laws a (n,), b (n,) and the costs (n, n) between their places.

    Attributes:
        exact: the least cost.
        shown: the epsilons whose plans are drawn.
    """

    a: Floats
    b: Floats
    costs: Floats
    exact: float
    shown: tuple[float, ...]

    @cached_property
    def product(self) -> Floats:
        """a x b: the plan that takes no notice of where mass comes from."""
        return np.outer(self.a, self.b)

    def plan(self, epsilon: float, tolerance: float = 1e-7) -> Plan:
        """The entropic plan."""
        return sinkhorn(self.a, self.b, self.costs, epsilon, tolerance=tolerance)

    @cached_property
    def swept(self) -> tuple[Floats, Floats]:
        """Cost ⟨P, C⟩ and value ⟨P, C⟩ + epsilon KL(P | a x b) of the plans at each epsilon of `SWEPT`."""
        plans = [self.plan(epsilon) for epsilon in SWEPT]
        return np.array([plan.cost for plan in plans]), np.array([plan.value for plan in plans])

    def entropy(self, coupling: Floats) -> float:
        """KL(P | a x b): how much the plan knows."""
        held = coupling > 0
        return float((coupling[held] * np.log(coupling[held] / self.product[held])).sum())


def sharpening() -> Entry:
    """⟨P, D⟩ = 1.1298, 0.9522 and 0.90001 at epsilon 1, 0.5 and 0.1; the limit is the optimal plan that knows least."""
    points, densities, monotone = seven_points(), *two_densities()
    sharp = {epsilon: points.plan(epsilon, TIGHT) for epsilon in (*points.shown, SHARPEST)}
    limit = sharp[SHARPEST].coupling
    steps = [np.diff(curve).min() for pair in (points, densities) for curve in pair.swept]
    cost, _ = densities.swept
    outside = [
        max(pair.exact - curve.min(), curve.max() - float((pair.product * pair.costs).sum()))
        for pair in (points, densities)
        for curve in pair.swept
    ]
    checks = (
        equal("⟨P, D⟩ at epsilon 1", sharp[1.0].cost, 1.1298, 5e-5),
        equal("⟨P, D⟩ at epsilon 0.5", sharp[0.5].cost, 0.9522, 5e-5),
        equal("⟨P, D⟩ at epsilon 0.1", sharp[0.1].cost, 0.90001, 5e-6),
        equal("value at epsilon 0.1", sharp[0.1].value, 0.986395, 1e-6),
        equal(f"⟨P, D⟩ at epsilon {SHARPEST:g}: W1", sharp[SHARPEST].cost, 0.9),
        between("pairs used there, where a vertex uses 13 at most", int((limit > 1e-6).sum()), low=14),
        between(
            "KL(P | a x b) there, against the least of many optimal vertices",
            points.entropy(limit),
            high=min(points.entropy(plan) for plan in optimal_plans()),
        ),
        between("least step of cost or value when epsilon grows", min(steps), low=-1e-9),
        between("farthest of cost or value outside exact to product", max(outside), high=1e-6),
        between("densities: cost at the least epsilon, in units of W2^2", cost[0] / densities.exact, 1.0, 1.01),
    )
    maps = Picture.chart(
        "sharpening",
        "From the product to a plan",
        "Above the seven points with |i - j|, below two densities with the squared distance; rows give, columns "
        "receive, each map on its own scale. The densities' plan closes on the one monotone curve; the seven points, "
        "whose optimal plans are many, keep as many pairs as optimality allows.",
        "Ten heat maps of plans, in two rows, ever sharper from left to right",
        draw_maps,
        rows=(
            {"product": points.product, **named(points), "ε → 0": limit},
            {"product": densities.product, **named(densities), "exact": monotone},
        ),
    )
    curves = Picture.chart(
        "sharpening-values",
        "What the entropy adds",
        "Value, ⟨P, C⟩ + ε KL(P | a × b), and cost, ⟨P, C⟩, of the entropic plan: both climb from the exact cost to "
        "the product plan's. The cost forgets ε much sooner than the value does.",
        "Two charts of cost and value against epsilon, between two horizontal lines",
        draw_curves,
        pairs={"seven points, |i − j|": points, "two densities, squared distance": densities},
    )
    return Entry(
        title="Entropic plans that sharpen",
        words="Sinkhorn's plan is computed while the weight ε of its entropy falls, on the seven points and on two "
        "densities of the line. It begins as the product of the two laws, which moves mass anywhere, and closes on an "
        "optimal plan: the cost on the seven points is 1.1298, 0.9522, 0.90001 at ε = 1, 0.5, 0.1, where W1 = 0.9. "
        "Where the optimum is not unique the limit is not a vertex, as the simplex finds, but the optimal plan of most "
        "entropy, spread over 22 pairs; and the cost is nearly exact long before the value is, which is why both are "
        "shown.",
        checks=checks,
        pictures=(maps, curves),
        source="Cuturi, “Sinkhorn distances”, arXiv 1306.0895, which Montavon's Boltzmann machine builds on; the seven "
        "points are those of the entry seven-points",
    )  # fmt: skip


def seven_points() -> Pair:
    """The pair of the linear program, with |i - j|."""
    return Pair(REAL, MODEL, DISTANCES, 0.9, (1.0, 0.5, 0.1))


def two_densities() -> tuple[Pair, Floats]:
    """Two mixtures of bumps on a fine grid with the squared distance, and their monotone plan."""

    def density(*bumps: tuple[float, float, float]) -> Floats:
        total = sum(weight * np.exp(-0.5 * ((PLACES - place) / width) ** 2) for weight, place, width in bumps)
        return np.asarray(total / np.sum(total), dtype=np.float64)

    a = density((1.0, 1.3, 0.45), (0.7, 4.6, 0.3))
    b = density((0.5, 0.8, 0.3), (1.0, 3.4, 0.5), (0.3, 5.4, 0.25))
    best = line.plan(PLACES, PLACES, "square", a, b)
    return Pair(a, b, (PLACES[:, None] - PLACES) ** 2, float(best.value), (3.0, 0.3, 0.03)), best.coupling


def named(pair: Pair) -> dict[str, Floats]:
    """The plans that are drawn, by epsilon."""
    return {f"ε = {epsilon:g}": pair.plan(epsilon).coupling for epsilon in pair.shown}


def draw_maps(rows: tuple[dict[str, Floats], dict[str, Floats]], *, theme: Theme) -> bytes:
    """Each plan as a map; the mass of a cell as strength of colour, by its root so that thin mass is seen."""
    strength = LinearSegmentedColormap.from_list("mass", [to_rgba(theme.model, 0.0), to_rgba(theme.model, 1.0)])
    with typeset():
        figure, panels = chart(4.5, rows=2, columns=5, theme=theme, width=9.8)
        for axes, (name, plan) in zip(panels, [item for row in rows for item in row.items()], strict=True):
            shown = np.sqrt(plan / plan.max())
            axes.imshow(
                shown, cmap=strength, vmin=0.0, vmax=1.0, extent=(-0.5, 6.5, 6.5, -0.5), interpolation="nearest"
            )
            axes.set(xticks=[], yticks=[])
            axes.set_title(name, color=theme.ink, size=10)
            for spine in axes.spines.values():
                spine.set(visible=True, color=theme.line)
        for axes, name in zip(panels[::5], ("seven points", "two densities"), strict=True):
            axes.set_ylabel(f"{name}\nplace that gives", color=theme.ink, size=10, labelpad=8)
        for axes in panels[5:]:
            axes.set_xlabel("place that receives")
        return png(figure)


def draw_curves(pairs: dict[str, Pair], *, theme: Theme) -> bytes:
    """Cost and value against epsilon."""
    with typeset():
        figure, panels = chart(3.2, columns=2, theme=theme, width=9.8)
        for axes, (name, pair) in zip(panels, pairs.items(), strict=True):
            cost, value = pair.swept
            least, most = pair.exact, float((pair.product * pair.costs).sum())
            room = 0.02 * (most - least)
            for level, label, side in ((least, "exact", "top"), (most, "product", "bottom")):
                axes.axhline(level, color=theme.line, linewidth=1.0, zorder=0)
                above = room if side == "bottom" else -room
                axes.text(SWEPT[0], level + above, f"{label}, {level:.3g}", color=theme.quiet, size=8.5, va=side)
            middle = int(np.searchsorted(value, 0.5 * (least + most)))
            for curve, colour, label, side, away in (
                (value, theme.model, "value", "right", 0.7),
                (cost, theme.data, "cost", "left", 1.3),
            ):
                axes.semilogx(SWEPT, curve, color=colour, linewidth=1.8)
                axes.text(SWEPT[middle] * away, curve[middle], label, color=colour, size=9.5, ha=side)
            axes.set(xlabel="ε, in units of the cost", ylim=(least - 6 * room, most + 6 * room))
            axes.set_xticks((0.1, 1, 10, 100), ("0.1", "1", "10", "100"))
            axes.set_yticks(np.arange(np.ceil(least), most))
            axes.set_title(name, color=theme.ink, size=10)
        panels[0].set_ylabel("cost and value", color=theme.quiet)
        return png(figure)
