"""Why the code of a student report on Wasserstein auto-encoders failed: its formulas beside the right ones."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from remblai.costs import squared_distances
from remblai.data import load
from remblai.discrepancies import MMD
from remblai.gallery.entry import Entry, between, equal
from remblai.kernels import SCALES, InverseMultiquadric
from remblai.networks import NETWORKS
from remblai.objectives import AutoEncoder
from remblai.recipes import RECIPES
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runtime.rng import seeded

BATCH, LATENT, PIXELS = 256, 8, 784
"""The report's: images of a step, dimensions of a code, pixels of an image."""

DRAWS = 100
WEIGHT, STEPS, RATE = 10.0, 200, 3e-3
"""Of the small trial: digits of 8 by 8 pixels, codes in the plane."""

Floats = NDArray[np.float64]
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Images, their reconstructions, codes and draws of the prior to what is descended."""


def student_report() -> Entry:
    """Distances of -4,000, a penalty that is ascended, and a ratio that is 200,000 off, each computed and corrected."""
    report, squares = distances()
    trials = {name: Trial(loss) for name, loss in LOSSES.items()}
    away = {name: trial.away() for name, trial in trials.items()}
    drawn = torch.Generator().manual_seed(0)
    x, other = (torch.rand(BATCH, PIXELS, generator=drawn) for _ in range(2))
    z, prior = (torch.randn(BATCH, LATENT, generator=drawn) + shift for shift in (1.0, 0.0))
    summed = float((x - other).square().sum(1).mean() / nn.functional.mse_loss(x, other))
    times = float(report_penalty(z, prior, corrected=True) / mmd(LATENT)(z, prior))
    lost = trials["all right"].lost()
    middle = 2.0 * LATENT - 2.0 * BATCH * LATENT
    checks = (
        equal("mean squared distance of two draws of the prior", float(squares.mean()), 2 * LATENT, 0.2),
        between("the report's, mean of 100 batches", float(report.mean()), middle - 150.0, middle + 150.0),
        between("the report's, largest of all", float(report.max()), high=0.0),
        equal("squared error by its sum, over the report's mean", summed, PIXELS, 0.1),
        equal("the report's penalty with true distances, over the MMD", times, BATCH, 0.05),
        *(equal(f"side after layer {k} of its decoder", side, (10, 13, 28)[k - 1]) for k, side in DECODER),
        equal("side of the library's", library_side(), 28),
        between("MMD of the codes to the prior, all right", away["all right"], high=0.1),
        between("MMD, distances corrected, the sign not", away["distances right, sign not"], low=0.3),
        between("MMD, the report's loss", away["the report's loss"], low=0.3),
        between("error of decoder(noise), in units of decoder(encoder(x))'s", lost, low=1.3),
    )
    codes = Picture.chart(
        "student-report",
        "Where the codes go",
        "Left: squared distances of draws of the prior in 8 dimensions, as the report has them and as they are. Then "
        f"the codes of digits after {STEPS} steps from one start, with the circle that holds nine tenths of the prior.",
        "A histogram of distances far below 0 and one around 16; three clouds of codes, of which one fills the circle",
        draw_codes,
        report=report,
        squares=squares,
        clouds={name: trial.codes() for name, trial in trials.items()},
        away=away,
    )
    table = Picture.chart(
        "student-report-table",
        "Seven slips",
        "Each row is a mistake of the code; the figures are those of the checks.",
        "A table of seven mistakes, what the code does and what is right",
        draw_table,
        rows=slips(float(report.mean()), float(squares.mean()), away, lost),
    )
    return Entry(
        title="Why a student's auto-encoder failed",
        words="The formulas of a report's code are run beside the right ones, on seeded draws and on a small "
        f"auto-encoder. Its squared distances average −{-report.mean():,.0f} where {2 * LATENT} is right; its loss "
        "subtracts the penalty, which with true distances drives the codes out of sight; and its two terms are in "
        "units that differ by 784 · 256 = 200,704. None of this stops a program: a formula is worth what a second way "
        "to the same number says of it.",
        checks=checks,
        pictures=(codes, table),
        source="A student's report on Tolstikhin et al., “Wasserstein auto-encoders”, arXiv 1711.01558",
    )


def report_squares(x: Tensor, y: Tensor, first: Tensor) -> Tensor:
    """The report's "squared distances" (n, n): |x_i|^2 + |y_j|^2 - 2 sum_k (sum_l first_kl)^2.

    Where x_i . y_j belongs stands one number for all pairs, of the rows of `first`: the codes, whatever is compared.
    """
    return x.square().sum(1)[:, None] + y.square().sum(1) - 2.0 * first.sum(1).square().sum()


def report_penalty(x: Tensor, y: Tensor, corrected: bool = False) -> Tensor:
    """The report's penalty of codes x (n, d) and draws y (n, d): n times an unbiased MMD, of its own distances.

    `corrected` takes true ones.
    """
    n, d = x.shape

    def kernel(p: Tensor, q: Tensor) -> Tensor:
        report = squared_distances(p, q) if corrected else report_squares(p, q, x)
        return sum((2 * d * scale / (2 * d * scale + report) for scale in SCALES), torch.zeros_like(report))

    within = kernel(x, x) + kernel(y, y)
    return (within.sum() - within.diagonal().sum()) / (n - 1) - 2.0 * kernel(x, y).sum() / n


def mmd(latent: int) -> MMD:
    """The right penalty: the kernel is the report's, of the scale 2 d."""
    return MMD(InverseMultiquadric(2.0 * latent, SCALES))


