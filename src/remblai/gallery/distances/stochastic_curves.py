"""The three stochastic solvers of transport, each against a value that is known without them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.distributions import Normal, Uniform

from remblai.distances import sinkhorn, stochastic
from remblai.gallery.entry import Entry, between
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

PLACES, SHARE = 60, 0.1
"""Of the discrete problem: points on each side, and epsilon in units of the mean cost."""

ATOMS = np.array([0.1, 0.5, 0.8, 1.2, 1.6, 2.0])
MASSES = np.array([0.1, 0.3, 0.1, 0.15, 0.25, 0.1])
SAMPLED = tuple(2**k for k in range(8, 17))
GRID = (np.arange(100_000) + 0.5) / 100_000
"""The law U[0, 1], for integrals: the midpoint rule, whose error here is below 1e-9."""

FIRST, SECOND, EPSILON = (0.0, 1.0), (1.5, 0.6), 1.0
"""Mean and deviation of two normal laws on the line, and the regularisation between them."""

DRAWN = 2**12
FLOOR = 1e-13
"""Errors below it are drawn there: they are rounding."""

Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """Relative errors of a value by samples seen; that of the value on fresh samples, and its standard error."""

    samples: Floats
    error: Floats
    estimate: float = 0.0
    spread: float = 0.0


def stochastic_curves() -> Entry:
    """SAG within 1e-6 of Sinkhorn's value, averaged SGD within 1 % and kernel SGD within 5 % of closed forms."""
    sag, ascent, kernel = discrete(), semi_discrete(), continuous()
    reported = stochastic.semi_discrete(Uniform(0.0, 1.0), ATOMS, MASSES, samples=SAMPLED[-1])
    checks = (
        between("SAG: last value, relative to Sinkhorn's", abs(sag.error[-1]), high=1e-6),
        between("SAG: most by which a value exceeds Sinkhorn's", sag.error.max(), high=1e-9),
        between("averaged SGD: semi-dual at its potential, relative", abs(ascent.error[-1]), high=0.01),
        between("averaged SGD: most by which a semi-dual exceeds W2^2", ascent.error.max(), high=1e-8),
        between("averaged SGD: value on fresh samples, relative", float(reported.value) / cells() - 1.0, -0.01, 0.01),
        between("kernel SGD: value on fresh samples, relative", kernel.estimate, -0.05, 0.05),
        between("the same, in its standard errors", abs(kernel.estimate) / kernel.spread, high=3.0),
        between("kernel SGD: rise from its first record to its last", kernel.error[-1] - kernel.error[0], 0.005, 0.2),
    )
    picture = Picture.chart(
        "stochastic-curves",
        "Three ascents of the dual",
        "Each error is relative to the value known without sampling, and each panel has its own scale; dashed, what "
        "was asked. Right, the curve is read on 256 fixed samples of each law as the potentials grow, and the point on "
        "fresh ones from their average, with two standard errors.",
        "Three charts of error against samples seen: down to rounding, to far below 1 %, and to within 5 %",
        draw,
        sag=sag,
        ascent=ascent,
        kernel=kernel,
    )
    return Entry(
        title="Transport by stochastic gradients",
        words="The semi-dual of transport is an expectation over one law, and three solvers climb it by samples: SAG "
        "between two sets of points, averaged SGD from a law that is sampled to atoms, and kernel SGD between two laws "
        "that are both sampled. Where the sum is finite SAG reaches Sinkhorn's value to rounding; against a law that "
        "never repeats a sample the error falls unevenly and more slowly; and where both potentials must be learnt "
        "as functions, after an early step too far, a few per cent are what thousands of samples buy. No law had to be "
        "replaced by a sample of it, as Sinkhorn would ask.",
        checks=checks,
        pictures=(picture,),
        source="Genevay, Cuturi, Peyré, Bach, “Stochastic optimization for large-scale optimal transport”, arXiv "
        "1605.08527",
    )


def discrete() -> Curve:
    """SAG between two sets of points in the plane: rows seen, and how far the semi-dual is from Sinkhorn's value."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((PLACES, 2)), rng.standard_normal((PLACES, 2)) + 1.0
    costs = ((x[:, None] - y) ** 2).sum(2)
    epsilon = SHARE * costs.mean()
    truth = sinkhorn(None, None, costs, epsilon, tolerance=1e-12).value
    plan = stochastic.discrete(None, None, costs, epsilon, tolerance=1e-8)
    seen, values = np.array(plan.curve).T
    return Curve(seen, values / truth - 1.0)


def cells() -> float:
    """The exact W2^2 from U[0, 1] to the atoms: on the line each one's cell is an interval, in order."""
    ends = np.concatenate([[0.0], np.cumsum(MASSES)])
    return float((((ends[1:] - ATOMS) ** 3 - (ends[:-1] - ATOMS) ** 3) / 3.0).sum())


