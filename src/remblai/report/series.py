"""Charts of series: curves of data beside those of samples, and held-out curves under what is kept of them."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from remblai.report.style import LIGHT, WIDTH, Theme, chart, key, png, typeset

Floats = NDArray[np.float64]
CURVES = 12
"""Series in a panel, at most: more hide each other."""
PAIRS = 4
"""Series beside what is kept of them, at most."""
VALUES = 4
"""Values of a series that have a row of panels, at most."""


def curves(data: Any, samples: Any, *, theme: Theme = LIGHT) -> bytes:
    """Some series of data at the left and as many samples at the right, a row for each value, on one scale.

    Args:
        data: (n, t, c), of which the first 12 series and the first 4 values are drawn.
        samples: (m, t, c).
        theme: the colours.

    Raises:
        ValueError: series of different shapes, or none.
    """
    x, y = _checked("curves", data, samples)
    values = min(x.shape[2], VALUES)
    with typeset():
        figure, panels = chart(0.8 + 1.5 * values, values, 2, theme=theme)
        for value in range(values):
            pair = panels[2 * value : 2 * value + 2]
            for axes, one, colour in zip(pair, (x, y), (theme.data, theme.model), strict=True):
                axes.plot(one[:CURVES, :, value].T, color=colour, lw=0.9, alpha=0.6)
            _on_one_scale(pair, value, x.shape[2])
        for axes, word, colour in zip(panels[:2], ("data", "samples"), (theme.data, theme.model), strict=True):
            axes.set_title(word, loc="left", color=colour, size=10, weight="bold", pad=7)
        for axes in panels[-2:]:
            axes.set_xlabel("step of the series")
        return png(figure)


def kept(data: Any, again: Any, *, theme: Theme = LIGHT) -> bytes:
    """A few series, each with what is kept of it drawn over it, a row for each value.

    Args:
        data: (n, t, c), of which the first 4 series and the first 4 values are drawn.
        again: (n, t, c), their reconstructions.
        theme: the colours.

    Raises:
        ValueError: series of different shapes, or none.
    """
    x, y = _checked("kept", data, again)
    values, pairs = min(x.shape[2], VALUES), min(len(x), len(y), PAIRS)
    with typeset():
        figure, panels = chart(0.8 + 1.3 * values, values, pairs, theme=theme, width=1.5 * WIDTH)
        for value in range(values):
            row = panels[pairs * value : pairs * (value + 1)]
            for place, axes in enumerate(row):
                axes.plot(x[place, :, value], color=theme.data, lw=2.2, alpha=0.45)
                axes.plot(y[place, :, value], color=theme.model, lw=1.0)
            _on_one_scale(row, value, x.shape[2])
        panels[0].set_title(" ", size=12)  # room for the names, which are wider than one panel
        key(panels[0], ("data", "reconstruction"), theme).set_in_layout(False)
        for axes in panels[-pairs:]:
            axes.set_xlabel("step of the series")
        return png(figure)


def _checked(name: str, first: Any, second: Any) -> tuple[Floats, Floats]:
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.ndim != 3 or x.shape[1:] != y.shape[1:] or not (len(x) and len(y)):
        raise ValueError(f"{name}: expected series (n, t, c) and (m, t, c) of one shape, got {x.shape} and {y.shape}.")
    return x, y


def _on_one_scale(row: list[Axes], value: int, values: int) -> None:
    """One vertical scale for a row of panels, which is written at its left."""
    limits = [axes.get_ylim() for axes in row]
    low, high = min(one[0] for one in limits), max(one[1] for one in limits)
    for place, axes in enumerate(row):
        axes.set_ylim(low, high)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(labelleft=place == 0)
    row[0].set_ylabel("value" if values == 1 else f"value {value + 1} of {values}")
