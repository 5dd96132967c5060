"""Two parallel lines: W1 measures how far apart they are, the divergences only whether they touch."""

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from remblai.distances import jensen_shannon, kullback_leibler, total_variation, transport
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

POINTS = 256
SETS = 2000
"""Pairs of independent sets, whose W1 has a law of its own."""
SHIFTS = (1.0, 0.1, 0.01, 0.0)
ABOUT = {1.0: 1.0003, 0.1: 0.1038, 0.01: 0.0650, 0.0: 0.0296}
"""W1 between one pair of independent sets of 256 points, by theta, as another program drew them."""
SHARE = (0.005, 0.995)
"""The band of the sampled W1 holds 99 % of the pairs."""
INFINITY = 1.42
"""Where the picture puts it."""

Floats = NDArray[np.float64]


def parallel_lines() -> Entry:
    """P_0 = (0, Z) against P_θ = (θ, Z), Z uniform: W1 = |θ|, and nothing else sees θ."""
    rng = np.random.default_rng(0)
    one, other = rng.random((2, POINTS))
    heights = np.sort(rng.random((2, SETS, POINTS)), axis=2)
    checks = [equal(f"W1 from the same z, θ = {theta:g}", w1(0.0, one, theta, one), theta) for theta in SHIFTS]
    for theta in (0.01, 0.0):
        p, q = common(line(0.0, one), line(theta, one))
        apart, label = float(theta != 0), f"θ = {theta:g}"
        checks += [
            equal(f"total variation, {label}", total_variation(p, q), apart),
            equal(f"Jensen-Shannon, {label}", jensen_shannon(p, q), apart * math.log(2.0)),
            equal(f"KL of P_0 from P_θ, {label}", kullback_leibler(p, q), math.inf if theta else 0.0),
            equal(f"KL of P_θ from P_0, {label}", kullback_leibler(q, p), math.inf if theta else 0.0),
        ]
    for theta in SHIFTS:
        low, high = (float(bound) for bound in np.quantile(by_rank(heights, theta), SHARE))
        known, label = ABOUT[theta], f"independent z, θ = {theta:g}"
        checks += [
            equal(f"W1 from {label}", w1(0.0, one, theta, other), float(by_rank(np.sort([one, other]), theta)), 1e-7),
            between(f"W1 from another program's {label}", known, low, high),
        ]
    picture = Picture.chart(
        "parallel-lines",
        "Only W1 knows how far the lines are apart",
        "Left: the four distances as θ moves. W1 leads to 0 from everywhere; the others are flat but for a hole at "
        "0. Right: what 256 points of each law show of it, with the same z and with independent ones: the band holds "
        "99 % of the draws, and below the floor, which θ = 0 itself shows, no sample distinguishes the lines.",
        "Four distances between two parallel lines against their distance, and W1 from samples with its floor",
        draw,
        heights=heights,
    )
    return Entry(
        title="Parallel lines: where only one distance has a slope",
        words="A law on a line is compared with the same law on a parallel line, at the distance θ. W1 is |θ|, "
        "while total variation (1), Jensen-Shannon (log 2) and both Kullback-Leibler divergences (infinite) are the "
        "same for every θ but 0: a model that learns by them gets no sign of where to go. A sample shows |θ| "
        "exactly if both lines use the same z; with independent z it shows at least the sampling floor, about 0.03 for "
        "256 points, however close the lines are.",
        checks=tuple(checks),
        pictures=(picture,),
        source="Arjovsky, Chintala and Bottou, “Wasserstein GAN” (2017), example 1, arXiv 1701.07875",
    )


def line(theta: float, z: Floats) -> Floats:
    """The points (theta, z_i): (n, 2)."""
    return np.stack([np.full_like(z, theta), z], axis=1)


def w1(theta: float, z: Floats, other: float, others: Floats) -> float:
    """W1 between the points of two lines."""
    return float(transport(line(theta, z), line(other, others), "euclidean").value)


