"""What clipped weights do to a critic on the ring of eight, and what a penalty, spectral and orthogonal layers do."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from remblai.critics.lipschitz import Clip, GradientPenalty, Spectral
from remblai.critics.orthogonal import Orthogonal
from remblai.gallery.entry import Check, Entry, Finding, between
from remblai.gallery.wgan.ring_critics import CELLS, DEEP, REACH, Case, Critic, Floats, through_depth, trained
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

ATOMS, STEPS, DEEP_STEPS = 1000, 800, 150
CLIP, CLIPS = 0.01, (0.01, 0.1, 0.3)
EDGE = 0.98
"""A weight beyond this share of the bound is at it."""
LEAST = 1e-30
"""What a gradient that is 0 is drawn as."""


def clipping(atoms: int = ATOMS, steps: int = STEPS, deep_steps: int = DEEP_STEPS) -> Entry:
    """Four critics of one pair of laws, trained alone; the weights of the clipped one; gradients through 12 layers."""
    case = Case.of(atoms)
    critics = {
        "clipped weights": trained(case, Clip(CLIP), CLIP / 10, steps),
        "gradient penalty": trained(case, GradientPenalty(), 1e-2, 2 * steps),
        "spectral norm": trained(case, Spectral(), 3e-3, steps),
        "orthogonal layers": trained(case, Orthogonal(), 1e-2, steps),
    }
    deep = {f"clip {bound:g}": through_depth(case, Clip(bound), min(1e-3, bound / 10), deep_steps) for bound in CLIPS}
    deep["gradient penalty"] = through_depth(case, GradientPenalty(), 3e-3, deep_steps)
    deep["orthogonal layers"] = through_depth(case, Orthogonal(), 3e-3, deep_steps)
    surfaces = Picture.chart(
        "clipping",
        "Four critics of the same two laws",
        "The data (dots) against the data with unit Gaussian noise (faint): each critic's values, high on a blue "
        "background and low on red, with 16 level lines. The clipped one knows where the middle is, "
        "but not the eight modes; the "
        "spectral norm with rectifiers makes a plateau of them; the penalised and the orthogonal one see each.",
        "Level lines of four critics over eight clusters on a circle",
        draw_surfaces,
        case=case,
        critics=critics,
    )
    inside = Picture.chart(
        "clipping-depth",
        "Where the weights go, and what happens to gradients on their way",
        "Left and middle: the weights of the clipped critic lie at the two ends of what they are allowed, those of "
        "the penalised one do not. Right: the gradient of the score at each of 12 layers: one clip makes it vanish "
        "towards the input, another makes it explode, and the right one is found by trial.",
        "Histograms of two critics' weights; gradient norms through twelve layers on a log axis",
        draw_inside,
        critics=critics,
        deep=deep,
    )
    return Entry(
        title="What clipping does to a critic",
        words="Only the critic is trained, between the ring of eight and the same ring with unit Gaussian noise, and "
        "its estimate is set beside W1 from a linear program, for four constraints; deep critics show what each does "
        "to the gradients of 12 layers. The gradient penalty holds the gradient near 1 between the two laws, but "
        "bounds it nowhere: its estimate may exceed W1. Spectral norms and orthogonal layers bound it everywhere.",
        checks=(*on_the_surface(critics, case.value), *in_depth(critics, deep)),
        pictures=(surfaces, inside),
        source="Gulrajani et al., “Improved training of Wasserstein GANs” (2017), section 3 and figure 1, arXiv "
        "1704.00028; Anil, Lucas and Grosse (2019), arXiv 1811.05381",
        findings=(
            Finding(
                "Clipping pushes most weights to the two ends of the allowed interval, which leaves a surface too "
                "plain to see the eight modes, and in deep critics makes gradients vanish or explode with the bound.",
                (
                    "clipped: share",
                    "share of clipped weights",
                    "gradient at the first",
                    f"the same, clip {CLIPS[-1]:g}",
                ),
            ),
            Finding(
                "The gradient penalty's estimate is near W1, but its steepest slope exceeds 1.",
                ("its steepest slope on a grid", "its estimate over W1: near"),
            ),
            Finding(
                "The spectral norm bounds the slope, but rectifiers lose it.",
                ("spectral norm: steepest slope", "spectral norm: estimate over W1"),
            ),
            Finding(
                "Orthogonal layers with sorting activations keep every slope at most 1 and most of them close to it: "
                "of the estimates that are bounds, theirs is nearest to W1.",
                ("orthogonal: steepest", "the others' best share"),
            ),
        ),
    )


def on_the_surface(critics: dict[str, Critic], value: float) -> list[Check]:
    """The four critics' slopes, and what they reach of W1 at their own steepest slope."""
    penalised, spectral, orthogonal = list(critics.values())[1:]
    shares = [critic.estimate / (critic.steepest * value) for critic in critics.values()]
    return [
        between("clipped: share of W1 at its own steepest slope", shares[0], 0.0, 0.6),
        between("gradient penalty: mean slope on segments", penalised.slopes.mean(), 0.9, 1.1),
        between("its steepest slope on a grid: no bound of 1", penalised.steepest, low=1.05),
        between("its estimate over W1: near, but no bound", penalised.estimate / value, 0.9, 1.15),
        between("spectral norm: steepest slope on the grid", spectral.steepest, high=1.0 + 1e-3),
        between("spectral norm: estimate over W1", spectral.estimate / value, 0.0, 0.9),
        between("orthogonal: steepest slope on the grid", orthogonal.steepest, 0.9, 1.0 + 1e-5),
        between("orthogonal: estimate over W1", orthogonal.estimate / value, 0.88, 1.0),
        between("the others' best share of W1 over its own", max(shares[:3]) / shares[3], high=1.0),
    ]


