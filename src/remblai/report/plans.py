"""Pictures of transport: two laws on the line, arrows in the plane. All are PNG bytes."""

from typing import Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from remblai.report.escaping import literal
from remblai.report.figures import SHOWN, scatter
from remblai.report.style import LIGHT, WIDTH, Theme, chart, key, png, typeset

Floats = NDArray[np.float64]
ARROWS = 200
"""Arrows of a plan at most."""
BINS = 40
"""Of the two densities on the line."""
ALIKE = 4.0
"""How many times as wide as high a cloud may be, or as high as wide, and still be drawn with one unit on both axes."""


def line(
    x: Any, y: Any, a: Any, b: Any, *, names: tuple[str, str] = ("from", "to"), units: str = "value",
    theme: Theme = LIGHT,
) -> bytes:  # fmt: skip
    """Two laws on the line: above their densities, below their quantiles, with the path between them shaded.

    Below, the height is the share of the mass: at each height the optimal plan carries the value of one curve to that
    of the other, so the area between them is W_1.

    Args:
        x: values (n,) of the first law.
        y: values (m,) of the second law.
        a: masses (n,) of x.
        b: masses (m,) of y.
        names: of the two sets.
        units: what the values are measured in.
        theme: the colours.
    """
    laws = [
        tuple(np.asarray(part, dtype=np.float64).ravel() for part in law) for law in ((x, a), (y, b))
    ]  # values and masses
    edges = np.histogram_bin_edges(np.concatenate([values for values, _ in laws]), BINS)
    levels = np.linspace(0.0, 1.0, 401)
    curves = [_quantiles(values, masses, levels) for values, masses in laws]
    with typeset():
        figure, (above, below) = chart(0.95 * WIDTH, 2, theme=theme)
        for (values, masses), curve, colour in zip(laws, curves, (theme.data, theme.model), strict=True):
            heights = np.histogram(values, edges, weights=masses / masses.sum(), density=True)[0]
            above.stairs(heights, edges, color=colour, lw=1.6)
            above.stairs(heights, edges, color=colour, alpha=0.16, fill=True)
            below.plot(curve, 100 * levels, color=colour, lw=1.6, drawstyle="steps-post")
        below.fill_betweenx(100 * levels, curves[0], curves[1], color=theme.quiet, alpha=0.16, lw=0)
        above.set(ylabel="density", ylim=(0, None))
        below.set(ylabel="share below, %", xlabel=literal(units), ylim=(0, 100))
        below.set_title("shaded: W1, how far the mass is carried", loc="left", color=theme.quiet, size=8.5, pad=4)
        above.yaxis.set_major_locator(MaxNLocator(4))
        key(above, names, theme)
        return png(figure)


def _quantiles(values: Floats, masses: Floats, levels: Floats) -> Floats:
    """The least value with at least the share `levels` of the mass at or below it."""
    order = values.argsort()
    share = np.cumsum(masses[order]) / masses.sum()
    found: Floats = values[order][np.minimum(np.searchsorted(share, levels - 1e-12), len(values) - 1)]
    return found


