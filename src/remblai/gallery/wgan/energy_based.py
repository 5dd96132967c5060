"""The energy-based GAN at its best discriminator is total variation: on the parallel lines it says yes or no."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.optimize import linprog

from remblai.distances import jensen_shannon, total_variation, transport
from remblai.distances.integral_probability import Bounded, ipm
from remblai.gallery.entry import Check, Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

POINTS = 32
MARGIN = 1.0
THETAS = np.linspace(-1.0, 1.0, 21)
MARGINS = (0.5, 1.0, 10.0)
HEIGHTS = (np.arange(POINTS) + 0.5) / POINTS
PAIRS = 20
"""Random pairs of laws that share a part of their places."""
BETWEEN = 0.5
"""Theta of the lines whose critics are shown."""

Floats = NDArray[np.float64]


def energy_based() -> Entry:
    """m minus the least loss of the energy is m TV: 0 at θ = 0 and m elsewhere, so that no θ is better."""
    laws = [on_lines(float(theta)) for theta in THETAS]
    values = np.array([MARGIN - least_loss(p, q, MARGIN) for p, q in laws])
    lengths = np.array([w1(float(theta))[0] for theta in THETAS])
    picture = Picture.chart(
        "energy-based",
        "A critic that is free between the lines gives no direction",
        "Left: what the best energy shows of two parallel lines, and W1. Right: that energy for lines at 0 and "
        "0.5: it has to be 0 on the data and at least the margin on the model, but between them anything does, so the "
        "model gets no direction. The best 1-Lipschitz critic of W1 has to rise at slope 1 all the way.",
        "The energy-based value and W1 against θ, and the two critics along the way between the lines",
        draw,
        values=values,
        lengths=lengths,
    )
    return Entry(
        title="The energy-based GAN measures total variation",
        words="The energy-based GAN lowers an energy on the data and raises it on the model up to a margin m. A linear "
        "program finds the best energy of two discrete laws: its loss is m less m times their total variation. On the "
        "parallel lines that is all or nothing, like Jensen-Shannon: m for every θ but 0, with slope 0, where W1 "
        "falls at slope 1 towards the answer.",
        checks=(*on_the_lines(values, lengths), *elsewhere()),
        pictures=(picture,),
        source="Zhao, Mathieu and LeCun, “Energy-based GAN” (2016), arXiv 1609.03126; its total variation is in "
        "Arjovsky, Chintala and Bottou, “Wasserstein GAN” (2017), arXiv 1701.07875",
    )


def on_the_lines(values: Floats, lengths: Floats) -> list[Check]:
    """What the two values are on the parallel lines, and their slopes."""
    away = THETAS != 0
    p, q = on_lines(BETWEEN)
    wide = np.append(p, 0.0), np.append(q, 0.0)
    return [
        equal("value at θ = 0", float(values[~away][0]), 0.0),
        equal("least value at any other θ", float(values[away].min()), MARGIN),
        equal("largest value at any other θ", float(values[away].max()), MARGIN),
        equal("Jensen-Shannon at θ = 0.5: log 2", jensen_shannon(p, q), math.log(2.0)),
        equal("largest error of W1 from |θ|", float(np.abs(lengths - np.abs(THETAS)).max()), 0.0),
        equal("slope of the value at θ = 0.5, by differences", value_slope(BETWEEN), 0.0),
        equal("slope of W1 at θ = 0.5, by its plan", w1(BETWEEN)[1], 1.0),
        equal("slope of W1 at θ = \N{MINUS SIGN}0.5", w1(-BETWEEN)[1], -1.0),
        equal("least loss, energy between the lines fixed at 0", least_loss(*wide, MARGIN, fixed=0.0), 0.0),
        equal("least loss, energy between the lines fixed at m", least_loss(*wide, MARGIN, fixed=MARGIN), 0.0),
    ]


def elsewhere() -> list[Check]:
    """The identity on random laws that share some of their places, for several margins."""
    rng, places = np.random.default_rng(0), np.arange(12.0)
    overlaps, errors, others = [], [], []
    for pair in range(PAIRS):
        p, q = rng.dirichlet(np.full(12, 0.5), size=2)
        p[:3], q[-3:] = 0.0, 0.0
        p, q, margin = p / p.sum(), q / q.sum(), MARGINS[pair % len(MARGINS)]
        gap, best = margin - least_loss(p, q, margin), ipm(Bounded(0.0, margin), places, places, q, p).value
        overlaps.append(1.0 - total_variation(p, q))
        errors.append(abs(gap - margin * total_variation(p, q)))
        others.append(abs(gap - best))
    return [
        between(f"{PAIRS} random pairs of laws: least overlap, 1 \N{MINUS SIGN} TV", min(overlaps), low=0.01),
        equal("their largest error of m minus the loss = m TV", max(errors), 0.0),
        equal("and of the best critic with values in [0, m]", max(others), 0.0),
    ]


def least_loss(p: Floats, q: Floats, margin: float, fixed: float | None = None) -> float:
    """The least sum p D + q max(0, m - D) over energies D >= 0, by a linear program in D and s >= max(0, m - D).

    Args:
        p: weights (k,) of the data.
        q: weights (k,) of the model.
        margin: m.
        fixed: the last place's energy, where it is not free.
    """
    k = len(p)
    bounds: list[tuple[float, float | None]] = [(0.0, None)] * (2 * k)
    if fixed is not None:
        bounds[k - 1] = (fixed, fixed)
    both = np.concatenate([p, q])
    found = linprog(both, A_ub=-np.hstack([np.eye(k), np.eye(k)]), b_ub=np.full(k, -margin), bounds=bounds)
    return float(found.fun)


def value_slope(theta: float, step: float = 1e-4) -> float:
    """The derivative of the value in theta, by central differences."""
    low, high = (least_loss(*on_lines(theta + side * step), MARGIN) for side in (-1.0, 1.0))
    return (low - high) / (2.0 * step)


def w1(theta: float) -> tuple[float, float]:
    """W1 of the two lines, and its derivative in theta, through the plan."""
    heights, shift = torch.from_numpy(HEIGHTS), torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    x, y = (torch.stack([place.expand(POINTS), heights], dim=1) for place in (torch.zeros_like(shift), shift))
    value = transport(x, y, "euclidean").value
    (derivative,) = torch.autograd.grad(value, shift)
    return float(value.detach()), float(derivative)


def critic(way: Floats) -> Floats:
    """The best 1-Lipschitz critic of the lines at 0 and BETWEEN, low on the data, at points (way, 1/2); 0 at 0."""
    x, y = (np.stack([np.full(POINTS, place), HEIGHTS], axis=1) for place in (0.0, BETWEEN))
    middle = np.full_like(way, HEIGHTS[POINTS // 2])
    found = ipm("lipschitz", y, x)(np.stack([way, middle], axis=1))
    return np.asarray(found - np.interp(0.0, way, found))


def on_lines(theta: float) -> tuple[Floats, Floats]:
    """The weights of the two lines' points on the places of both."""
    x, y = (np.stack([np.full(POINTS, place), HEIGHTS], axis=1) for place in (0.0, theta))
    _, index = np.unique(np.concatenate([x, y]), axis=0, return_inverse=True)
    sides = index.ravel().reshape(2, POINTS)
    p, q = (np.bincount(side, minlength=int(index.max()) + 1) / POINTS for side in sides)
    return p, q