def in_depth(critics: dict[str, Critic], deep: dict[str, Floats]) -> list[Check]:
    """Where the weights lie, and the gradient at the first layer over that at the last."""
    clipped = np.abs(critics["clipped weights"].weights)
    penalised = np.abs(critics["gradient penalty"].weights)
    return [
        between("share of clipped weights within 2 % of the bound", (clipped > EDGE * CLIP).mean(), low=0.6),
        between("the same of penalised ones and their largest", (penalised > EDGE * penalised.max()).mean(), high=0.01),
        between(f"gradient at the first over the last of 12 layers, clip {CLIPS[0]:g}", ratio(deep, 0), high=1e-6),
        between(f"the same, clip {CLIPS[-1]:g}", ratio(deep, len(CLIPS) - 1), low=100.0),
        between("the same, gradient penalty", ratio(deep, len(CLIPS)), 0.1, 10.0),
        between("the same, orthogonal layers", ratio(deep, len(CLIPS) + 1), 0.999, 1.001),
    ]


def ratio(deep: dict[str, Floats], place: int) -> float:
    """The gradient's norm at the first layer over that at the last."""
    norms = list(deep.values())[place]
    return float(norms[0] / norms[-1])


def draw_surfaces(case: Case, critics: dict[str, Critic], *, theme: Theme) -> bytes:
    """The critics' values over the plane."""
    with typeset():
        figure, panels = chart(3.25, columns=4, theme=theme, width=9.8)
        for axes, (name, critic) in zip(panels, critics.items(), strict=True):
            _surface(axes, critic.heights, theme)
            for points, colour, alpha, size in ((case.y, theme.model, 0.25, 3), (case.x, theme.data, 0.9, 3)):
                axes.scatter(points[:, 0], points[:, 1], s=size, color=colour, alpha=alpha, linewidths=0, zorder=3)
            share = critic.estimate / (critic.steepest * case.value)
            axes.set_title(name, color=theme.ink, size=10.5, weight="bold", pad=6)
            axes.set_xlabel(f"steepest slope {critic.steepest:.2g}\n{share:.0%} of W1 at that slope")
            axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=[], yticks=[])
            for side in ("left", "bottom"):
                axes.spines[side].set_visible(False)
        return png(figure)


def _surface(axes: Axes, heights: Floats, theme: Theme) -> None:
    tints = LinearSegmentedColormap.from_list("", [theme.model, theme.paper, theme.data])
    line = np.linspace(-REACH, REACH, CELLS)
    levels = np.linspace(heights.min(), heights.max(), 17)
    axes.contourf(line, line, heights, levels, cmap=tints, alpha=0.45)
    axes.contour(line, line, heights, levels, colors=[theme.ink], linewidths=0.5, alpha=0.55, linestyles="solid")


def draw_inside(critics: dict[str, Critic], deep: dict[str, Floats], *, theme: Theme) -> bytes:
    """Two histograms of weights, and the gradients through the layers."""
    with typeset():
        figure, (left, middle, right) = chart(3.3, columns=3, theme=theme, width=9.8)
        for axes, name, colour in (
            (left, "clipped weights", theme.model),
            (middle, "gradient penalty", theme.data),
        ):
            _weights(axes, critics[name].weights, colour)
            axes.set_title(name, color=colour, size=10.5, weight="bold")
        left.set_xticks([-CLIP, 0, CLIP])
        left.set_ylabel("share of the weights, %")
        _depth(right, deep, theme)
        return png(figure)


def _weights(axes: Axes, weights: Floats, colour: str) -> None:
    axes.hist(weights, bins=41, weights=np.full(len(weights), 100 / len(weights)), color=colour, rwidth=0.9)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel("weight")


def _depth(axes: Axes, deep: dict[str, Floats], theme: Theme) -> None:
    layers = np.arange(1, DEEP + 2)
    colours = (*[theme.model] * len(CLIPS), theme.data, theme.classes[2])
    places = ("center", "center", "center", "top", "bottom")
    for (name, norms), colour, place in zip(deep.items(), colours, places, strict=True):
        axes.plot(layers, np.maximum(norms, LEAST), color=colour, lw=1.8, marker="o", ms=3)
        axes.text(0.5, max(norms[0], LEAST), name, color=theme.written(colour), size=9, ha="right", va=place)
    axes.set(yscale="log", xlim=(-7.6, DEEP + 1.5), xticks=[1, 6, 12], xlabel="layer, from the input")
    powers = (-12, -6, 0, 6)
    axes.set_yticks([10.0**power for power in powers], [f"$10^{{{power}}}$" if power else "1" for power in powers])
    axes.set_ylabel("gradient of the score there")
    axes.minorticks_off()
