"""Charts of a report: terms over time, codes against the prior, points over data. All are transparent PNG bytes.

A chart takes a `Theme`; `Picture.chart` draws it for light and for dark paper.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from remblai.metrics.reading import number
from remblai.report.escaping import literal
from remblai.report.plane import Plane
from remblai.report.style import LIGHT, MARKERS, WIDTH, Theme, chart, png, typeset

Floats = NDArray[np.float64]
SHOWN = 4000  # points: more only make a blot
CLASSES = 10
LONGEST = 24  # letters of a class's name in a legend
FEW = 30  # places of a curve that are marked one by one, at most
DECADES = 10.0  # a positive curve that falls further than this is read better on a log scale
LEVELS = np.linspace(0.01, 0.99, 99)


def terms(
    steps: Sequence[int],
    values: Mapping[str, Sequence[float]],
    floors: Mapping[str, float] | None = None,
    *,
    theme: Theme = LIGHT,
) -> bytes:
    """Each term over the steps, in a panel of its own: as logged in light, smoothed in dark, its last value written.

    The scale is logarithmic for a term that stays positive and falls more than tenfold, and linear with a line at 0
    for one that may be negative, as an unbiased penalty is half of the time at its best.

    Args:
        steps: (n,), rising.
        values: by name, n each; what is not finite is left out.
        floors: by name, what a value can come down to: a dashed line.
        theme: the colours.

    Raises:
        ValueError: no term, or one of another length.
    """
    x = np.asarray(steps, dtype=np.float64)
    if not values or any(len(curve) != len(x) for curve in values.values()) or len(x) == 0:
        raise ValueError("terms: expected at least one step and, for every name, one value a step: train first.")
    with typeset():
        figure, panels = chart(0.45 + 1.6 * len(values), len(values), theme=theme)
        for axes, (name, curve) in zip(panels, values.items(), strict=True):
            _curve(axes, name, x, np.asarray(curve, dtype=np.float64), (floors or {}).get(name), theme)
        panels[-1].set_xlabel("step")
        panels[-1].xaxis.set_major_locator(MaxNLocator(5, integer=True))
        panels[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        return png(figure)


def _curve(axes: Axes, name: str, x: Floats, y: Floats, floor: float | None, theme: Theme) -> None:
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    axes.set_title(literal(name), loc="left", color=theme.ink, size=10, weight="bold", pad=7)
    if len(y) == 0:
        return
    smooth = smoothed(y)
    negative = bool((y < 0).any())
    if is_logarithmic(y):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if smooth.max() < 200 * smooth.min() else (1,)))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_ylim(*_limits(y, smooth, floor))
    if negative:
        axes.axhline(0, color=theme.quiet, lw=0.8, ls=(0, (2, 3)))
    if floor is not None and (floor > 0 or axes.get_yscale() == "linear"):
        axes.axhline(floor, color=theme.data, lw=1.1, ls=(0, (4, 3)))
        axes.annotate("floor", (x[0], floor), (2, 3), textcoords="offset points", color=theme.data, size=9, va="bottom")
    axes.plot(x, y, color=theme.model, alpha=0.28, lw=0.8)
    axes.plot(x, smooth, ".-" if len(x) <= FEW else "-", color=theme.model, lw=1.6, solid_capstyle="round")
    axes.plot(x[-1], smooth[-1], "o", color=theme.model, ms=4, clip_on=False)
    _beside(axes, number(float(smooth[-1])), (x[-1], smooth[-1]), theme.ink)
    axes.margins(x=0.01)
    axes.grid(axis="y", color=theme.line, lw=0.6, alpha=0.7)
    axes.set_axisbelow(True)


def is_logarithmic(y: Floats) -> bool:
    """Whether a curve (n,) is drawn on a logarithmic scale: it stays positive, and falls or rises more than tenfold."""
    smooth = smoothed(y)
    return len(y) > 0 and float(y.min()) > 0 and float(smooth.max()) > DECADES * float(smooth.min())


def _beside(axes: Axes, text: str, place: tuple[float, float], colour: str) -> None:
    """Writes at the right of a place, outside of the axes too."""
    axes.annotate(
        text, place, (7, 0), textcoords="offset points", va="center", color=colour, size=9.5, annotation_clip=False
    )


def smoothed(y: Floats) -> Floats:
    """The mean over the twentieth of the curve around each point, over what there is of it at the ends."""
    reach = len(y) // 40
    sums = np.concatenate([[0.0], np.cumsum(y)])
    places = np.arange(len(y))
    first, last = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(y))
    smooth: Floats = (sums[last] - sums[first]) / (last - first)
    return smooth


def _limits(y: Floats, smooth: Floats, floor: float | None) -> tuple[float, float]:
    """Around what matters: the smooth curve after its first twentieth, nine tenths of the raw one, and its floor."""
    late = np.append(smooth[len(smooth) // 20 :], [] if floor is None else [floor])
    low, high = min(late.min(), np.quantile(y, 0.05)), max(late.max(), np.quantile(y, 0.95))
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def codes(
    z: Any, prior: Any, labels: Any = None, *, plane: Plane | None = None, names: Sequence[str] | None = None,
    theme: Theme = LIGHT,
) -> bytes:  # fmt: skip
    """Codes over the regions with 50 and 95 % of the prior: a dot a code, by class where there are labels.

    Args:
        z: codes (n, k).
        prior: a sample (m, k) of the prior; the larger the smoother.
        labels: (n,) integers.
        plane: the view; None takes the first two coordinates.
        names: of the classes; their numbers when None.
        theme: the colours.

    Raises:
        ValueError: not tables of at least 2 columns.
    """
    z, p = np.asarray(z, dtype=np.float64), np.asarray(prior, dtype=np.float64)
    if z.ndim != 2 or p.ndim != 2 or z.shape[1] < 2 or p.shape[1] != z.shape[1]:
        raise ValueError(
            f"codes: expected codes and prior (n, k) of one k above 1, got {z.shape} and {p.shape}: use quantiles."
        )
    axes_of_view = np.eye(z.shape[1])[:, :2] if plane is None else plane.axes
    z, p = z[:SHOWN] @ axes_of_view, p @ axes_of_view
    with typeset():
        figure, (axes,) = chart(1.12 * WIDTH, theme=theme)
        _regions(axes, p, theme)
        _dots(axes, z, None if labels is None else np.asarray(labels)[:SHOWN], names, theme)
        low, high = _frame(z, p)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        if plane is None:
            axes.set(xlabel="first coordinate", ylabel="second coordinate")
        else:
            axes.set(xlabel=plane.names[0], ylabel=plane.names[1])
        return png(figure)


def _frame(z: Floats, p: Floats) -> tuple[float, float]:
    middle = (p.max(0) + p.min(0)).mean() / 2
    reach = max(np.abs(p - middle).max() * 0.9, np.quantile(np.abs(z - middle), 0.998) * 1.08)
    reach = reach or 1.0
    return float(middle - reach), float(middle + reach)


def _regions(axes: Axes, p: Floats, theme: Theme) -> None:
    """The smallest regions that hold 50 and 95 % of the prior, from a smoothed histogram of its sample."""
    counts, x, y = np.histogram2d(p[:, 0], p[:, 1], bins=64, range=_padded(p))
    density = gaussian_filter(counts, 13 * len(p) ** (-1 / 6))
    falling = np.sort(density.ravel())[::-1]
    share = np.cumsum(falling) / falling.sum()
    levels = [float(falling[np.searchsorted(share, mass)]) for mass in (0.95, 0.5)]
    if not levels[0] < levels[1]:  # a prior on few points has no regions to draw
        return
    middle = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
    axes.contourf(*middle, density.T, [*levels, density.max() * 2], colors=[theme.quiet], alpha=0.09)
    axes.contourf(*middle, density.T, [levels[1], density.max() * 2], colors=[theme.quiet], alpha=0.09)
    lines = axes.contour(*middle, density.T, levels, colors=[theme.quiet], linewidths=0.7, alpha=0.8, zorder=0.7)
    halo = [withStroke(linewidth=3, foreground=theme.paper)]
    for text in axes.clabel(lines, fmt=dict(zip(levels, ("95 %", "50 %"), strict=True)), fontsize=8):
        text.set(color=theme.quiet, path_effects=halo, zorder=0.8)  # below the dots


def _padded(p: Floats) -> list[list[float]]:
    low, high = p.min(0), p.max(0)
    room = 0.15 * (high - low) + 1e-9
    return [[float(a), float(b)] for a, b in zip(low - room, high + room, strict=True)]


def _dots(axes: Axes, z: Floats, labels: Any, names: Sequence[str] | None, theme: Theme) -> None:
    if labels is None or len(np.unique(labels)) > CLASSES:
        scatter(axes, z, theme.model, float(np.clip(9000 / len(z), 3, 16)))
        return
    kinds = np.unique(labels).tolist()
    coloured(axes, z, labels, kinds, theme)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), **class_key(kinds, names, theme))


def coloured(axes: Axes, z: Floats, labels: Any, kinds: Sequence[int], theme: Theme) -> None:
    """Points z (n, 2) in the colours and shapes of their labels (n,), which are among the kinds; none hides a class."""
    order, size = np.random.default_rng(0).permutation(len(z)), float(np.clip(9000 / max(len(z), 1), 3, 16))
    look = _places(kinds)
    for shape in sorted(set(MARKERS)):
        rows = [row for row in order if MARKERS[look[int(labels[row])]] == shape]
        scatter(axes, z[rows], [theme.classes[look[int(labels[row])]] for row in rows], size, marker=shape)


def class_key(kinds: Sequence[int], names: Sequence[str] | None, theme: Theme) -> dict[str, Any]:
    """What a legend of the classes takes: their marks, and how it looks."""
    words = [_word(int(kind), names) for kind in kinds]
    handles = [
        Line2D([], [], ls="", marker=MARKERS[place], color=theme.classes[place], ms=6, mew=0, label=word)
        for place, word in zip(_places(kinds).values(), words, strict=True)
    ]
    columns = int(np.clip(60 // (max(map(len, words)) + 5), 1, 5))
    look = {"frameon": False, "labelcolor": theme.ink, "handletextpad": 0.1, "columnspacing": 1.4, "fontsize": 9}
    return {"handles": handles, "ncols": columns, **look}


def _places(kinds: Sequence[int]) -> dict[int, int]:
    """The colour of each kind, by its number: a class keeps its own where others are missing."""
    numbered = all(0 <= int(kind) < CLASSES for kind in kinds)
    return {int(kind): int(kind) if numbered else place for place, kind in enumerate(kinds)}


def _word(kind: int, names: Sequence[str] | None) -> str:
    """The name of a class; labels below 0 are of none."""
    if kind < 0:
        return "no class"
    return str(kind) if names is None else _short(literal(names[kind]))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def scatter(axes: Axes, z: Floats, colours: Any, size: float, alpha: float = 0.75, marker: str = "o") -> PathCollection:
    """Points z (n, d >= 2) in the plane of their first two columns."""
    return axes.scatter(z[:, 0], z[:, 1], s=size, c=colours, alpha=alpha, linewidths=0, marker=marker)


def quantiles(z: Any, prior: Any, law: str = "prior", *, theme: Theme = LIGHT) -> bytes:
    """How far each coordinate's quantiles lie from the prior's: flat lines in the band are what matched codes give.

    The band holds 95 % of what n draws of the prior show at that place by chance. A line that falls is a coordinate
    too narrow, one that rises too wide, one off 0 throughout is shifted; a straight fall of the full height is dead.

    Args:
        z: codes (n, k).
        prior: a sample (m, k) of the prior, better larger than the codes.
        law: what the sample is of.
        theme: the colours.
    """
    z, p = np.asarray(z, dtype=np.float64), np.asarray(prior, dtype=np.float64)
    gaps = np.quantile(z, LEVELS, axis=0) - np.quantile(p, LEVELS, axis=0)
    rng = np.random.default_rng(0)
    chance = np.stack([np.quantile(p[rng.integers(len(p), size=len(z)), 0], LEVELS) for _ in range(200)])
    low, high = np.quantile(chance - np.quantile(p[:, 0], LEVELS), (0.025, 0.975), axis=0)
    worst = np.argsort(-np.abs(gaps).mean(0))[:3]
    with typeset():
        figure, (axes,) = chart(WIDTH, theme=theme)
        axes.fill_between(100 * LEVELS, low, high, color=theme.quiet, alpha=0.18, lw=0)
        axes.axhline(0, color=theme.quiet, lw=0.8)
        alpha = float(np.clip(6 / z.shape[1], 0.12, 0.55))
        axes.plot(100 * LEVELS, np.delete(gaps, worst, axis=1), color=theme.data, lw=1, alpha=alpha)
        for axis, (colour, dashes) in zip(worst, _worst_lines(theme), strict=False):
            axes.plot(100 * LEVELS, gaps[:, axis], color=colour, ls=dashes, lw=1.6)
        _named(axes, gaps, worst, theme)
        label = f"code's quantile \N{MINUS SIGN} {law}'s"
        axes.set(xlim=(0, 100), xlabel="share of the codes below, %", ylabel=label)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        return png(figure)


def _named(axes: Axes, gaps: Floats, worst: NDArray[np.intp], theme: Theme) -> None:
    """Names the worst coordinates at the right end of their lines, moved apart where they would touch."""
    room = 0.07 * (gaps.max() - gaps.min() or 1.0)
    last = -np.inf
    colours = {int(axis): colour for axis, (colour, _) in zip(worst, _worst_lines(theme), strict=False)}
    for axis in sorted(worst.tolist(), key=lambda axis: gaps[-1, axis]):
        last = max(gaps[-1, axis], last + room)
        _beside(axes, f"code_{axis}", (99, last), colours[axis])


def _worst_lines(theme: Theme) -> list[tuple[str, Any]]:
    """The colour and the dashes of the worst coordinates' lines, the worst first."""
    return [(theme.model, "-"), (theme.classes[3], (0, (5, 2))), (theme.classes[8], (0, (1.5, 1.5)))]