def semi_dual(g: Floats) -> float:
    """<b, g> + E min_j (X - y_j)^2 - g_j, X ~ U[0, 1]: no sampling is left in it."""
    return float(MASSES @ g + np.min((GRID[:, None] - ATOMS) ** 2 - g, axis=1).mean())


def semi_discrete() -> Curve:
    """Averaged SGD with budgets that grow: the semi-dual at each potential, integrated."""
    law = Uniform(0.0, 1.0)
    found = [
        stochastic.semi_discrete(law, ATOMS, MASSES, samples=budget, batch=32, evaluation=2).g for budget in SAMPLED
    ]
    error = np.array([semi_dual(np.asarray(g)) for g in found]) / cells() - 1.0
    return Curve(np.array(SAMPLED, dtype=float), error)


def gaussians() -> float:
    """The least (m_1 - m_2)^2 + s_1^2 + s_2^2 - 2 c + epsilon KL over normal couplings of covariance c.

    KL is -log(1 - r^2) / 2, r = c / (s_1 s_2); its derivative vanishes at c^2 + epsilon c / 2 = (s_1 s_2)^2.

    Source: Janati, Muzellec, Peyré, Cuturi (2020), theorem 1, arXiv 2006.02572: the optimum is normal.
    """
    (m, s), (other, t) = FIRST, SECOND
    c = np.hypot(EPSILON / 4.0, s * t) - EPSILON / 4.0
    return float((m - other) ** 2 + s**2 + t**2 - 2.0 * c - 0.5 * EPSILON * np.log1p(-((c / (s * t)) ** 2)))


def continuous() -> Curve:
    """Kernel SGD: the values that it records, and its estimate."""
    truth = gaussians()
    plan = stochastic.continuous(Normal(*FIRST), Normal(*SECOND), epsilon=EPSILON, samples=DRAWN)
    seen, values = np.array(plan.curve).T
    return Curve(seen, values / truth - 1.0, float(plan.value) / truth - 1.0, plan.standard_error / truth)


def draw(sag: Curve, ascent: Curve, kernel: Curve, *, theme: Theme) -> bytes:
    """Each solver's error, on the scale that suits it."""
    with typeset():
        figure, (left, middle, right) = chart(3.3, columns=3, theme=theme, width=9.8)
        left.semilogy(sag.samples, np.maximum(-sag.error, FLOOR), "o-", color=theme.data, markersize=3.5)
        left.set(
            xlabel="rows seen", ylabel="relative error", yticks=(1, 1e-4, 1e-8, 1e-12), xticks=(0, 1000, 2000, 3000)
        )
        middle.loglog(ascent.samples, -ascent.error, "o-", color=theme.data, markersize=3.5)
        middle.set(xlabel="samples seen", yticks=(1e-1, 1e-3, 1e-5), ylim=(3e-6, 0.2))
        low = min(-8.0, 110 * float(kernel.error.min()))
        right.semilogx(kernel.samples, 100 * kernel.error, color=theme.data)
        right.errorbar(
            kernel.samples[-1] * 1.15,
            100 * kernel.estimate,
            200 * kernel.spread,
            fmt="o",
            color=theme.model,
            markersize=4,
        )
        right.axhline(0.0, color=theme.line, linewidth=1.0, zorder=0)
        right.set(xlabel="samples seen, of each law", ylabel="error of the value, %", ylim=(low, 8.0), xlim=(90, 6000))
        right.set_xticks((100, 1000), ("100", "1000"))
        named = ((left, "SAG, discrete", (1e-6,)), (middle, "averaged SGD, semi-discrete", (1e-2,)))
        for axes, title, asked in (*named, (right, "kernel SGD, continuous", (-5.0, 5.0))):
            axes.set_title(title, color=theme.ink, size=10)
            for level in asked:
                axes.axhline(level, color=theme.quiet, linewidth=0.9, linestyle=(0, (4, 4)), zorder=0)
        left.text(sag.samples[-1], 2e-6, "one in a million", color=theme.quiet, size=8.5, ha="right")
        middle.text(ascent.samples[-1], 1.3e-2, "1 %", color=theme.quiet, size=8.5, ha="right")
        right.text(kernel.samples[-1] * 1.2, 2.8, "fresh samples", color=theme.model, size=9, ha="right")
        right.text(600, 0.32 * low, "as it learns", color=theme.data, size=9, va="top")
        return png(figure)