def common(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The weights of two sets of equally heavy points on the places of both."""
    places, index = np.unique(np.concatenate([x, y]), axis=0, return_inverse=True)
    index = index.ravel()
    p, q = (np.bincount(part, minlength=len(places)) / len(part) for part in (index[: len(x)], index[len(x) :]))
    return p, q


def by_rank(heights: Floats, theta: float) -> Floats:
    """W1 of sets of sorted heights (2, ..., n) on two lines: the length of (theta, gap) is convex in the gap."""
    found: Floats = np.hypot(theta, heights[0] - heights[1]).mean(-1)
    return found


def draw(heights: Floats, *, theme: Theme) -> bytes:
    """The distances as functions of theta, and W1 as samples show it."""
    with typeset():
        figure, (left, right) = chart(3.7, columns=2, theme=theme, width=9.8)
        _exact(left, theme)
        _sampled(right, heights, theme)
        return png(figure)


def _exact(axes: Axes, theme: Theme) -> None:
    theta = np.linspace(-1.0, 1.0, 3)
    axes.plot(theta, np.abs(theta), color=theme.model, lw=2.2, zorder=3)
    axes.plot(0, 0, "o", color=theme.model, ms=6, zorder=5)
    for level, name, colour in (
        (1.0, "total variation", theme.data),
        (math.log(2.0), "Jensen-Shannon", theme.classes[3]),
        (INFINITY, "Kullback-Leibler, both ways", theme.classes[2]),
    ):
        axes.plot([-1, 1], [level, level], color=colour, lw=1.8)
        axes.plot(0, level, "o", color=theme.paper, mec=colour, mew=1.6, ms=6, zorder=4)
        axes.text(-0.06, level + 0.035, name, color=theme.written(colour), ha="right", size=9.5)
    axes.text(0.33, 0.26, "W1 = |θ|", color=theme.model, size=10.5, weight="bold", va="top")
    axes.annotate(
        "at θ = 0\nall are 0", (0.02, 0.0), (0.33, 0.05), color=theme.quiet, size=8.5, va="center",
        arrowprops={"arrowstyle": "-", "color": theme.line, "shrinkB": 5},
    )  # fmt: skip
    axes.set(xlim=(-1.03, 1.03), ylim=(-0.06, 1.55), xticks=[-1, 0, 1], xlabel="θ, the distance of the lines")
    axes.set_yticks([0, math.log(2.0), 1, INFINITY], ["0", "log 2", "1", "∞"])
    axes.set_ylabel("distance of the laws")


def _sampled(axes: Axes, heights: Floats, theme: Theme) -> None:
    theta = np.geomspace(1e-3, 1.0, 31)
    found = np.stack([by_rank(heights, float(one)) for one in theta], axis=1)
    low, high = np.quantile(found, SHARE, axis=0)
    none = by_rank(heights, 0.0)
    floor = float(none.mean())
    axes.axhspan(*np.quantile(none, SHARE), color=theme.quiet, alpha=0.09, lw=0)
    axes.fill_between(theta, low, high, color=theme.data, alpha=0.18, lw=0)
    axes.plot(theta, found.mean(0), color=theme.data, lw=1.8)
    axes.plot(theta, theta, color=theme.model, lw=2.2)
    axes.axhline(floor, color=theme.quiet, lw=1, ls=(0, (2, 3)))
    axes.text(1.3e-3, high[0] * 1.12, "independent z:\nmean, 99 % of the draws", color=theme.data, size=9.5)
    axes.text(
        0.92,
        floor * 0.92,
        f"sampling floor {floor:.3f},\nwhat θ = 0 shows",
        color=theme.quiet,
        size=9,
        ha="right",
        va="top",
    )
    axes.text(6.5e-3, 4.2e-3, "same z: exactly |θ|", color=theme.model, size=10.5, weight="bold")
    axes.set(xscale="log", yscale="log", xlim=(1e-3, 1.0), ylim=(1e-3, 1.3), xlabel="θ, the distance of the lines")
    axes.set_ylabel(f"W1 from {POINTS} points of each law")
    ticks = (1e-3, 1e-2, 1e-1, 1.0)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