def distances() -> tuple[Floats, Floats]:
    """Mean "squared distance" of two draws of the prior in each of many batches: by the report, and the true one."""
    drawn = torch.Generator().manual_seed(0)
    off = ~torch.eye(BATCH, dtype=torch.bool)
    batches = [torch.randn(BATCH, LATENT, generator=drawn) for _ in range(DRAWS)]
    report = np.array([float(report_squares(x, x, x)[off].mean()) for x in batches])
    return report, np.array([float(squared_distances(x, x)[off].mean()) for x in batches])


LOSSES: dict[str, Loss] = {
    "the report's loss": lambda x, y, z, prior: nn.functional.mse_loss(y, x) - report_penalty(z, prior),
    "distances right, sign not": lambda x, y, z, prior: nn.functional.mse_loss(y, x) - report_penalty(z, prior, True),
    "all right": lambda x, y, z, prior: (y - x).square().flatten(1).sum(1).mean() + WEIGHT * mmd(2)(z, prior),
}


class Trial:
    """A small auto-encoder of digits, trained by one of the losses; every trial has the same start and batches."""

    def __init__(self, loss: Loss) -> None:
        images = load("digits").train[:]
        with seeded(0):
            made = RECIPES["wae-mmd"](images.shape[1:], latent=2, network={"name": "mlp", "width": 64}, noise=0.0)
            assert isinstance(made, AutoEncoder)
            self.model, self.images = made, images[: 4 * BATCH]
            optimiser = torch.optim.Adam([one for one in made.parameters() if one.requires_grad], lr=RATE)
            for _ in range(STEPS):
                x, prior = images[torch.randint(len(images), (BATCH,))], torch.randn(BATCH, 2)
                z = made.encode(x).z
                optimiser.zero_grad()
                loss(x, made.decoder(z).mean, z, prior).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
        made.eval()

    @torch.no_grad()
    def codes(self) -> Tensor:
        """Of the images that it is looked at with: (n, 2)."""
        found: Tensor = self.model.encode(self.images).z
        return found

    def away(self) -> float:
        """The squared MMD of the codes to draws of the prior."""
        drawn = torch.Generator().manual_seed(1)
        return float(mmd(2)(self.codes(), torch.randn(len(self.images), 2, generator=drawn)))

    @torch.no_grad()
    def lost(self) -> float:
        """Squared error of images against decoded noise, as the report shows them, over that of reconstructions."""
        z = self.codes()
        noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(2))
        shown, right = ((self.model.decoder(one).mean - self.images).square().mean() for one in (noise, z))
        return float(shown / right)


def sides(side: int, layers: Sequence[tuple[int, int]]) -> list[int]:
    """Sides of an image after transposed convolutions without padding, each (kernel, stride)."""
    return [side := (side - 1) * stride + kernel for kernel, stride in layers]


