"""The seven points of the linear program: one value, many optimal plans, and one plan that is best for W2."""

import numpy as np
from numpy.typing import NDArray

from remblai.distances import emd, jensen_shannon, kullback_leibler, line, total_variation
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

REAL = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1])
MODEL = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4])
PLACES = np.arange(7.0)
DISTANCES = np.abs(PLACES[:, None] - PLACES)
SECOND_THOUGHTS = 60
"""Random second objectives, each of which picks one plan among the optimal ones."""

Floats = NDArray[np.float64]


def seven_points() -> Entry:
    """W1 = 0.9 by many plans, W2^2 = 1.3 by one: a linear program that can be checked by hand."""
    first, second = emd(REAL, MODEL, DISTANCES), line.plan(PLACES, PLACES, 2, a=REAL, b=MODEL)
    plans = optimal_plans()
    f, g = first.potentials
    checks = (
        equal("W1, by the simplex", first.value, 0.9),
        equal("W1, by the distribution functions", float(np.abs(np.cumsum(REAL - MODEL)).sum()), 0.9),
        equal("W1, by its dual", float(f @ REAL + g @ MODEL), 0.9),
        equal("W2 squared", second.value, 1.3),
        equal("W1 of W2's plan", float((second.coupling * DISTANCES).sum()), 0.9),
        between("different optimal plans found", len(plans), low=10),
        equal("KL of the first from the second", kullback_leibler(REAL, MODEL), 0.277259, 1e-6),
        equal("KL the other way", kullback_leibler(MODEL, REAL), 0.346574, 1e-6),
        equal("Jensen-Shannon", jensen_shannon(REAL, MODEL), 0.073671, 1e-6),
        equal("total variation", total_variation(REAL, MODEL), 0.3),
    )
    shown = {"one optimal plan": first.coupling, "another": plans[-1], "W2's, monotone": second.coupling}
    picture = Picture.chart(
        "seven-points",
        "Three plans of one cost",
        "Rows give, columns receive, area is mass. All three carry the same mass the same total distance; only the "
        "last, which never crosses itself, is also best when distance is squared.",
        "Three couplings of the seven points as squares of the mass that they carry",
        draw,
        plans=shown,
    )
    return Entry(
        title="A linear program with seven points",
        words="Two laws on seven points are joined by the linear program that defines the earth mover's distance. "
        "Its least cost is 0.9, which the distribution functions and the dual give too, but the plan that reaches it "
        "is one of many: a solver that prints another has made no mistake. Squaring the distance leaves one plan, the "
        "monotone one, at 1.3.",
        checks=checks,
        pictures=(picture,),
        source="A classroom example, which no paper holds; its linear program: Peyré, Cuturi, “Computational optimal "
        "transport” (2019), chapter 3, arXiv 1803.00567",
    )


def optimal_plans() -> list[Floats]:
    """Different optimal plans, found by adding a little of a random second cost, which breaks the ties."""
    rng = np.random.default_rng(0)
    found: dict[bytes, Floats] = {}
    for _ in range(SECOND_THOUGHTS):
        plan = emd(REAL, MODEL, DISTANCES + 1e-6 * rng.random((7, 7))).coupling
        if abs((plan * DISTANCES).sum() - 0.9) < 1e-9:
            found[plan.round(6).tobytes()] = plan
    return list(found.values())


def draw(plans: dict[str, Floats], *, theme: Theme) -> bytes:
    """Each plan as squares whose area is the mass."""
    with typeset():
        figure, panels = chart(3.9, columns=len(plans), theme=theme, width=9.8)
        for axes, (name, plan) in zip(panels, plans.items(), strict=True):
            rows, columns = np.nonzero(plan > 1e-9)
            axes.scatter(columns, rows, s=900 * plan[rows, columns], marker="s", color=theme.model, linewidths=0)
            axes.plot(PLACES, PLACES, color=theme.line, linewidth=0.8, zorder=0)
            axes.set(title=name, xlim=(-0.6, 6.6), ylim=(6.6, -0.6), aspect="equal", xticks=PLACES, yticks=PLACES)
            axes.title.set(color=theme.ink, size=10)
            axes.set_xlabel("point that receives")
        panels[0].set_ylabel("point that gives")
        return png(figure)
