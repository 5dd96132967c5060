"""Points by class: data beside the samples of a conditional model, on the same axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from remblai.report.escaping import literal
from remblai.report.figures import SHOWN, class_key, coloured
from remblai.report.style import LIGHT, WIDTH, Theme, chart, png, typeset


def points_by_class(
    data: Any, samples: Any, labels: Any, own: Any, *, names: Sequence[str], axes: tuple[str, str],
    theme: Theme = LIGHT,
) -> bytes:  # fmt: skip
    """Data at the left and samples at the right, in the plane of their two columns, a colour for each class.

    Args:
        data: (n, 2).
        samples: (m, 2).
        labels: of data, (n,) integers from 0, below 10.
        own: of samples, (m,).
        names: of the classes.
        axes: names of the two axes.
        theme: the colours.

    Raises:
        ValueError: labels that are not one for each row.
    """
    pairs = [(np.asarray(x, dtype=np.float64), np.asarray(of)) for x, of in ((data, labels), (samples, own))]
    if any(x.ndim != 2 or x.shape[1] != 2 or of.shape != x.shape[:1] for x, of in pairs):
        shapes = ", ".join(f"{x.shape} with {of.shape}" for x, of in pairs)
        raise ValueError(f"points by class: expected (n, 2) and (n,) labels of each, got {shapes}.")
    with typeset():
        figure, panels = chart(0.85 * WIDTH, columns=2, theme=theme, width=2 * WIDTH)
        both = np.concatenate([x for x, _ in pairs])
        room = 0.04 * np.ptp(both, axis=0) + 1e-9
        low, high = both.min(0) - room, both.max(0) + room
        for panel, (x, of), title in zip(panels, pairs, ("data", "samples"), strict=True):
            coloured(panel, x[:SHOWN], of[:SHOWN], range(len(names)), theme)
            panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=literal(axes[0]))
            panel.set_title(title, loc="left", color=theme.ink, size=10, weight="bold", pad=7)
            panel.xaxis.set_major_locator(MaxNLocator(5))
            panel.yaxis.set_major_locator(MaxNLocator(5))
        panels[0].set_ylabel(literal(axes[1]))
        figure.legend(loc="outside lower center", **class_key(range(len(names)), names, theme))
        return png(figure)
