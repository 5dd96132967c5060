"""One look for every picture: a small palette, type sizes, and a chart that reads on light and on dark paper."""

import io
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from PIL import Image

from remblai.report.escaping import literal

WIDTH = 4.9  # inches: charts are drawn for a column of about 490 CSS pixels and stay readable on a telephone
DPI = 200
LEGIBLE = 4.5
"""The contrast of text, at least. Source: WCAG 2.2, success criterion 1.4.3."""
MARKERS = "ooooo^^^^^"
"""The shapes of the ten classes: those whose colours look alike to the colour-blind have different ones."""


@dataclass(frozen=True)
class Theme:
    """The colours of a chart on one kind of paper: data and model are the same two everywhere in a report.

    `classes` are ten colours after Paul Tol's "muted" scheme (Colour Schemes, SRON/EPS/TN/09-002, 2021), in the order
    of `MARKERS`.
    """

    ink: str
    quiet: str
    line: str
    paper: str
    data: str
    model: str
    classes: tuple[str, ...]

    def written(self, colour: str) -> str:
        """The colour as text in it has to be: mixed with ink until its contrast with the paper is LEGIBLE."""
        shades = (mixed(colour, self.ink, share / 20) for share in range(21))
        return next((shade for shade in shades if contrast(shade, self.paper) >= LEGIBLE), self.ink)


def mixed(colour: str, other: str, share: float) -> str:
    """A colour with so much of another in it, 0 to 1, each as "#rrggbb"."""
    red, green, blue = (
        (1.0 - share) * one + share * two for one, two in zip(to_rgb(colour), to_rgb(other), strict=True)
    )
    return to_hex((red, green, blue))


def contrast(colour: str, paper: str) -> float:
    """The contrast of text with its paper, 1 to 21. Source: WCAG 2.2, "contrast ratio"."""
    low, high = sorted((_luminance(colour), _luminance(paper)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


LIGHT = Theme(
    ink="#23262b",
    quiet="#6b7078",
    line="#d9d7d1",
    paper="#ffffff",
    data="#2a6f8e",
    model="#b14c22",
    classes=(
        "#cc6677", "#332288", "#c9a227", "#117733", "#56b4e9",
        "#882255", "#44aa99", "#8a8a2b", "#aa4499", "#222222",
    ),
)  # fmt: skip
DARK = Theme(
    ink="#ecebe7",
    quiet="#a2a6ad",
    line="#3c4047",
    paper="#1d2025",
    data="#6fb6d6",
    model="#f0915f",
    classes=(
        "#ee8f9c", "#8f7dff", "#e6c65c", "#3fae62", "#88ccee",
        "#c8508c", "#48c4ac", "#a3a33a", "#d88ad8", "#f4f4f4",
    ),
)  # fmt: skip

TYPE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Inter", "Helvetica Neue", "Arial", "DejaVu Sans"],
    "font.size": 9.5,
    "axes.unicode_minus": True,
    "mathtext.default": "regular",
}


def chart(
    height: float, rows: int = 1, columns: int = 1, *, theme: Theme, width: float = WIDTH
) -> tuple[Figure, list[Axes]]:
    """A figure of axes, row by row, in the report's look: no box, quiet ticks, thin lines; a column shares its x."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    figure.patch.set_alpha(0)
    panels = list(figure.subplots(rows, columns, sharex="col", squeeze=False).ravel())
    for axes in panels:
        bare(axes, theme)
    return figure, panels


def bare(axes: Axes, theme: Theme) -> None:
    """Takes the box away and leaves what the eye needs."""
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(theme.line)
    axes.tick_params(which="both", color=theme.line, labelcolor=theme.quiet, labelsize=8.5, length=3, width=0.8)
    axes.tick_params(which="minor", length=0)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=theme.quiet, size=9)


def key(axes: Axes, names: tuple[str, str], theme: Theme) -> Legend:
    """Names the two sets, data and model, in their colours above the axes."""
    for name, colour in zip(names, (theme.data, theme.model), strict=True):
        axes.plot([], [], "o", color=colour, mew=0, ms=5.5, label=literal(name))
    return axes.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, frameon=False, labelcolor="linecolor",
        handletextpad=0.1, borderaxespad=0.2,
    )  # fmt: skip


def png(figure: Figure) -> bytes:
    """The figure as a PNG with a transparent background."""
    file = io.BytesIO()
    figure.savefig(file, format="png", transparent=True)
    return file.getvalue()


def on_paper(picture: bytes) -> bytes:
    """A PNG as a file holds it: on white paper, for a transparent one loses its ink where the page is dark."""
    with Image.open(io.BytesIO(picture)) as opened:
        drawn = opened.convert("RGBA")
    paper = Image.new("RGBA", drawn.size, LIGHT.paper)
    file = io.BytesIO()
    Image.alpha_composite(paper, drawn).convert("RGB").save(file, "PNG", dpi=(DPI, DPI))
    return file.getvalue()


def typeset() -> AbstractContextManager[None]:
    """The type of every chart, for a `with`; matplotlib's settings are as before when it ends."""
    return rc_context(TYPE)
