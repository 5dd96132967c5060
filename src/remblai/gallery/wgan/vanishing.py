"""Trained to its optimum, a discriminator leaves the model no gradient; a Wasserstein critic leaves it slope 1."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm
from torch import Tensor

from remblai.critics.adversarial import Adversarial
from remblai.critics.games import Game, Kantorovich, Logistic
from remblai.critics.lipschitz import Clip, Free, Lipschitz
from remblai.critics.orthogonal import Orthogonal
from remblai.data.toys import ring
from remblai.gallery.descent import ascent
from remblai.gallery.entry import Entry, Finding, between
from remblai.networks.mlp import mlp
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runtime.rng import seeded

SHIFT, SPREAD = 9.0, 0.4
"""Between the two laws on the line, in their standard deviations; and of the model in the plane."""
BATCH, SHOWN, STEPS = 256, 1000, 600
WIDTH, DEPTH = 64, 3
PLAYERS: dict[str, tuple[Game, Callable[[], Lipschitz], float]] = {
    "discriminator": (Logistic(saturating=True), Free, 5e-3),
    "critic, clipped": (Kantorovich(), lambda: Clip(0.05), 2e-3),
    "critic, orthogonal": (Kantorovich(), Orthogonal, 1e-2),
}
"""Each with its game, its constraint and its learning rate."""

Floats = NDArray[np.float64]
Batch = Callable[[int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Path:
    """A critic's way to its optimum.

    Attributes:
        steps: the steps at which it was looked at.
        gradients: the mean norm of the model's gradient at the model's points there, over the critic's steepest slope
            for a Wasserstein critic, whose K is its own affair.
        game: at the end.
    """

    steps: list[int]
    gradients: list[float]
    game: Adversarial


def vanishing(steps: int = STEPS) -> Entry:
    """The mean gradient at the model's points while each critic is trained, the model resting: two pairs of laws."""
    paths = {name: {player: followed(player, batch, steps) for player in PLAYERS} for name, batch in LAWS.items()}
    line, flat = paths["line"], paths["plane"]
    estimate = float(line["critic, orthogonal"].game.estimate(*shown("line")))
    checks = [
        between("best discriminator, on the line: mean gradient, by quadrature", at_best(), high=1e-4),
        between("trained discriminator's, last over first, line", fallen(line["discriminator"]), high=1e-3),
        between("the same, plane", fallen(flat["discriminator"]), high=1e-2),
        *(
            between(f"{player}: last mean slope over its steepest, {name}", path.gradients[-1], low, 1.0 + 1e-5)
            for name, found in paths.items()
            for (player, path), low in zip(list(found.items())[1:], (0.4, 0.95), strict=True)
        ),
        between(f"the last one's estimate on the line, over W1 = {SHIFT:g}", estimate / SHIFT, 0.97, 1.02),
    ]
    picture = Picture.chart(
        "vanishing",
        "What a model still hears when its critic has finished learning",
        "Left: two laws on the line, the discriminator D between them, flat where the model lies, and the critic, "
        "which climbs at slope 1 all the way. Middle: the mean gradient at the model's points as each is trained, on "
        "the line (full) and in the plane (dashed). Right: where the orthogonal critic sends the model's points; "
        "the discriminator's arrows, at the same scale of half a unit for slope 1, are too short to be seen.",
        "A discriminator and a critic over two Gaussians; gradient norms over training; arrows from a blob to a ring",
        draw,
        paths=paths,
    )
    return Entry(
        title="The gradients that a discriminator and a critic leave the model",
        words="The model stays as it is while a discriminator and two Wasserstein critics are trained against it, on "
        "the line and in the plane, and after each step the gradient that the model would receive at its own points is "
        "measured. A Wasserstein critic whose gradient does not vanish can be, and should be, trained to its optimum "
        "before each step of the model.",
        checks=tuple(checks),
        pictures=(picture,),
        source="Arjovsky, Chintala and Bottou, “Wasserstein GAN” (2017), section 3 and figure 2, arXiv 1701.07875",
        findings=(
            Finding(
                "As the discriminator learns, the gradient of the saturating loss falls by orders of magnitude.",
                ("best discriminator", "trained discriminator's", "the same, plane"),
            ),
            Finding(
                "The critics' gradients, over their Lipschitz constants, do not vanish: at the end the mean is close "
                "to 1 with orthogonal layers, and at least 0.4 with clipped weights.",
                tuple(list(PLAYERS)[1:]),
            ),
        ),
    )


def on_line(n: int) -> tuple[Tensor, Tensor]:
    """Data N(0, 1) and model N(SHIFT, 1): (n, 1) each."""
    return torch.randn(n, 1), SHIFT + torch.randn(n, 1)


def on_plane(n: int) -> tuple[Tensor, Tensor]:
    """Data from the ring of eight, the model a Gaussian in its middle: (n, 2) each."""
    points = ring().split("test")
    return points[torch.randint(len(points), (n,))], SPREAD * torch.randn(n, 2)


LAWS: dict[str, Batch] = {"line": on_line, "plane": on_plane}


def shown(name: str) -> tuple[Tensor, Tensor]:
    """The points at which gradients are measured, the same ones each time."""
    with seeded(1):
        return LAWS[name](SHOWN)


def followed(player: str, batch: Batch, steps: int) -> Path:
    """Trains one critic alone, and measures the model's gradient on the way."""
    rule, constraint, rate = PLAYERS[player]
    with seeded(1):
        x, y = batch(SHOWN)
    looked = {0, *np.geomspace(1, steps, 40).astype(int).tolist()}
    with seeded(0):
        game = Adversarial(mlp(x.shape[1], 1, WIDTH, DEPTH), rule, constraint())
        found = [
            (step, heard(game, x, y)) for step in ascent(game, lambda: batch(BATCH), steps, rate) if step in looked
        ]
    return Path([step for step, _ in found], [gradient for _, gradient in found], game)


