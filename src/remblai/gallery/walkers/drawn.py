"""Pictures of what the learners made of the expert's walks: W1 by round, collisions, moves and rewards."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke

from remblai.gallery.distances.cost_against_n import spread
from remblai.gallery.walkers.study import STATES, STEPS, WITH, WITHOUT, Study
from remblai.gallery.walkers.world import Floats
from remblai.report.style import Theme, chart, png, typeset

SCALE = 5.5
"""Of the maps of rewards: the largest that has a colour of its own."""


def draw(found: Study, *, theme: Theme) -> bytes:
    """W1 against rounds with the floor's band; beside it collisions, and moves."""
    low, middle, high = found.band
    with typeset():
        figure, (left, among, right) = chart(4.0, columns=3, theme=theme, width=9.8)
        left.axhspan(low, high, color=theme.quiet, alpha=0.16, lw=0)
        left.axhline(middle, color=theme.quiet, lw=0.9, ls=(0, (4, 4)))
        left.text(9000, low * 0.96, "the expert's own policy", color=theme.quiet, size=9, ha="right", va="top")
        halo = [withStroke(linewidth=3, foreground=theme.paper)]
        last = {name: float(np.median(curve[:, -1])) for name, curve in found.curves.items()}
        ends = spread(last, 1.42)  # the labels of the potentials reach as far as those that end later
        for name, curve in found.curves.items():
            rounds = np.maximum(found.learners[name][0].rounds, 0.5)  # the first policy's, 0, has no logarithm
            style = (0, (4, 2)) if name in WITHOUT else "-"
            colour, heights = colours(theme)[name], np.median(curve, axis=0)
            left.loglog(rounds, heights, color=colour, ls=style, lw=1.8)
            label = name.removeprefix("Wasserstein, ").replace(", ", ",\n")
            left.text(
                rounds[-1] * 1.1, ends[name], label,
                color=theme.written(colour), size=9, va="center", linespacing=1.0, path_effects=halo, zorder=5,
            )  # fmt: skip
        left.set(xlabel="rounds", ylabel="W1 to the expert's walks", xlim=(0.47, 9500))
        left.set_xticks((0.5, 1, 10, 100), ("0", "1", "10", "100"))
        left.set_yticks((0.1, 0.3, 1, 3), ("0.1", "0.3", "1", "3"))
        left.minorticks_off()
        world, percent = found.world, 100 * found.world.collisions(found.expert.policy)
        _rows(among, {name: 100 * found.risk(name) for name in found.learners}, percent, theme)
        among.set(xlabel="walks that collide, %", xlim=(0, 60))
        _rows(right, {name: found.moving(name) for name in found.learners}, world.moving(found.expert.joint), theme)
        right.set(xlabel="walkers that move, of two, mean", yticklabels=())
        return png(figure)


def colours(theme: Theme) -> dict[str, str]:
    """A colour for each way of learning; without an interaction its line is dashed and its dots are hollow."""
    adversarially, by_potential = dict.fromkeys((WITH[0], WITHOUT[0]), theme.data), (WITH[1], WITHOUT[1])
    return (
        adversarially | dict.fromkeys(by_potential, theme.model) | {STEPS: theme.classes[4], STATES: theme.classes[2]}
    )


def _rows(axes: Axes, figures: dict[str, Floats], expert: float, theme: Theme) -> None:
    """A row for each learner and a dot for each of its sets; the expert's figure is a line."""
    names = (*WITH[::-1], STATES, STEPS, *WITHOUT)
    for height, name in enumerate(names[::-1]):
        colour = colours(theme)[name]
        inside = theme.paper if name in WITHOUT else colour
        axes.plot(figures[name], np.full(len(figures[name]), height), "o", ms=6, color=colour, mfc=inside, zorder=3)
    axes.axvline(expert, color=theme.ink, lw=1.0, zorder=0)
    axes.text(expert, len(names) - 0.45, " expert", color=theme.ink, size=9, ha="left")
    axes.set_yticks(range(len(names)), [name.replace("Wasserstein, ", "W, ") for name in names[::-1]])
    axes.set(ylim=(-0.6, len(names)))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=theme.ink, labelsize=9)


def draw_rewards(found: Study, *, theme: Theme) -> bytes:
    """The true reward, the mean potential's and AIRL's, of walker 1's place for one place of walker 2: both stay."""
    side, cells = found.world.side, found.world.cells
    other, goal = cells[side + side // 2], cells[found.world.goals[0]]
    maps = {"the expert's": found.true} | {
        name: np.mean([one.reward for one in found.learners[name]], axis=0) for name in reversed(WITH)
    }
    shades = LinearSegmentedColormap.from_list("reward", (theme.model, theme.paper, theme.data))
    with typeset():
        figure, panels = chart(3.35, columns=3, theme=theme, width=9.8)
        for axes, (name, reward) in zip(panels, maps.items(), strict=True):
            places = reward.reshape(side, side, 2, side, side, 2)[:, :, 0, *other, 0]
            image = axes.pcolormesh(
                places - np.median(places), cmap=shades, vmin=-SCALE, vmax=SCALE, edgecolor=theme.line, lw=0.8
            )
            halo = [withStroke(linewidth=3, foreground=theme.paper)]
            for place, mark, size in ((other, "o", 9), (goal, "*", 14)):
                axes.plot(place[1] + 0.5, place[0] + 0.5, mark, ms=size, color=theme.ink, path_effects=halo)
            axes.set_title(name, color=theme.ink, size=10)
            axes.set(xticks=(), yticks=(), aspect="equal")
            axes.invert_yaxis()
            axes.spines[["left", "bottom"]].set_visible(False)
        bar = figure.colorbar(image, ax=panels, shrink=0.75, aspect=14, ticks=(-4, -2, 0, 2, 4))
        bar.outline.set_visible(False)
        bar.ax.tick_params(color=theme.line, labelcolor=theme.quiet, labelsize=8.5, length=3)
        return png(figure)