def matched(
    x: Any, y: Any, rows: Any, columns: Any, masses: Any, *, names: tuple[str, str] = ("from", "to"),
    coordinates: tuple[str, str] = ("first coordinate", "second coordinate"), theme: Theme = LIGHT,
) -> bytes:  # fmt: skip
    """Points of the plane and the arrows along which mass is carried, stronger where it is more.

    Of more than ARROWS entries so many are drawn at random, each with a probability in proportion to its mass, and the
    picture says so. The axes have one unit unless the cloud is ALIKE times as wide as high or the reverse.

    Args:
        x: points (n, 2) that give.
        y: points (m, 2) that receive.
        rows: (k,) which point of x, columns: (k,) which of y, masses: (k,) how much.
        columns: see rows.
        masses: see rows.
        names: of the two sets.
        coordinates: names of the two axes.
        theme: the colours.
    """
    x, y, masses = (np.asarray(one, dtype=np.float64) for one in (x, y, masses))
    some = _some(masses)
    start, end, carried = x[np.asarray(rows)[some]], y[np.asarray(columns)[some]], masses[some]
    both = np.concatenate([x, y])
    wide, high = np.ptp(both, axis=0) + 1e-9
    alike = 1 / ALIKE < high / wide < ALIKE
    size = float(np.clip(4000 / len(both), 3, 26))
    with typeset():
        figure, (axes,) = chart(WIDTH * (float(np.clip(high / wide, 0.6, 1.1)) if alike else 0.8) + 0.4, theme=theme)
        for points, colour in ((x, theme.data), (y, theme.model)):
            axes.scatter(points[:, 0], points[:, 1], s=size, color=colour, linewidths=0, alpha=0.55, zorder=1)
        axes.quiver(
            *start.T, *(end - start).T, color=[to_rgba(theme.ink, 0.12 + 0.33 * m) for m in carried / carried.max()],
            angles="xy", scale_units="xy", scale=1, width=0.0028, headwidth=4.5, headlength=5.5, headaxislength=5,
            minlength=0, zorder=2,
        )  # fmt: skip
        if alike:
            axes.set_aspect("equal", adjustable="datalim")
        axes.autoscale_view()
        axes.set(xlabel=literal(coordinates[0]), ylabel=literal(coordinates[1]))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        key(axes, names, theme)
        figure.supxlabel(_words(int((masses > 0).sum()), len(carried)), size=8.5, color=theme.quiet)
        return png(figure)


def _some(masses: Floats) -> NDArray[np.intp]:
    """Which entries to draw: all that carry mass, or ARROWS of them, drawn without replacement by their mass."""
    carrying = np.flatnonzero(masses > 0)
    if len(carrying) <= ARROWS:
        return carrying
    chance = masses[carrying] / masses[carrying].sum()
    return np.random.default_rng(0).choice(carrying, ARROWS, replace=False, p=chance)


def _words(entries: int, arrows: int) -> str:
    if arrows == entries:
        return f"all {entries:,} pairs of the plan, darker is more mass"
    return f"{arrows:,} of the plan's {entries:,} pairs, drawn at random by mass; darker is more mass"


def points(data: Any, samples: Any, *, names: tuple[str, str] | None = None, theme: Theme = LIGHT) -> bytes:
    """Samples over data in the plane (their first two columns), each in its colour and named by it.

    Args:
        data: (n, d >= 2).
        samples: (m, d).
        names: of the axes, which then have units of their own; None for points of the plane.
        theme: the colours.

    Raises:
        ValueError: not tables of at least 2 columns.
    """
    x, y = np.asarray(data, dtype=np.float64), np.asarray(samples, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or min(x.shape[1], y.shape[1]) < 2:
        raise ValueError(
            f"points: expected (n, d) with d of at least 2, got {x.shape} and {y.shape}: of one number use plans."
        )
    with typeset():
        wide, high = np.ptp(x[:, :2], axis=0) if names is None else (1.0, 0.75)
        figure, (axes,) = chart(WIDTH * float(np.clip(high / (wide + 1e-9), 0.5, 1)), theme=theme)
        scatter(axes, x[:SHOWN], theme.data, float(np.clip(12000 / max(len(x), 1), 4, 22)), 0.3)
        scatter(axes, y[:SHOWN], theme.model, float(np.clip(9000 / max(len(y), 1), 3, 14)), 0.75)
        if names is None:
            axes.set_aspect("equal", adjustable="datalim")
        else:
            axes.set(xlabel=literal(names[0]), ylabel=literal(names[1]))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.text(0, 1.02, "● data", transform=axes.transAxes, color=theme.data, size=10, weight="bold")
        axes.text(0.14, 1.02, "● samples", transform=axes.transAxes, color=theme.model, size=10, weight="bold")
        return png(figure)