def heard(game: Adversarial, x: Tensor, y: Tensor) -> float:
    """The mean norm of the model's gradient at its points y, over the steepest slope of a Wasserstein critic."""
    norms = gradients(game, x, y).norm(dim=1)
    if isinstance(game.game, Logistic) or isinstance(game.lipschitz, Orthogonal):
        return float(norms.mean())
    segments = torch.lerp(x, y, torch.linspace(0.0, 1.0, len(x))[:, None])
    steepest = max(float(gradients(game, x, points).norm(dim=1).max()) for points in (x, y, segments))
    return float(norms.mean()) / steepest


def gradients(game: Adversarial, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of the model's loss at each of its points, as if it were alone: (n, d)."""
    y = y.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(game(x, y) * len(y), y)
    return gradient


def fallen(path: Path) -> float:
    """The last gradient over the first."""
    return path.gradients[-1] / path.gradients[0]


def at_best() -> float:
    """The mean gradient on the line at the best discriminator D* = p / (p + q): SHIFT * E D*(Y), by quadrature."""
    y = np.linspace(-10.0, SHIFT + 10.0, 100_001)
    p, q = norm.pdf(y), norm.pdf(y, loc=SHIFT)
    return float(SHIFT * np.trapezoid(p * q / (p + q), y))


def draw(paths: dict[str, dict[str, Path]], *, theme: Theme) -> bytes:
    """The two critics on the line, the gradients over the steps, and the directions in the plane."""
    with typeset():
        figure, (left, middle, right) = chart(3.5, columns=3, theme=theme, width=9.8)
        _on_line(left, paths["line"], theme)
        _fall(middle, paths, theme)
        _arrows(right, paths["plane"], theme)
        return png(figure)


def _on_line(axes: Axes, paths: dict[str, Path], theme: Theme) -> None:
    places = np.linspace(-4.0, SHIFT + 4.0, 400)
    for mean, colour, name in ((0.0, theme.data, "data"), (SHIFT, theme.model, "model")):
        axes.fill_between(places, norm.pdf(places, loc=mean), color=colour, alpha=0.25, lw=0)
        axes.text(mean, 0.43, name, color=colour, size=10, weight="bold", ha="center")
    with torch.no_grad():
        column = torch.from_numpy(places).float()[:, None]
        logits, heights = (
            paths[player].game.critic(column)[:, 0].double().numpy()
            for player in ("discriminator", "critic, orthogonal")
        )
    heights = (heights - np.interp(SHIFT, places, heights)) / SHIFT
    axes.plot(places, expit(logits), color=theme.ink, lw=1.8)
    axes.plot(places, heights, color=theme.classes[2], lw=2.2)
    axes.text(-4.0, 0.93, "D(x)", color=theme.ink, size=10, va="top")
    axes.text(5.1, 0.6, f"critic / {SHIFT:g}", color=theme.written(theme.classes[2]), size=10, weight="bold")
    axes.set(xlim=(-4.2, SHIFT + 4.2), ylim=(-0.5, 1.5), xticks=[0, SHIFT], yticks=[0, 0.5, 1], xlabel="x")


def _fall(axes: Axes, paths: dict[str, dict[str, Path]], theme: Theme) -> None:
    colours = dict(zip(PLAYERS, (theme.ink, theme.data, theme.classes[2]), strict=True))
    last = max(path.steps[-1] for path in paths["line"].values())
    for name, style in (("line", "-"), ("plane", (0, (3, 2)))):
        for player, path in paths[name].items():
            axes.plot(path.steps[1:], path.gradients[1:], color=colours[player], lw=1.7, ls=style)
    axes.axhline(at_best(), color=theme.quiet, lw=1, ls=(0, (1, 2)))
    axes.text(last, at_best() / 1.4, "the best D, on the line", color=theme.quiet, size=9, ha="right", va="top")
    axes.text(
        1.1, 3.0, "orthogonal critic", color=theme.written(colours["critic, orthogonal"]), size=9.5, weight="bold"
    )
    axes.text(last, 3.0, "clipped critic", color=colours["critic, clipped"], size=9.5, weight="bold", ha="right")
    axes.text(last, 6e-2, "discriminator", color=colours["discriminator"], size=9.5, weight="bold", ha="right")
    axes.set(xscale="log", yscale="log", xlim=(1, last), ylim=(3e-6, 10), xlabel="step of the critic")
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    axes.set_yticks([1e-4, 1e-2, 1], ["0.0001", "0.01", "1"])
    axes.minorticks_off()
    axes.set_ylabel("mean gradient at the model's points")


def _arrows(axes: Axes, paths: dict[str, Path], theme: Theme) -> None:
    x, y = shown("plane")
    axes.scatter(x[:, 0], x[:, 1], s=4, color=theme.data, alpha=0.5, linewidths=0)
    some = y[:70]
    axes.scatter(some[:, 0], some[:, 1], s=9, color=theme.model, linewidths=0, zorder=4)
    for player, colour in (("critic, orthogonal", theme.classes[2]), ("discriminator", theme.ink)):
        way = -gradients(paths[player].game, x, some).numpy() / 2.0
        axes.quiver(*some.numpy().T, *way.T, angles="xy", scale_units="xy", scale=1, color=colour, width=0.005)
    for place, name, colour in ((-2.7, "● data", theme.data), (-1.6, "● model", theme.model)):
        axes.text(place, -2.7, name, color=colour, size=9.5)
    axes.set(xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
