"""Semi-discrete transport against the linear program on samples: at equal samples, and at equal memory."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from remblai.distances import emd, stochastic
from remblai.gallery.distances.stochastic_curves import ATOMS, MASSES, cells
from remblai.gallery.entry import Check, Entry, Finding, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

SAMPLED = tuple(4**k for k in range(4, 9))
"""Samples that the stochastic ascent sees, 256 to 65,536."""
DISCRETISED = SAMPLED[:3]
"""Points that the law is replaced by in the linear program."""
SEEDS, BATCH = 3, 64
SIDE = 400
"""Of the grid of midpoints that integrates over the square; its error, relative, is checked."""

Floats = NDArray[np.float64]
PLACES = np.stack(np.meshgrid(ATOMS, ATOMS, indexing="ij"), -1).reshape(-1, 2)
WEIGHTS = np.outer(MASSES, MASSES).ravel()


class Solver(NamedTuple):
    """One way to the potential, at each number of samples.

    Attributes:
        samples: how many points of the law were seen (k,).
        gaps: 1 - H(g) / W2^2 of each seed's potential g (seeds, k), H the semi-dual over the law itself: what the
            potential misses, whichever way it was found.
        held: the most costs in memory at once (k,).
    """

    samples: Floats
    gaps: Floats
    held: Floats

    @property
    def gap(self) -> Floats:
        """Medians over the seeds (k,)."""
        return np.asarray(np.median(self.gaps, 0))


def semi_discrete() -> Entry:
    """At equal samples the linear program's potential is the better one; at equal memory the stochastic one's is."""
    ascent, program = stochastic_ascent(), linear_program()
    return Entry(
        title="Semi-discrete against discretised transport",
        words=f"The uniform law on a square is carried to {len(PLACES)} atoms on a grid, whose masses are products, so "
        "that W2² is a sum over the two axes and known exactly. Averaged stochastic gradient ascent draws fresh points "
        "of the law and forgets them; however many it draws, it holds the costs of the 4,096 points only that its step "
        "lengths and its curve are measured on. The linear program replaces the law by as many points as it holds the "
        "costs of. Each gives a potential of the atoms, and both are measured alike: by how much the semi-dual at it, "
        f"integrated over the law itself, falls short of W2². Figures are medians over {SEEDS} seeds.",
        checks=checks(ascent, program),
        pictures=(
            Picture.chart(
                "semi-discrete",
                "At equal samples, and at equal memory",
                "By how much the semi-dual at each potential falls short of W2², relative: a faint dot a seed, the "
                "line their median. Left, against the points of the law that were seen. Right, against the most costs "
                "that were in memory at once, in numbers: the ascent's stay the same, so that its dots, of more and "
                "more samples from top to bottom, stand on a vertical line; that line is the equal memory.",
                "Two log-log charts: left, two falling curves, the program's lower; right, the program's falls to the "
                "right, the ascent's straight down",
                draw,
                ascent=ascent,
                program=program,
            ),
        ),
        source="Genevay, Cuturi, Peyré, Bach, “Stochastic optimization for large-scale optimal transport”, section 4, "
        "arXiv 1605.08527",
        findings=findings(ascent, program),
    )


def semi_dual(g: Floats) -> float:
    """<b, g> + E min_j |X - y_j|^2 - g_j, X uniform on the square: by the midpoint rule."""
    line = (np.arange(SIDE) + 0.5) / SIDE
    along = (line[:, None] - ATOMS) ** 2
    costs = along[:, None, :, None] + along[None, :, None, :] - g.reshape(len(ATOMS), -1)
    return float(WEIGHTS @ g + costs.min((2, 3)).mean())


def truth() -> float:
    """W2^2: the squared distance is a sum over the axes and both laws are products, so it is twice that on the line."""
    return 2.0 * cells()


def best() -> Floats:
    """The optimal potential: the sum of those on the line, where the cells' ends are the sums of the masses."""
    ends = np.cumsum(MASSES)[:-1]
    steps = (ends - ATOMS[1:]) ** 2 - (ends - ATOMS[:-1]) ** 2  # neighbours cost the same, less g, at an end
    g = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(g[:, None] + g).ravel()


def drawn(n: int) -> Floats:
    """Points (n, 2) of the uniform law on the square, from torch's generator."""
    return np.asarray(torch.rand(n, 2, dtype=torch.float64).numpy())


def stochastic_ascent() -> Solver:
    """Averaged SGD with budgets that grow."""
    gaps, held = np.empty((SEEDS, len(SAMPLED))), np.zeros(len(SAMPLED))
    for k, samples in enumerate(SAMPLED):

        def counted(x: Tensor, y: Tensor, k: int = k) -> Tensor:
            held[k] = max(held[k], len(x))
            return (x - y).square().sum(1)

        for seed in range(SEEDS):
            plan = stochastic.semi_discrete(
                drawn, PLACES, WEIGHTS, counted, samples=samples, batch=BATCH, evaluation=2, seed=seed
            )
            gaps[seed, k] = 1.0 - semi_dual(np.asarray(plan.g)) / truth()
    return Solver(np.array(SAMPLED, float), gaps, held)


