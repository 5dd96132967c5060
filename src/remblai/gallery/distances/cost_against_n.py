"""How the time of a comparison grows with the sample: MMD, exact, entropic and stochastic transport in one run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai.costs import Square, squared_distances
from remblai.discrepancies import MMD
from remblai.distances import sinkhorn, transport
from remblai.distances.stochastic.finite import discrete
from remblai.distances.stochastic.semidiscrete import semi_discrete
from remblai.gallery.entry import Entry, Finding, between, equal
from remblai.kernels import Gaussian
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

SIZES = (64, 128, 256, 512, 1024)
DIMENSIONS, SHIFT = 4, 0.5
EPSILON = 1.0
ERROR = 1e-2
"""Marginal error at which Sinkhorn's iteration and the stochastic one stop."""

BATCH = 16
ONE_STEP = "one step of the semi-dual"
REPEATS = 5


@dataclass
class Run:
    """One method over all sizes: the least processor time of the repeats, and the answers."""

    seconds: list[float] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)


def cost_against_n() -> Entry:
    """MMD is one pass over the pairs and Sinkhorn some ten; a stochastic step reads n costs a sample."""
    runs = timed()
    entropic, stepped, exact = (runs[name].answers for name in ("Sinkhorn", "stochastic semi-dual", "exact"))
    visits = [plan.iterations * BATCH / n for plan, n in zip(stepped, SIZES, strict=True)]
    apart = [abs(one.value / other.value - 1.0) for one, other in zip(entropic, stepped, strict=True)]
    blur = [one.value - other.value for one, other in zip(entropic, exact, strict=True)]
    used = [len(plan.entries[0]) / n for plan, n in zip(exact, SIZES, strict=True)]
    by_hand = double_sum(*samples(SIZES[-1]))
    checks = (
        equal("MMD at the largest n, by the double sum", runs["MMD"].answers[-1], by_hand, 1e-10),
        between("Sinkhorn's and the stochastic value apart, most, relative", max(apart), high=1e-3),
        between("entropic value above the exact one, least", min(blur), low=0.0),
        between("pairs that an exact plan uses, in units of n", max(used), 1, 2),
        between("Sinkhorn's iterations, most", max(plan.iterations for plan in entropic), 2, 30),
        between("the same, largest n over smallest", entropic[-1].iterations / entropic[0].iterations, high=1.5),
        between("visits of a row by the stochastic ascent, largest n over smallest", visits[-1] / visits[0], high=3.0),
        equal("pairs that one stochastic step reads, of n = 64, a sample", pairs_read(64), 64),
        equal("the same of n = 256", pairs_read(256), 256),
    )
    picture = Picture.chart(
        "cost-against-n",
        "Time against n",
        f"Two samples of n points in {DIMENSIONS} dimensions, one thread, the least processor time of {REPEATS} "
        "repeats, all in one run on the machine that drew this. Dashed: the slopes of n² and n³. Times bend away from "
        "a power of n where calls cost more than arithmetic, and where matrices leave the processor's cache; what the "
        f"findings say of powers is counted. Sinkhorn and the semi-dual stop at one marginal error, {ERROR:g}.",
        "Log-log chart of seconds against n: four methods, and one step of the stochastic one",
        draw,
        runs=runs | {ONE_STEP: one_step(runs["stochastic semi-dual"])},
    )
    return Entry(
        title="What a comparison costs",
        words="Two samples of n points are compared four ways in one run: their time is measured, and what they do is "
        "counted. MMD is a single pass over the n² pairs, Sinkhorn a number of passes, exact transport a network "
        "simplex, near n³ at worst; the stochastic ascent of the semi-dual reads one sample after the other.",
        checks=checks,
        pictures=(picture,),
        source="Li, Swersky, Zemel, “Generative moment matching networks”, arXiv 1502.02761; Genevay, Cuturi, Peyré, "
        "Bach, “Stochastic optimization for large-scale optimal transport”, arXiv 1605.08527",
        findings=(
            Finding(
                "Sinkhorn needs some ten passes, and about as many for 1024 points as for 64: the same power of n as "
                "MMD, at another price.",
                ("Sinkhorn's iterations", "the same, largest n over smallest"),
            ),
            Finding("Exact transport uses but n of the pairs in the end.", ("pairs that an exact plan uses",)),
            Finding(
                "A step of the stochastic ascent reads n costs a sample and no more, which is what brings laws within "
                "reach that can only be sampled.",
                ("pairs that one stochastic step reads", "the same of n = 256"),
            ),
        ),
    )


def samples(n: int) -> tuple[Tensor, Tensor]:
    """Two normal samples (n, 4), the second shifted, from a generator of their own."""
    rng = np.random.default_rng(n)
    x, y = (torch.from_numpy(rng.standard_normal((n, DIMENSIONS))) for _ in range(2))
    return x, y + SHIFT


