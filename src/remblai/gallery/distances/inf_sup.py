"""Kantorovich's duality by swapping inf and sup of the Lagrangian, done by an algorithm that does both at once."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from remblai.distances import emd
from remblai.distances.certificate import certificate
from remblai.distances.coupling import Dense
from remblai.distances.problem import Problem
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

ROWS, COLUMNS, STEPS = 6, 7, 4000
RECORDED = np.unique(np.geomspace(1, STEPS, 120).astype(int))
Floats = NDArray[np.float64]


def inf_sup() -> Entry:
    """The primal value from above and the dual value from below meet at the linear program's value."""
    case = Case.random(0)
    value = float(emd(case.a, case.b, case.costs).value)
    path = case.played()
    rng = np.random.default_rng(1)
    saddle = case.lagrangian(path.plan, path.f, path.g)
    below = max(case.lagrangian(path.plan, rng.normal(size=ROWS), rng.normal(size=COLUMNS)) for _ in range(200))
    others = (np.maximum(path.plan + rng.normal(scale=0.02, size=(ROWS, COLUMNS)), 0.0) for _ in range(200))
    above = min(case.lagrangian(plan, path.f, path.g) for plan in others)
    checks = (
        equal("inf sup: the last feasible plan's cost", path.upper[-1], value, 1e-6),
        equal("sup inf: the last feasible potentials' value", path.lower[-1], value, 1e-6),
        between("inf sup - sup inf", path.upper[-1] - path.lower[-1], -1e-12, 1e-6),
        between("how far a lower bound ever rose above the value", (path.lower - value).max(), high=1e-12),
        between("how far an upper bound ever fell below it", (value - path.upper).max(), high=1e-12),
        equal("the Lagrangian at the end", saddle, value, 1e-6),
        between("its largest value at the plan and 200 random potentials", below, high=saddle + 1e-6),
        between("its least value at the potentials and 200 other plans", above, low=saddle - 1e-6),
    )
    picture = Picture.chart(
        "inf-sup",
        "Inf sup and sup inf meet",
        "After each step the plan is rounded to a feasible one, which bounds the value from above, and the potentials "
        "are made feasible by a c-transform, which bounds it from below. The Lagrangian itself bounds nothing on the "
        "way. Right: what is left between the bounds.",
        "Left, upper and lower bounds closing in on one value over the iterations; right, their difference on log axes",
        draw,
        path=path,
        value=value,
    )
    return Entry(
        title="Duality by swapping inf and sup",
        words="The marginals of a plan P are enforced by potentials f and g in the Lagrangian ⟨P, C⟩ + ⟨f, a − P1⟩ + "
        "⟨g, b − Pᵀ1⟩: its sup over f and g is infinite unless P is a coupling, and its inf over P ≥ 0 is minus "
        "infinity unless f + g ≤ C: inf sup is the transport problem, sup inf is its dual. Here both players move in "
        "turn, with no solver behind them, and proven bounds from the two sides meet at the value of the linear "
        "program. So the swap is allowed, and the pair where they meet is a saddle: at its plan no potentials gain, "
        "at its potentials no plan loses.",
        checks=checks,
        pictures=(picture,),
        source="Villani, “Topics in optimal transportation” (2003), chapter 1, on duality by a minimax argument; the "
        "algorithm is of Chambolle, Pock, “A first-order primal-dual algorithm for convex problems” (2011)",
    )


@dataclass(frozen=True)
class Path:
    """Bounds and the Lagrangian at the recorded steps (k,), and where the players are at the end."""

    lower: Floats
    upper: Floats
    lagrangian: Floats
    plan: Floats
    f: Floats
    g: Floats


@dataclass(frozen=True)
class Case:
    """Masses a (n,), b (m,) and costs (n, m)."""

    a: Floats
    b: Floats
    costs: Floats

    @staticmethod
    def random(seed: int) -> "Case":
        """Two random laws in the square, with squared distances."""
        rng = np.random.default_rng(seed)
        x, y = rng.random((ROWS, 2)), rng.random((COLUMNS, 2))
        return Case(rng.dirichlet(np.ones(ROWS)), rng.dirichlet(np.ones(COLUMNS)), ((x[:, None] - y) ** 2).sum(-1))

    def lagrangian(self, plan: Floats, f: Floats, g: Floats) -> float:
        """⟨P, C⟩ + f . (a - P 1) + g . (b - P' 1)."""
        return float((plan * self.costs).sum() + f @ (self.a - plan.sum(1)) + g @ (self.b - plan.sum(0)))

    def played(self) -> Path:
        """Descends in P >= 0 and ascends in f and g, in turn; records certified bounds.

        The ascent looks at where the plan is going, 2 P_new - P_old; without that the players circle each other. Steps
        t for P and s for f and g, with t s (n + m) <= 1, n + m being the squared norm of P -> (P 1, P' 1).
        """
        problem = Problem.of_matrix(self.a, self.b, self.costs)
        plan, f, g = np.outer(self.a, self.b), np.zeros(ROWS), np.zeros(COLUMNS)
        t, s = (0.1 / np.sqrt(ROWS + COLUMNS), 10.0 / np.sqrt(ROWS + COLUMNS))
        found = []
        for step in range(1, STEPS + 1):
            before, plan = plan, np.maximum(plan - t * (self.costs - f[:, None] - g), 0.0)
            ahead = 2.0 * plan - before
            f, g = f + s * (self.a - ahead.sum(1)), g + s * (self.b - ahead.sum(0))
            if step in RECORDED:
                bounds = certificate(problem, Dense(torch.from_numpy(plan)), torch.from_numpy(g))
                found.append((*bounds, self.lagrangian(plan, f, g)))
        lower, upper, lagrangian = np.array(found).T
        return Path(lower, upper, lagrangian, plan, f, g)


def draw(path: Path, value: float, *, theme: Theme) -> bytes:
    """The bounds, and the gap between them."""
    with typeset():
        figure, (left, right) = chart(3.5, columns=2, theme=theme, width=9.8)
        left.fill_between(RECORDED, path.lower, path.upper, color=theme.line, alpha=0.45, linewidth=0)
        left.axhline(value, color=theme.line, linewidth=0.8, zorder=0)
        curves = {
            "Lagrangian": (path.lagrangian, theme.quiet, 0.9, (1.45, 0.47)),
            "inf sup: a feasible plan's cost": (path.upper, theme.model, 1.7, (6.5, 0.285)),
            "sup inf: feasible potentials' value": (path.lower, theme.data, 1.7, (6.5, 0.035)),
        }
        for name, (values, colour, width, place) in curves.items():
            left.plot(RECORDED, values, color=colour, linewidth=width)
            left.text(*place, name, color=colour, size=9)
        left.text(STEPS, value + 0.008, f"{value:.4f}", color=theme.ink, size=9, ha="right")
        left.set(xscale="log", xlabel="iteration", ylabel="value", yticks=(0.0, 0.2, 0.4), ylim=(0.0, 0.5))
        right.loglog(RECORDED, path.upper - path.lower, color=theme.ink, linewidth=1.6)
        right.set(
            xlabel="iteration", ylabel="upper bound − lower bound", yticks=(1e-12, 1e-8, 1e-4, 1), ylim=(1e-12, 2)
        )
        for axes in (left, right):
            axes.minorticks_off()
        return png(figure)