def draw(values: Floats, lengths: Floats, *, theme: Theme) -> bytes:
    """The two values against theta, and the two critics on the way between the lines."""
    with typeset():
        figure, (left, right) = chart(3.6, columns=2, theme=theme, width=9.8)
        _values(left, values, lengths, theme)
        _critics(right, theme)
        return png(figure)


def _values(axes: Axes, values: Floats, lengths: Floats, theme: Theme) -> None:
    axes.plot([-1, 1], [MARGIN, MARGIN], color=theme.data, lw=1.8)
    axes.plot(THETAS, values, "o", color=theme.data, ms=4.5, zorder=4, clip_on=False)
    axes.plot(0, MARGIN, "o", color=theme.paper, mec=theme.data, mew=1.6, ms=6, zorder=5)
    axes.plot(THETAS, lengths, color=theme.model, lw=2.2)
    axes.text(-1, 1.05, "m TV: the best energy, by linear programs", color=theme.data, size=9.5)
    axes.text(0.4, 0.3, "W1 = |θ|", color=theme.model, size=10.5, weight="bold", va="top")
    axes.set(xlim=(-1.03, 1.03), ylim=(-0.04, 1.18), xticks=[-1, 0, 1], xlabel="θ, the distance of the lines")
    axes.set_yticks([0, MARGIN], ["0", "m = 1"])
    axes.set_ylabel("distance of the laws")


def _critics(axes: Axes, theme: Theme) -> None:
    way = np.linspace(0.0, BETWEEN, 51)
    axes.fill_between([0, BETWEEN], 0, MARGIN, color=theme.data, alpha=0.13, lw=0)
    axes.plot([0, BETWEEN], [0, MARGIN], "o", color=theme.data, ms=7, zorder=5)
    axes.plot(way, critic(way), color=theme.model, lw=2.2, zorder=4)
    axes.text(0.02, 0.92, "best energy:\nanything in here", color=theme.data, size=9.5, va="top")
    axes.text(0.27, 0.22, "W1's critic", color=theme.model, size=10.5, weight="bold", va="top")
    for place, name in ((0.0, "data"), (BETWEEN, "model")):
        axes.plot([place, place], [0, 1.06], color=theme.line, lw=1, zorder=0)
        axes.text(place, 1.09, name, color=theme.ink, size=10, weight="bold", ha="center")
    axes.set(xlim=(-0.08, 0.58), ylim=(-0.04, 1.18), xlabel="first coordinate", ylabel="critic")
    axes.set_xticks([0, BETWEEN], ["0", "0.5"])
    axes.set_yticks([0, BETWEEN, MARGIN], ["0", "0.5", "m = 1"])
