"""A generator that moves a little moves its law a little in W1, not in JS; and z must have a mean for it."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from remblai.distances import jensen_shannon, transport
from remblai.gallery.entry import Check, Entry, between, equal
from remblai.gallery.wgan.relu_generator import POINTS, Generator, expected_lipschitz, generator, lipschitz
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

WAYS = np.concatenate([-np.geomspace(2.0, 1e-3, 16), [0.0], np.geomspace(1e-3, 2.0, 16)])
"""How far theta goes along one direction, on both sides of where it starts."""
TANGENTS = (-1.4, -0.5, 0.7, 1.6)
STEP = 1e-6
"""Of the finite differences in theta."""
SEEDS, DRAWS, EARLY = 200, 100_000, 1000
DRAWN = 60
"""Seeds whose curves the picture shows."""
MARKS = np.unique(np.append(np.geomspace(10, DRAWS, 60).astype(int), EARLY))
"""Numbers of draws at which the running means are kept."""

Floats = NDArray[np.float64]


def continuity() -> Entry:
    """Theorem 1, Assumption 1, Corollary 1: W1 is continuous and has a gradient where JS jumps, if E|Z| is finite."""
    model = generator()
    lengths = np.array([w1(model, float(way))[0] for way in WAYS])
    jumps = np.array([js(model, float(way)) for way in WAYS])
    tangents = {way: w1(model, way) for way in TANGENTS}
    means = {name: running_means(model, name) for name in ("normal", "cauchy")}
    moving = Picture.chart(
        "continuity",
        "The law moves; W1 follows, Jensen-Shannon jumps",
        "Left: the generator's law where θ starts and a little further on: two curves that hardly meet. Right: the "
        "distance of the two against how far θ has gone; W1 is continuous, with the slopes that its plan gives, "
        "Jensen-Shannon is log 2 at once.",
        "Two laws of a generator in the plane, and W1 and Jensen-Shannon against the step in its parameters",
        draw_moving,
        model=model,
        lengths=lengths,
        jumps=jumps,
        tangents=tangents,
    )
    tails = Picture.chart(
        "continuity-tails",
        "The theorem asks for a mean, and Cauchy's law has none",
        f"The mean of L(θ, z) over the first n draws, for {DRAWN} of {SEEDS} seeds; the heavy line is the median of "
        "all. With Gaussian z all settle on one number, so the theorem holds; with Cauchy z they climb with log n and "
        "jump for ever: the mean that it asks for is infinite.",
        "Running means of the local Lipschitz constant for many seeds, under Gaussian and under Cauchy z",
        draw_tails,
        means=means,
        limit=expected_lipschitz(model),
    )
    return Entry(
        title="When W1 is continuous and has a gradient",
        words="A small ReLU generator's parameters θ are moved along a line, and its law is compared with where it "
        "started. W1 goes to 0 with the step and has the gradient that its plan gives, equal to finite differences in "
        "every parameter, while Jensen-Shannon jumps to log 2 at the smallest step. The theorem asks that the local "
        "Lipschitz constant of the generator have a finite mean over z: with Gaussian z its running mean settles, with "
        "Cauchy z it never does.",
        checks=(*along(model, lengths, jumps), *with_gradients(model), *of_the_tails(model, means)),
        pictures=(moving, tails),
        source="Arjovsky, Chintala and Bottou, “Wasserstein GAN” (2017), theorem 1, assumption 1 and corollary 1, "
        "arXiv 1701.07875",
    )


def along(model: Generator, lengths: Floats, jumps: Floats) -> list[Check]:
    """W1 falls with the step, below what the Lipschitz constants allow; JS does not."""
    bound = float(lipschitz(model, model.z.numpy()[:, 0]).mean())
    away = WAYS != 0
    return [
        equal("W1 where θ starts", float(lengths[~away][0]), 0.0),
        between(
            f"W1 over the step, at most the mean Lipschitz constant {bound:.3f}",
            float((lengths[away] / np.abs(WAYS[away]))[np.abs(WAYS[away]) < 0.01].max()), 1e-3, bound,
        ),
        equal("Jensen-Shannon where θ starts", float(jumps[~away][0]), 0.0),
        equal("the least at any other θ, log 2", float(jumps[away].min()), math.log(2.0)),
    ]  # fmt: skip


def with_gradients(model: Generator) -> list[Check]:
    """The plan's gradient in every parameter is that of finite differences."""
    count = sum(one.numel() for one in model.direction.values())
    return [
        between(f"{name}: largest error of its {count} derivatives", gradient_error(model, way, cost), high=1e-6)
        for name, cost, way in (("W1", "euclidean", -0.5), ("W2 squared", "square", 0.7))
    ]