def methods() -> dict[str, Callable[[Tensor, Tensor], Any]]:
    """What is timed, each from the points: (x, y) to a value or a plan."""
    mmd, matrix = MMD(Gaussian(DIMENSIONS)), Square().matrix
    return {
        "MMD": lambda x, y: float(mmd(x, y)),
        "Sinkhorn": lambda x, y: sinkhorn(None, None, matrix(x, y), EPSILON, tolerance=ERROR),
        "stochastic semi-dual": lambda x, y: discrete(None, None, matrix(x, y), EPSILON, batch=BATCH, tolerance=ERROR),
        "exact": lambda x, y: transport(x, y, method="network-simplex"),
    }


def timed() -> dict[str, Run]:
    """Every method at every size, the repeats interleaved so that a busy moment hits all methods and sizes alike."""
    solvers, points = methods(), [samples(n) for n in SIZES]
    tasks = [(name, size) for size in range(len(SIZES)) for name in solvers]
    seconds: dict[tuple[str, int], list[float]] = {task: [] for task in tasks}
    answers: dict[tuple[str, int], Any] = {}
    with single_thread():
        for solve in solvers.values():
            solve(*points[0])  # imports and first calls
        for _ in range(REPEATS):
            for name, size in tasks:
                began = time.process_time()
                answers[name, size] = solvers[name](*points[size])
                seconds[name, size].append(time.process_time() - began)
    sizes = range(len(SIZES))
    return {name: Run([min(seconds[name, i]) for i in sizes], [answers[name, i] for i in sizes]) for name in solvers}


@contextmanager
def single_thread() -> Iterator[None]:
    """Within it torch works on one thread, so that powers of n are not those of a pool of threads that fills up."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def one_step(run: Run) -> Run:
    """The mean time of one step of the stochastic ascent, the set-up of its costs shared out among them."""
    return Run([second / plan.iterations for second, plan in zip(run.seconds, run.answers, strict=True)])


def pairs_read(n: int) -> float:
    """How many costs a stochastic step against n atoms asks for, a sample: counted, over some more steps than few."""
    asked = 0

    def counted(x: Tensor, y: Tensor) -> Tensor:
        nonlocal asked
        asked += len(x)
        return (x - y).square().sum(1)

    def used(drawn: int) -> int:
        before, rng = asked, np.random.default_rng(0)
        atoms = rng.standard_normal((n, DIMENSIONS))
        semi_discrete(
            lambda k: rng.standard_normal((k, DIMENSIONS)), atoms, cost=counted,
            samples=drawn, evaluation=2, batch=BATCH, records=1,
        )  # fmt: skip
        return asked - before

    return (used(4 * BATCH) - used(2 * BATCH)) / (2 * BATCH)


def double_sum(x: Tensor, y: Tensor) -> float:
    """The unbiased squared MMD, written out."""
    n = len(x)
    across, *within = (torch.exp(-squared_distances(p, q) / (2 * DIMENSIONS)) for p, q in ((x, y), (x, x), (y, y)))
    return float(sum((k.sum() - n) / (n * (n - 1)) for k in within) - 2 * across.mean())


def draw(runs: dict[str, Run], *, theme: Theme) -> bytes:
    """Seconds against n, with names where the curves end and two powers of n to compare their slopes with."""
    five = (theme.classes[2], theme.data, theme.model, theme.classes[3], theme.classes[8])
    colours = dict(zip(runs, five, strict=True))
    with typeset():
        figure, (axes,) = chart(4.2, theme=theme, width=7.4)
        for name, run in runs.items():
            single = name == ONE_STEP
            axes.loglog(SIZES, run.seconds, "o-", color=colours[name], lw=1.2 if single else 1.8, ms=3 if single else 5)
        low, high = SIZES[-3], SIZES[-1]
        start = 2 * max(run.seconds[-3] for run in runs.values())
        for power in (2, 3):
            end = start * (high / low) ** power
            axes.loglog([low, high], [start, end], "--", color=theme.quiet, linewidth=0.9)
            axes.text(high * 1.05, end, f"$n^{power}$", color=theme.quiet, size=9.5, va="center")
        ends = spread({name: run.seconds[-1] for name, run in runs.items()})
        for name, height in ends.items():
            axes.text(SIZES[-1] * 1.6, height, name, color=theme.written(colours[name]), size=9.5, va="center")
        axes.set_xlabel("n, points in each sample", x=0.36)
        axes.set(ylabel="seconds of one processor", xlim=(SIZES[0] / 1.2, SIZES[-1] * 8))
        axes.set_xticks(SIZES, [str(n) for n in SIZES])
        axes.spines["bottom"].set_bounds(SIZES[0] / 1.2, SIZES[-1] * 1.5)
        return png(figure)


def spread(heights: dict[str, float], ratio: float = 1.8) -> dict[str, float]:
    """Heights of labels on a logarithmic axis, moved up until none is nearer to the one below it than the ratio."""
    positions: dict[str, float] = {}
    for name in sorted(heights, key=lambda name: heights[name]):
        positions[name] = max([heights[name], *(ratio * below for below in positions.values())])
    return positions