DECODER = list(enumerate(sides(7, ((4, 1), (4, 1), (4, 2))), start=1))
"""Layers of the report's decoder and the side after each: every pixel's edge sees fewer weights than its middle."""


@torch.no_grad()
def library_side() -> int:
    """The side of an image of the library's decoder of the paper's networks."""
    with seeded(0):
        decoder = NETWORKS["wae"](shape=(1, 28, 28), width=4).decoder(LATENT)
        return int(decoder(torch.zeros(2, LATENT)).shape[-1])


def slips(report: float, squares: float, away: dict[str, float], lost: float) -> list[tuple[str, str, str]]:
    """The mistakes: what the code does, and what is right."""
    labels = {name: f"MMD of the codes {value:.2g}" for name, value in away.items()}
    return [
        ("what is at fault", "as the report has it", "corrected"),
        ("squared distances of prior draws", f"−{-report:,.0f} on average", f"{squares:.1f}"),
        ("sign of the penalty", f"subtracted: {labels['distances right, sign not']}", f"added: {labels['all right']}"),
        ("weight of the penalty", "none", f"λ, here {WEIGHT:g}"),
        ("units of the two terms", f"mean of {PIXELS} pixels, MMD times {BATCH}", "sum of pixels, MMD"),
        ("what is shown as a reconstruction", f"decoder(noise): {lost:.1f} times the error", "decoder(encoder(x))"),
        ("mode and Adam's settings", "training; β1 0.9, rate 5e-4", "evaluation; 0.5, 1e-3, as its text says"),
        ("sides in the decoder", "7, 10, 13, 28, unpadded", "7, 14, 28, padded"),
    ]


def draw_codes(
    report: Floats, squares: Floats, clouds: dict[str, Tensor], away: dict[str, float], *, theme: Theme
) -> bytes:
    """The distances, and the codes of each trial against the prior."""
    with typeset():
        figure, (axes, *panels) = chart(3.1, columns=4, theme=theme, width=11.4)
        bins = list(range(-5300, 101, 100))
        axes.hist(report, bins=bins, color=theme.model)
        axes.hist(squares, bins=bins, color=theme.data)
        axes.text(report.mean(), 20, "the report's", color=theme.model, ha="center")
        axes.text(-150, 92, f"true, {squares.mean():.0f}", color=theme.data, ha="right")
        axes.set(xlabel="mean squared distance of a batch", ylabel=f"batches, of {DRAWS}", xticks=(-4000, -2000, 0))
        axes.set(yticks=(0, 50, 100), title=" ")  # a line of its own, or the titles beside it are cut
        for panel, (name, cloud) in zip(panels, clouds.items(), strict=True):
            reach = 1.15 * max(2.6, float(cloud.abs().max()))
            angle = np.linspace(0.0, 2.0 * np.pi, 200)
            radius = float(np.sqrt(2.0 * np.log(10.0)))
            panel.plot(radius * np.cos(angle), radius * np.sin(angle), color=theme.ink, linewidth=1.0)
            panel.plot(
                *cloud.T.numpy(), ".", color=theme.data if name == "all right" else theme.model, ms=2.5, alpha=0.6
            )
            panel.set(
                xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel=f"MMD to the prior {away[name]:.2g}"
            )
            side = int(reach)
            panel.set(xticks=(-side, 0, side), yticks=(-side, 0, side))
            panel.set_title(name, color=theme.ink, size=10)
        return png(figure)


def draw_table(rows: list[tuple[str, str, str]], *, theme: Theme) -> bytes:
    """The mistakes as rows."""
    with typeset():
        figure, (axes,) = chart(3.0, theme=theme, width=9.8)
        axes.set_axis_off()
        axes.set(xlim=(0, 1), ylim=(len(rows), 0))
        for row, cells in enumerate(rows):
            colours = (theme.quiet,) * 3 if row == 0 else (theme.ink, theme.model, theme.data)
            for place, text, colour in zip((0.0, 0.30, 0.68), cells, colours, strict=True):
                axes.text(place, row + 0.5, text, color=colour, va="center", size=9.5)
            axes.axhline(row + 1, color=theme.line, linewidth=0.8)
        return png(figure)