def linear_program() -> Solver:
    """Exact transport from so many points of the law: all their costs are held."""
    gaps = np.empty((SEEDS, len(DISCRETISED)))
    held = np.array(DISCRETISED, float) * len(PLACES)
    for k, samples in enumerate(DISCRETISED):
        for seed in range(SEEDS):
            x = np.random.default_rng(seed).random((samples, 2))
            plan = emd(None, WEIGHTS, ((x[:, None] - PLACES) ** 2).sum(2))
            gaps[seed, k] = 1.0 - semi_dual(plan.g) / truth()
    return Solver(np.array(DISCRETISED, float), gaps, held)


def equals(ascent: Solver, program: Solver) -> tuple[float, float]:
    """The program's gap over the ascent's: at equal samples, and where it holds as many costs as the ascent does.

    Equal samples are the most that both were given; equal memory leaves the ascent its largest budget of samples.
    """
    place = int(np.flatnonzero(ascent.samples == program.samples[-1])[0])
    fits = int(np.flatnonzero(program.held <= ascent.held[-1])[-1])
    return float(program.gap[-1] / ascent.gap[place]), float(program.gap[fits] / ascent.gap[-1])


def checks(ascent: Solver, program: Solver) -> tuple[Check, ...]:
    """The quadrature's error, the two comparisons, and that the ascent's memory stays the same."""
    samples, memory = equals(ascent, program)
    return (
        equal(
            "semi-dual at the optimal potential, by the midpoint rule, over W2²", semi_dual(best()) / truth(), 1, 2e-6
        ),
        between("least of all gaps: no potential exceeds W2²", min(ascent.gaps.min(), program.gaps.min()), low=-2e-6),
        between("equal samples: the program's gap over the ascent's", samples, high=0.9),
        between("equal memory: the program's gap over the ascent's", memory, low=3.0),
        equal("costs that the ascent holds, most samples over fewest", ascent.held[-1] / ascent.held[0], 1.0),
        between("gap of the ascent, most samples over fewest", ascent.gap[-1] / ascent.gap[0], high=1e-2),
        between("gap of the program, most samples over fewest", program.gap[-1] / program.gap[0], high=0.1),
    )


def findings(ascent: Solver, program: Solver) -> tuple[Finding, ...]:
    """What the checks back, with the figures."""
    samples, memory = equals(ascent, program)
    return (
        Finding(
            f"At equal samples, {int(program.samples[-1]):,}, the linear program is the better use of them: what its "
            f"potential misses is {samples:.2g} times what the ascent's does. But it holds the costs of all of them.",
            ("equal samples",),
        ),
        Finding(
            f"At equal memory, {int(ascent.held[-1]):,} costs, the ascent is ahead: it goes on to "
            f"{int(ascent.samples[-1]):,} samples, and the program's potential misses {memory:.2g} times as much.",
            ("equal memory", "costs that the ascent holds"),
        ),
    )


def draw(ascent: Solver, program: Solver, *, theme: Theme) -> bytes:
    """The gaps against samples, and against costs held."""
    with typeset():
        figure, (left, right) = chart(3.8, columns=2, theme=theme, width=9.8)
        for axes, solvers in ((left, (ascent.samples, program.samples)), (right, (ascent.held, program.held))):
            _gaps(axes, solvers[0], ascent, theme.data)
            _gaps(axes, solvers[1], program, theme.model)
            axes.set(xscale="log", yscale="log")
        left.set(xlabel="points of the law that were seen", ylabel="what the potential misses of W2², relative")
        right.set(xlabel="costs in memory at once, most (numbers)")
        right.axvline(ascent.held[-1], color=theme.quiet, lw=0.9, ls=(0, (4, 4)), zorder=0)
        left.set_title("at equal samples", loc="left", color=theme.ink, size=10)
        right.set_title("at equal memory", loc="left", color=theme.ink, size=10)
        left.text(ascent.samples[3], 2.5 * ascent.gap[3], "stochastic ascent", color=theme.data, size=9.5)
        left.text(program.samples[2], 0.45 * program.gap[2], "linear program", color=theme.model, size=9.5, ha="right")
        for k in (0, len(SAMPLED) - 1):
            label = f"{int(ascent.samples[k]):,} samples"
            right.text(1.15 * ascent.held[k], ascent.gap[k], label, color=theme.data, size=9, va="center")
        return png(figure)


def _gaps(axes: Axes, places: Floats, solver: Solver, colour: str) -> None:
    for gaps in solver.gaps:
        axes.plot(places, gaps, "o", color=colour, ms=4, alpha=0.35, mew=0)
    axes.plot(places, solver.gap, "o-", color=colour, lw=1.8, ms=4)
