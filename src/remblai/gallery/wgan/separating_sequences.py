"""Four sequences of laws that converge in one distance and not in another: the order of the distances is strict."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from remblai.distances import jensen_shannon, kullback_leibler, line, total_variation
from remblai.gallery.entry import Check, Entry, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
POINTS = 1024
"""Points, all equally heavy, that stand for a uniform law: the middles of its parts, a multiple of each n."""
INFINITY = 1.3
"""Where the picture puts it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """P_n and its would-be limit P, on the line.

    Attributes:
        x: points (k,) of P_n; `a` their masses (k,).
        y: points (m,) of P; `b` their masses (m,).
        p: masses of P_n on parts of the line on which its density, if both have one, is a multiple of P's.
        q: masses of P on them.
    """

    x: Floats
    a: Floats
    y: Floats
    b: Floats
    p: Floats
    q: Floats


def atom_moving(n: int) -> Pair:
    """The point mass at 1 / n, and at 0."""
    one = np.ones(1)
    return Pair(one / n, one, 0 * one, one, np.array([1.0, 0.0]), np.array([0.0, 1.0]))


def interval_moving(n: int) -> Pair:
    """The uniform law on [1 / n, 1 + 1 / n], and on [0, 1]."""
    x, a = uniform()
    step = 1.0 / n
    return Pair(x + step, a, x, a, np.array([0.0, 1.0 - step, step]), np.array([step, 1.0 - step, 0.0]))


def atom_thinning(n: int) -> Pair:
    """The point mass at 0, of which 1 / n is taken to 1, and all of it at 0."""
    x, p, q = np.array([0.0, 1.0]), np.array([1.0 - 1.0 / n, 1.0 / n]), np.array([1.0, 0.0])
    return Pair(x, p, x, q, p, q)


def lattice(n: int) -> Pair:
    """The uniform law on 1 / n, 2 / n, ..., 1, and on [0, 1]: the points are a part of their own, with no length."""
    x, a = uniform()
    return Pair(np.arange(1, n + 1) / n, np.full(n, 1.0 / n), x, a, np.array([1.0, 0.0]), np.array([0.0, 1.0]))


def uniform() -> tuple[Floats, Floats]:
    """The middles of the parts of [0, 1], and their masses."""
    return (np.arange(POINTS) + 0.5) / POINTS, np.full(POINTS, 1.0 / POINTS)


def measured(pair: Pair) -> dict[str, float]:
    """The five distances of a pair, by name."""
    return {
        "W1": float(line.plan(pair.x, pair.y, 1, a=pair.a, b=pair.b).value),
        "TV": total_variation(pair.p, pair.q),
        "JS": jensen_shannon(pair.p, pair.q),
        "KL(P | Pn)": kullback_leibler(pair.q, pair.p),
        "KL(Pn | P)": kullback_leibler(pair.p, pair.q),
    }


@dataclass(frozen=True)
class Sequence:
    """A sequence of pairs, what it shows, and its distances in closed form.

    Attributes:
        title: for its panel.
        pair: P_n and P.
        expected: (n) -> the distances by name.
    """

    title: str
    pair: Callable[[int], Pair]
    expected: Callable[[int], dict[str, float]]


def _told(w1: float, tv: float, js: float, forward: float, backward: float) -> dict[str, float]:
    return dict(zip(("W1", "TV", "JS", "KL(P | Pn)", "KL(Pn | P)"), (w1, tv, js, forward, backward), strict=True))


def _thinning(n: int) -> dict[str, float]:
    share = 1.0 / n
    kept = (1.0 - share) * math.log(1.0 - share) if n > 1 else 0.0
    js = 0.5 * (kept + share * math.log(2.0) - (2.0 - share) * math.log1p(-share / 2.0))
    return _told(share, share, js, -math.log1p(-share) if n > 1 else math.inf, math.inf)


LOG2 = math.log(2.0)
SEQUENCES = {
    "a": Sequence(
        "a   an atom at 1/n moves to 0", atom_moving, lambda n: _told(1.0 / n, 1.0, LOG2, math.inf, math.inf)
    ),
    "b": Sequence(
        "b   an interval moves by 1/n",
        interval_moving,
        lambda n: _told(1.0 / n, 1.0 / n, LOG2 / n, math.inf, math.inf),
    ),
    "c": Sequence("c   all but 1/n of an atom is in place", atom_thinning, _thinning),
    "d": Sequence("d   n points fill an interval", lattice, lambda n: _told(0.5 / n, 1.0, LOG2, math.inf, math.inf)),
}


