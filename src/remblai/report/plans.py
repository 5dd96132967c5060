"""Pictures of transport: the coupling as a heat map, and matched points in the plane. All are PNG bytes."""

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from numpy.typing import NDArray

from remblai.report.escaping import literal
from remblai.report.style import LIGHT, WIDTH, Theme, chart, png, typeset

Floats = NDArray[np.float64]
CELLS = 240
"""Rows and columns of a heat map at most: larger couplings are summed into so many."""

LINES = 3000
"""Lines of a matching at most: those that carry the most from each point are drawn."""
INK = 300.0
"""How much all lines darken the picture together, as so many opaque ones."""


def heat(coupling: Any, *, names: tuple[str, str] = ("from", "to"), theme: Theme = LIGHT) -> bytes:
    """A coupling (n, m) as a map: rows give, columns receive, darker is more mass.

    Args:
        coupling: masses, none below 0; more than CELLS places a side are summed in groups of neighbours.
        names: of the two sides.
        theme: the colours.
    """
    shown = _grouped(_grouped(np.asarray(coupling, dtype=np.float64), 0), 1)
    rows, columns = shown.shape
    colours = LinearSegmentedColormap.from_list("mass", [to_rgba(theme.model, 0.0), to_rgba(theme.model, 1.0)])
    with typeset():
        figure, (axes,) = chart(float(np.clip(WIDTH * rows / columns, 0.5 * WIDTH, 1.4 * WIDTH)), theme=theme)
        axes.imshow(shown, cmap=colours, vmin=0.0, vmax=shown.max(), aspect="auto", interpolation="nearest")
        axes.set(ylabel=literal(names[0]), xlabel=literal(names[1]), xticks=[], yticks=[])
        for side in ("top", "right"):
            axes.spines[side].set_visible(True)
            axes.spines[side].set_color(theme.line)
        return png(figure)


def matched(
    x: Any, y: Any, rows: Any, columns: Any, masses: Any, *, names: tuple[str, str] = ("from", "to"),
    theme: Theme = LIGHT,
) -> bytes:  # fmt: skip
    """Points of the plane and the lines along which mass is carried, stronger where it is more.

    Args:
        x: points (n, 2) that give.
        y: points (m, 2) that receive.
        rows: (k,) which point of x, columns: (k,) which of y, masses: (k,) how much.
        columns: see rows.
        masses: see rows.
        names: of the two sets.
        theme: the colours.
    """
    x, y, masses = (np.asarray(one, dtype=np.float64) for one in (x, y, masses))
    rows, columns = np.asarray(rows), np.asarray(columns)
    most = _most(rows, masses, len(x))
    rows, columns, masses = rows[most], columns[most], masses[most]
    both = np.concatenate([x, y])
    wide, high = np.ptp(both, axis=0) + 1e-9
    size = float(np.clip(4000 / len(both), 3, 26))
    with typeset():
        figure, (axes,) = chart(WIDTH * float(np.clip(high / wide, 0.5, 1.1)), theme=theme)
        darkest = min(0.8, INK / len(masses))  # many lines lie on each other
        shades = [to_rgba(theme.quiet, darkest * mass) for mass in masses / masses.max()]
        axes.add_collection(
            LineCollection(list(np.stack([x[rows], y[columns]], 1)), colors=shades, linewidths=0.8, zorder=1)
        )
        for points, colour, name in ((x, theme.data, literal(names[0])), (y, theme.model, literal(names[1]))):
            axes.scatter(points[:, 0], points[:, 1], s=size, color=colour, linewidths=0, zorder=2, label=name)
        axes.set_aspect("equal")
        axes.autoscale_view()
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.06),
            ncols=2,
            frameon=False,
            labelcolor="linecolor",
            handletextpad=0.1,
        )
        return png(figure)


def _most(rows: Any, masses: Floats, n: int) -> Any:
    """Which lines to draw: of each of n points those that carry the most, as many of each."""
    order = np.lexsort((-masses, rows))
    kept = rows[order]
    place = np.arange(len(kept)) - np.searchsorted(kept, kept)
    chosen = order[place < max(1, LINES // n)]
    return chosen[np.argsort(-masses[chosen])][:LINES]


def _grouped(matrix: Floats, axis: int) -> Floats:
    n = matrix.shape[axis]
    if n <= CELLS:
        return matrix
    starts = np.linspace(0, n, CELLS, endpoint=False).astype(int)
    grouped: Floats = np.add.reduceat(matrix, starts, axis=axis)
    return grouped
