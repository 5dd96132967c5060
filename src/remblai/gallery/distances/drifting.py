"""Points that drift to the ring: one rule, minus the gradient of a discrepancy, and the mean shift of this year."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray
from torch import Tensor

from remblai.data.toys import ring
from remblai.discrepancies import MMD, Entropic, Sliced
from remblai.gallery.entry import Check, Entry, Finding, between
from remblai.kernels import Energy
from remblai.objectives import Descent, MeanShift
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runtime.rng import seeded

POINTS, STEPS = 200, 60
"""Points of either sample, and steps of the drift."""
SHOWN = (0, 5, 20, STEPS)
"""Steps after which the points are drawn."""
LENGTH = 0.3
"""Length of the first step, in units of the mean distance of data and samples over sqrt(2); it falls to 0 in a line."""
REACH = 2.7
"""The charts show the square from -REACH to REACH."""
NEAR = 0.3
"""Three deviations of a mode of the ring."""

Floats = NDArray[np.float64]


def drifting() -> Entry:
    """Points drift from the middle to eight modes, by the paper's mean shift and by three discrepancies' gradients."""
    toy = ring()
    assert toy.modes is not None
    paths = {name: path(drift) for name, drift in drifts().items()}
    centres, fresh = torch.as_tensor(toy.modes.centres).float(), toy.split("test")[:POINTS]
    first = float(MMD(Energy())(fresh, start()))
    checks: list[Check] = []
    for name, steps in paths.items():
        last = steps[-1]
        distances = torch.cdist(last, centres)
        shares = torch.bincount(distances.argmin(1), minlength=len(centres)) / len(last)
        left = float(MMD(Energy())(fresh, last)) / first
        checks += [
            between(f"{name}: squared energy distance to fresh data, of the first", left, high=0.15),
            between(f"{name}: share of points near a mode", float((distances.amin(1) < NEAR).float().mean()), low=0.5),
            between(f"{name}: least share of a mode, of 1/8", 8.0 * float(shares.min()), low=0.5),
        ]
    picture = Picture.chart(
        "drifting",
        "Points that drift to the ring",
        f"Rows: the drift. Columns: after {', '.join(map(str, SHOWN))} steps. Where points lie outside of a chart, it "
        "says how many.",
        "Sixteen charts of points on the plane; from left to right they move from the middle to eight clusters",
        draw,
        paths={name: [steps[number].double().numpy() for number in SHOWN] for name, steps in paths.items()},
        data=data().double().numpy(),
    )
    return Entry(
        title="One rule, many drifts",
        words="A generator of the recipe drifting is regressed on its own samples, moved by a drift. Here the samples "
        "themselves move, without a network. The drift is minus the gradient of a discrepancy between data and samples "
        "(energy distance, sliced, Sinkhorn divergence), divided by its size, or the mean shift of drifting models, "
        "which is no gradient in general. The steps become shorter in a line.",
        checks=tuple(checks),
        pictures=(picture,),
        source="Deng et al., “Generative modeling via drifting”, arXiv 2602.04770; the Sinkhorn divergence as a drift: "
        "arXiv 2603.12366",
        findings=(
            Finding(
                f"Under each of the {len(paths)} drifts the points find every mode of the ring, and most of them end "
                "near one.",
                tuple(f"{name}: " for name in paths),
            ),
        ),
    )


def drifts() -> Mapping[str, MeanShift | Descent]:
    """The drifts that are compared, by name."""
    return {
        "mean shift": MeanShift(),
        "energy distance": Descent(MMD(Energy()), normalise=True),
        "sliced": Descent(Sliced(), normalise=True),
        "Sinkhorn divergence": Descent(Entropic("square", epsilon=0.05, tolerance=1e-3), normalise=True),
    }


def data() -> Tensor:
    """The data (n, 2) that draw the points."""
    return ring().split("train")[:POINTS]


def start() -> Tensor:
    """Where the points begin (n, 2): a normal law of deviation 0.5 about the middle."""
    return 0.5 * torch.randn(POINTS, 2, generator=torch.Generator().manual_seed(1))


def path(drift: MeanShift | Descent) -> list[Tensor]:
    """The points (n, 2) at the start and after each step."""
    x, found = data(), [start()]
    with seeded(0):
        for step in range(STEPS):
            y = found[-1]
            found.append(y + LENGTH * (1.0 - step / STEPS) * drift.velocity(x, y).to(y))
    return found


def outside(points: Floats) -> int:
    """How many of the points (n, 2) a chart does not show."""
    return int((np.abs(points) > REACH).any(1).sum())


def draw(paths: dict[str, list[Floats]], data: Floats, *, theme: Theme) -> bytes:
    """The points of each drift, after a few and after many steps."""
    with typeset():
        figure, panels = chart(9.6, rows=len(paths), columns=len(SHOWN), theme=theme, width=9.8)
        for row, (name, steps) in enumerate(paths.items()):
            for column, (number, points) in enumerate(zip(SHOWN, steps, strict=True)):
                axes = panels[row * len(SHOWN) + column]
                axes.scatter(data[:, 0], data[:, 1], s=4, color=theme.data, alpha=0.35, linewidths=0)
                axes.scatter(points[:, 0], points[:, 1], s=5, color=theme.model, linewidths=0)
                axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=[], yticks=[], aspect="equal")
                if away := outside(points):
                    halo = [withStroke(linewidth=3, foreground=theme.paper)]
                    words: dict[str, Any] = {"size": 8.5, "ha": "center", "path_effects": halo, "zorder": 5}
                    axes.text(0.0, -2.58, f"{away} outside", color=theme.model, **words)
                if row == 0:
                    axes.set_title(f"{number} steps", color=theme.ink, size=10)
            panels[row * len(SHOWN)].set_ylabel(name, color=theme.ink, size=10, labelpad=8)
        names = {"data": theme.data, "points that drift": theme.model}
        dots = [Line2D([], [], ls="", marker="o", color=colour, label=name) for name, colour in names.items()]
        figure.legend(handles=dots, loc="outside upper left", ncols=2, frameon=False, labelcolor="linecolor")
        return png(figure)