def of_the_tails(model: Generator, means: dict[str, Floats]) -> list[Check]:
    """Gaussian: the spread of the means falls with the root of n, to E L. Cauchy: it stays, and the middle climbs."""
    early, last = int(np.searchsorted(MARKS, EARLY)), len(MARKS) - 1
    spread = {name: np.subtract(*np.quantile(found, (0.75, 0.25), axis=0)) for name, found in means.items()}
    middle = {name: np.median(found, axis=0) for name, found in means.items()}
    climb = float(middle["cauchy"][last] - middle["cauchy"][early])
    tail = sum(float(lipschitz(model, np.array([far]))[0]) / abs(far) for far in (-1e9, 1e9))
    limit, slope = expected_lipschitz(model), tail / math.pi
    return [
        equal("Gaussian z: median of the last means, E L", float(middle["normal"][last]), limit, 0.01 * limit),
        between("Gaussian z: spread at the last n over that at n = 1000",
                float(spread["normal"][last] / spread["normal"][early]), 0.05, 0.2),
        between("Cauchy z: the same ratio", float(spread["cauchy"][last] / spread["cauchy"][early]), low=0.5),
        between("Cauchy z: climb of the median over that of log n, by the law's tail",
                climb / (slope * math.log(DRAWS / EARLY)), 0.8, 1.25),
    ]  # fmt: skip


def measured(model: Generator, theta: dict[str, Tensor], cost: str) -> Tensor:
    """The least cost of carrying the law at theta_0 to the law at theta, both through the draws of z."""
    start = model.points(model.parameters(0.0)).detach()
    found: Tensor = transport(start, model.points(theta), cost).value
    return found


def w1(model: Generator, way: float) -> tuple[float, float]:
    """W1 from where theta starts, and its slope along the direction, through the plan."""
    theta = model.parameters(way)
    value = measured(model, theta, "euclidean")
    slopes = torch.autograd.grad(value, list(theta.values()))
    along = sum(float((slope * model.direction[name]).sum()) for name, slope in zip(theta, slopes, strict=True))
    return float(value.detach()), along


def js(model: Generator, way: float) -> float:
    """Jensen-Shannon between the same two laws, on the places of both."""
    with torch.no_grad():
        both = torch.cat([model.points(model.parameters(at)) for at in (0.0, way)])
    _, index = torch.unique(both, dim=0, return_inverse=True)
    p, q = (torch.bincount(side, minlength=int(index.max()) + 1) / POINTS for side in index.reshape(2, -1))
    return float(jensen_shannon(p.numpy(), q.numpy()))


def gradient_error(model: Generator, way: float, cost: str) -> float:
    """The largest difference of the plan's gradient from central differences, over all parameters."""
    theta = model.parameters(way)
    slopes = torch.autograd.grad(measured(model, theta, cost), list(theta.values()))
    worst = 0.0
    with torch.no_grad():
        for one, slope in zip(theta.values(), slopes, strict=True):
            entries = one.view(-1)
            for place, found in enumerate(slope.reshape(-1).tolist()):
                kept, ends = float(entries[place]), []
                for side in (STEP, -STEP):
                    entries[place] = kept + side
                    ends.append(float(measured(model, theta, cost)))
                entries[place] = kept
                worst = max(worst, abs((ends[0] - ends[1]) / (2.0 * STEP) - found))
    return worst


def running_means(model: Generator, law: str) -> Floats:
    """The mean of L(theta_0, z) over the first n draws, at the marks: (seeds, marks)."""
    found = np.empty((SEEDS, len(MARKS)))
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        z = rng.standard_normal(DRAWS) if law == "normal" else rng.standard_cauchy(DRAWS)
        found[seed] = lipschitz(model, z).cumsum()[MARKS - 1] / MARKS
    return found


