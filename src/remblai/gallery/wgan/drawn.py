"""Pictures of watched runs: estimate above and true quality below, by round; and one against the other."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from remblai.gallery.wgan.watched import Run, rank_correlation
from remblai.report import Picture, grid
from remblai.report.style import Theme, chart, png, typeset

COLUMNS = 16


def curves(runs: Mapping[str, Run], ceiling: float | None = None, label: str = "", *, theme: Theme) -> bytes:
    """One column a run: the estimate of each round and its running median, and below it the energy distance.

    Args:
        runs: by what is written above the column.
        ceiling: the largest value that the estimate can have, where there is one.
        label: the ceiling's name.
        theme: the colours.
    """
    with typeset():
        figure, panels = chart(4.4, rows=2, columns=len(runs), theme=theme, width=9.8)
        for column, (name, run) in enumerate(runs.items()):
            above, below = panels[column], panels[column + len(runs)]
            rounds = np.arange(1, len(run.estimates) + 1)
            above.set_title(name, loc="left", color=theme.ink, size=9.5, weight="bold")
            above.plot(rounds, run.estimates, color=theme.model, alpha=0.28, linewidth=0.8)
            above.plot(rounds, run.filtered, color=theme.model, linewidth=1.8)
            below.plot(run.places, run.distances, color=theme.data, linewidth=1.4, marker="o", markersize=2.6)
            below.set(xlabel="round", ylim=(0.0, 1.08 * float(run.distances.max())))
            low, high = float(run.filtered.min()), float(run.filtered.max())
            above.set_ylim(min(0.0, low), 1.12 * high if ceiling is None else 1.15 * ceiling)
            if ceiling is not None:
                above.axhline(ceiling, color=theme.quiet, linewidth=0.9, linestyle=(0, (3, 2)))
                above.text(rounds[-1], 1.02 * ceiling, label, color=theme.quiet, size=8.5, ha="right", va="bottom")
            for axes in (above, below):
                axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
                axes.yaxis.set_major_locator(MaxNLocator(4))
        panels[0].set_ylabel("the critic's estimate")
        panels[len(runs)].set_ylabel("squared energy distance")
        return png(figure)


def against(runs: Mapping[str, Run], correlation: float, *, theme: Theme) -> bytes:
    """Filtered estimate against energy distance, in the last half of each run, one colour a run."""
    with typeset():
        figure, (axes,) = chart(3.6, theme=theme)
        for number, (name, run) in enumerate(runs.items()):
            estimates, distances = run.late
            axes.plot(distances, estimates, "o", color=theme.classes[number], markersize=3.6, alpha=0.85, label=name)
        legend(axes, theme)
        axes.set_title(f"rank correlation {correlation:.2f}", loc="left", color=theme.quiet, size=9)
        axes.set(xlabel="squared energy distance to held-out digits", ylabel="the critic's estimate, filtered")
        return png(figure)


def ranks(runs: Mapping[str, Sequence[Run]], *, theme: Theme) -> bytes:
    """Filtered estimate against energy distance in the last half of each run: a chart a way, a colour a seed."""
    with typeset():
        figure, panels = chart(3.3, columns=len(runs), theme=theme, width=9.8)
        for axes, (way, each) in zip(panels, runs.items(), strict=True):
            for number, run in enumerate(each):
                estimates, distances = run.late
                label = f"seed {number}"
                axes.plot(distances, estimates, "o", color=theme.classes[number], markersize=4, alpha=0.85, label=label)
            middle = np.median([rank_correlation(run) for run in each])
            axes.set_title(f"{way}: rank correlation {middle:.2f}", loc="left", color=theme.ink, size=9.5)
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.set_xlabel("squared energy distance")
        panels[0].set_ylabel("the critic's estimate, filtered")
        legend(panels[0], theme)
        return png(figure)


def samples(name: str, runs: Mapping[str, Run]) -> Picture:
    """The first samples of the last round, two rows a run, in the order of the runs."""
    images = torch.cat([run.images[: 2 * COLUMNS] for run in runs.values()])
    return Picture(
        name,
        "What they draw at the end",
        f"Two rows each, not chosen, from the top: {', '.join(runs)}. The runs are short: none is finished.",
        "Rows of small digits, two for each generator",
        grid(images, COLUMNS),
    )


def legend(axes: Axes, theme: Theme) -> None:
    """Names the colours beside the dots, without a box."""
    axes.legend(frameon=False, fontsize=8.5, labelcolor=theme.quiet, handletextpad=0.2, loc="best")