def separating_sequences() -> Entry:
    """KL is stronger than TV and JS, which are one topology, and they are stronger than W1: each strictly."""
    found = {name: [measured(one.pair(n)) for n in STEPS] for name, one in SEQUENCES.items()}
    picture = Picture.chart(
        "separating-sequences",
        "What converges, and what does not",
        "Each panel is one sequence of laws as n doubles. W1 goes to 0 in all four; total variation and Jensen-Shannon "
        "only in b and c, always together; Kullback-Leibler only in c, and in one direction.",
        "Five distances of four sequences of laws from their limit, against n",
        draw,
        found=found,
    )
    return Entry(
        title="Which distance sees a sequence of laws converge",
        words="Four sequences of laws on the line are followed to their limit in five distances at once. Whatever "
        "converges in Kullback-Leibler does so in total variation and in Jensen-Shannon, and whatever converges in "
        "these does so in W1; the sequences show that no step goes back. A model trained by a weaker distance has more "
        "ways to approach the data: n points that fill an interval are learning in W1 and at the greatest possible "
        "distance for ever in total variation.",
        checks=tuple(check for name in SEQUENCES for check in checks(name, found[name])),
        pictures=(picture,),
        source="Arjovsky, Chintala and Bottou, “Wasserstein GAN” (2017), theorem 2, arXiv 1701.07875",
    )


def checks(name: str, found: list[dict[str, float]]) -> list[Check]:
    """The last step's distances, and the largest error of all steps where they are finite."""
    wanted = [SEQUENCES[name].expected(n) for n in STEPS]
    last = [equal(f"{name}, n = {STEPS[-1]}: {key}", found[-1][key], wanted[-1][key]) for key in wanted[-1]]
    pairs = [(step[key], expected[key]) for step, expected in zip(found, wanted, strict=True) for key in expected]
    worst = max(0.0 if one == other else abs(one - other) for one, other in pairs)
    return [*last, equal(f"{name}: largest error over all n", worst, 0.0)]


class Label(NamedTuple):
    """What is written at a curve: whose it is, the words, at which n and height, which end is there, and its slant."""

    curve: str
    text: str
    n: float
    height: float
    side: str = "left"
    slant: float = 0.0


BOTH = Label("KL(Pn | P)", "KL, both ways: ∞", 128, INFINITY + 0.03, "right")
STUCK = (BOTH, Label("TV", "TV = 1", 128, 1.02, "right"), Label("JS", "JS = log 2", 128, LOG2 + 0.02, "right"))
LABELS: dict[str, tuple[Label, ...]] = {
    "a": (*STUCK, Label("W1", "W1 = 1/n", 4.4, 0.25)),
    "b": (BOTH, Label("W1", "W1 = TV = 1/n", 2.2, 0.5), Label("JS", "JS = log 2 / n", 1.06, 0.13)),
    "c": (
        Label("KL(Pn | P)", "KL of Pn from P: ∞", 128, INFINITY + 0.03, "right"),
        Label("KL(P | Pn)", "KL of P from Pn = \N{MINUS SIGN}log(1 \N{MINUS SIGN} 1/n)", 2.05, 0.73),
        Label("W1", "W1 = TV", 1.1, 0.41, slant=-51.0),
        Label("JS", "JS", 1.75, 0.12, "right"),
    ),
    "d": (*STUCK, Label("W1", "W1 = 1/2n", 2.6, 0.22)),
}


def draw(found: dict[str, list[dict[str, float]]], *, theme: Theme) -> bytes:
    """A panel for each sequence."""
    with typeset():
        figure, panels = chart(6.0, rows=2, columns=2, theme=theme, width=9.8)
        figure.set_layout_engine("constrained", h_pad=0.14)
        for axes, name in zip(panels, SEQUENCES, strict=True):
            axes.set_title(SEQUENCES[name].title, loc="left", color=theme.ink, size=10.5, weight="bold", pad=8)
            _panel(axes, found[name], LABELS[name], theme)
        for axes in panels[2:]:
            axes.set_xlabel("n")
        return png(figure)


def _panel(axes: Axes, found: list[dict[str, float]], labels: tuple[Label, ...], theme: Theme) -> None:
    colours = _colours(theme)
    for key, colour in colours.items():
        heights = [min(step[key], INFINITY) for step in found]
        width, order = (4.2, 2) if key == "W1" else (1.6, 3)  # W1 lies under what equals it
        axes.plot(STEPS, heights, "o-", color=colour, lw=width, ms=1.1 * width + 1.4, zorder=order, clip_on=False)
    for one in labels:
        axes.text(
            one.n, one.height, one.text, color=theme.written(colours[one.curve]), size=9.5, ha=one.side, va="bottom",
            rotation=one.slant, rotation_mode="default",
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set(xlim=(0.96, STEPS[-1]), ylim=(-0.03, INFINITY + 0.16))
    axes.set_xticks(STEPS, [str(n) for n in STEPS])
    axes.set_yticks([0, LOG2, 1, INFINITY], ["0", "log 2", "1", "∞"])


def _colours(theme: Theme) -> dict[str, str]:
    ochre = theme.classes[2]
    return {
        "W1": theme.model, "TV": theme.data, "JS": theme.classes[3], "KL(P | Pn)": ochre, "KL(Pn | P)": ochre
    }  # fmt: skip