def draw_moving(
    model: Generator, lengths: Floats, jumps: Floats, tangents: dict[float, tuple[float, float]], *, theme: Theme
) -> bytes:
    """The law at two parameters, and its distances along the way."""
    with typeset():
        figure, (left, right) = chart(3.7, columns=2, theme=theme, width=9.8)
        order = model.z[:, 0].argsort()
        for way, colour, name in ((0.0, theme.data, "at the start"), (1.5, theme.model, "1.5 further")):
            points = model.points(model.parameters(way)).detach()[order].numpy()
            left.plot(points[:, 0], points[:, 1], "o-", color=colour, lw=1, ms=4, alpha=0.75, mew=0)
            end = points[points[:, 0].argmin()]
            left.annotate(name, end, (0, -25), textcoords="offset points", color=colour, size=10, weight="bold")
        left.set(xlabel="first coordinate of g(z)", ylabel="second coordinate", aspect="equal")
        left.locator_params(nbins=4)
        _distances(right, lengths, jumps, tangents, theme)
        return png(figure)


def _distances(
    axes: Axes, lengths: Floats, jumps: Floats, tangents: dict[float, tuple[float, float]], theme: Theme
) -> None:
    green = theme.classes[3]
    for side in (WAYS < 0, WAYS > 0):
        axes.plot(WAYS[side], jumps[side], color=green, lw=1.8)
    axes.plot(0, math.log(2.0), "o", color=theme.paper, mec=green, mew=1.6, ms=6, zorder=4)
    axes.plot(0, 0, "o", color=green, ms=6, zorder=4)
    axes.plot(WAYS, lengths, color=theme.model, lw=2)
    for way, (length, slope) in tangents.items():
        reach = np.array([-0.35, 0.35])
        axes.plot(way + reach, length + slope * reach, color=theme.ink, lw=1, zorder=5)
        axes.plot(way, length, "o", color=theme.ink, ms=4, zorder=5)
    axes.text(0.12, math.log(2.0) + 0.02, "Jensen-Shannon", color=green, size=9.5)
    axes.text(0.5, 0.1, "W1, with the\nplan's slopes", color=theme.model, size=10.5, weight="bold", va="center")
    axes.set(xlim=(-2, 2), xticks=[-2, -1, 0, 1, 2], xlabel="how far the parameters θ have moved")
    axes.set_ylabel("distance from the law at the start")
    axes.set_ylim(-0.03, 0.12 + max(math.log(2.0), float(lengths.max())))
    axes.set_yticks([0, math.log(2.0), 1], ["0", "log 2", "1"])


def draw_tails(means: dict[str, Floats], limit: float, *, theme: Theme) -> bytes:
    """The running means under the two laws of z."""
    with typeset():
        figure, panels = chart(3.4, columns=2, theme=theme, width=9.8)
        colours = {"normal": ("Gaussian z", theme.data), "cauchy": ("Cauchy z", theme.model)}
        for axes, (law, (name, colour)) in zip(panels, colours.items(), strict=True):
            axes.plot(MARKS, means[law][:DRAWN].T, color=colour, lw=0.7, alpha=0.35)
            axes.plot(MARKS, np.median(means[law], axis=0), color=theme.ink, lw=1.6)
            axes.set_title(name, color=colour, size=10.5, weight="bold")
            axes.set(xscale="log", yscale="log", xlim=(MARKS[0], DRAWS), ylim=(1.5, 3000), xlabel="n, draws of z")
            axes.set_xticks([10, 1000, 100_000], ["10", "1,000", "100,000"])
            axes.set_yticks([2, 10, 100, 1000], ["2", "10", "100", "1,000"])
        panels[0].set_ylabel("mean of L(θ, z) over n draws")
        panels[0].text(DRAWS, 1.35 * limit, f"E L = {limit:.2f}", color=theme.ink, size=9.5, ha="right")
        panels[1].text(DRAWS, 2.6, "median: climbs with log n", color=theme.ink, size=9.5, ha="right")
        return png(figure)
