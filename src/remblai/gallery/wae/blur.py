"""Why a VAE blurs: where posteriors overlap its best decoder is E[X | z], an average of data."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data import load
from remblai.gallery.entry import Entry, Finding, between
from remblai.gallery.wae.latent_plane import trained
from remblai.metrics import sharpness
from remblai.objectives import AutoEncoder
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runs.in_memory import train_objective
from remblai.runs.resolve import resolve
from remblai.runtime.rng import seeded

DATA = (-2.0, -1.2, 0.2, 1.0, 2.2)
"""The toy's data, on the line."""
VARIANCE = 0.3
"""Of its decoder: large enough beside the gaps that overlapping posteriors pay."""
STEPS = 1500
OPTIONS: dict[str, Any] = {"latent": 8, "network.width": 128}
FIXED: dict[str, Any] = {"decoder.learned": False, "decoder.variance": 0.5}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "VAE": ("vae", OPTIONS | FIXED),
    "VAE, learned variance": ("vae", OPTIONS | {"decoder.variance": 0.02, "decoder.smallest": 1e-6}),
    "WAE": ("wae-mmd", OPTIONS),
}
SAMPLES, SHOWN = 1000, 12

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Toy:
    """A VAE of five numbers along the line of codes.

    Attributes:
        places: codes, in increasing order (k,).
        posteriors: q(z | x_i) at each of them, (5, k).
        decoded: G(z), (k,).
    """

    places: Floats
    posteriors: Floats
    decoded: Floats

    @property
    def aggregate(self) -> Floats:
        """q(z), the posteriors' mean: the data are equally likely."""
        return np.asarray(self.posteriors.mean(0))

    @property
    def average(self) -> Floats:
        """E[X | z] by Bayes: sum of x_i q(z | x_i) over sum of q(z | x_i)."""
        weighted: Floats = np.array(DATA) @ self.posteriors / self.posteriors.sum(0)
        return weighted

    def gap(self, values: Floats) -> float:
        """The root mean square of G - values where codes fall, under q(z)."""
        return float(np.sqrt(np.average((self.decoded - values) ** 2, weights=self.aggregate)))

    @property
    def nearest(self) -> Floats:
        """Of each code the datum whose posterior is highest there: what a decoder without blur would answer."""
        nearest: Floats = np.array(DATA)[self.posteriors.argmax(0)]
        return nearest


def blur(steps: int = STEPS) -> Entry:
    """The VAE's decoder is E[X | z], which blurs where posteriors overlap; on digits the WAE keeps more of the detail.

    Args:
        steps: of each training.
    """
    toy = along_the_line(steps)
    digits = load("digits")
    models = {name: trained(digits, *model, steps=steps) for name, model in MODELS.items()}
    with seeded(0):
        samples = {name: model.sample(SAMPLES) for name, model in models.items()}
    real = digits.test[:]
    detail = {name: sharpness(one) / sharpness(real) for name, one in samples.items()}
    bayes = distance_to_average(models["VAE"], digits.train[:])
    checks = (
        between("toy: G(z) - E[X | z], root mean square where codes fall", toy.gap(toy.average), high=0.12),
        between("toy: the same to the most likely datum", toy.gap(toy.nearest), low=0.2),
        between("toy: range of G along the line, where the data's is 4.2", float(np.ptp(toy.decoded)), low=3.0),
        between("digits, VAE: |G(z) - E[X | z]|^2 in units of the data's variance", bayes, high=0.25),
        between("digits: detail of the VAE's samples, in units of the data's", detail["VAE"], high=0.4),
        between("digits: detail of the WAE's samples", detail["WAE"], low=0.6),
        between("detail, WAE over VAE", detail["WAE"] / detail["VAE"], low=2.0),
    )
    line = Picture.chart(
        "blur",
        "The decoder is an average",
        "Five numbers (levels on the left) and a VAE with one code. Below, the posteriors of the five; above, what the "
        "decoder answers and the average of the five, weighted by their posteriors: between two data it answers "
        "neither.",
        "A thin curve on a broad one, through five levels and between them, above five overlapping bumps",
        draw_line,
        toy=toy,
    )
    faces = Picture.chart(
        "blur-digits",
        "What it does to digits",
        "Samples of three models of one network, and held-out digits. The figure is the variance of the Laplacian, in "
        "units of the data's: by the same squared cost the VAE's is lowest, and learning its decoder's variance mends "
        "much of it.",
        "Four rows of small digits, from blurred to sharp",
        draw_digits,
        rows={f"{name}\n{detail[name]:.2f}": one[:SHOWN].numpy() for name, one in samples.items()}
        | {"data\n1.00": real[:SHOWN].numpy()},
    )
    return Entry(
        title="Why a VAE blurs",
        words="A VAE with a Gaussian decoder is trained on five numbers, and its decoder is compared with the average "
        "of the five under their posteriors, which Bayes' rule gives exactly. On digits, with the same squared cost, "
        "the samples of a VAE, of a VAE with a learned variance and of a WAE are compared in detail: the WAE never "
        "asks posteriors to overlap.",
        checks=checks,
        pictures=(line, faces),
        source="Tolstikhin et al., “Wasserstein auto-encoders”, section 1, arXiv 1711.01558; Bousquet et al., "
        "“From optimal transport to generative modeling”, arXiv 1705.07642",
        findings=(
            Finding(
                f"The toy's decoder agrees with the average to {toy.gap(toy.average):.2g} where codes fall: where "
                "posteriors overlap it answers between data.",
                ("toy: G(z) - E[X | z]", "toy: the same"),
            ),
            Finding(
                f"On digits the VAE's samples keep {detail['VAE']:.0%} of the data's detail and the WAE's "
                f"{detail['WAE']:.0%}; with a learned variance the VAE keeps {detail['VAE, learned variance']:.0%}.",
                ("digits: detail of", "detail, WAE over VAE"),
            ),
        ),
    )


def along_the_line(steps: int = STEPS) -> Toy:
    """The VAE of the five numbers, looked at on the part of the line where nearly all codes fall."""
    x = torch.tensor(DATA)[:, None]
    options = FIXED | {"decoder.variance": VARIANCE, "latent": 1, "network.width": 64, "lr": 3e-3, "steps": steps}
    how = resolve("vae", options)
    with seeded(0):
        model = train_objective(how.build((1,)), how.loop, partial(endless, x))
    assert isinstance(model, AutoEncoder)
    places = torch.linspace(-2.5, 2.5, 251)[:, None]
    with torch.no_grad():
        densities = model.encoder(x).log_prob(places[:, None]).exp().T
        decoded = model.decoder(places).mean[:, 0]
    return Toy(*(one.double().numpy() for one in (places[:, 0], densities, decoded)))


def endless(x: Tensor, n: int) -> Iterator[Tensor]:
    """Batches (n, d) of the data, each row drawn evenly."""
    drawn = torch.Generator().manual_seed(0)
    while True:
        yield x[torch.randint(len(x), (n,), generator=drawn)]


@torch.no_grad()
def posterior_average(model: AutoEncoder, data: Tensor, z: Tensor) -> Tensor:
    """E[X | z] of the data (n, ...) at codes z (k, latent), by Bayes over all of them: (k, d) of flattened data."""
    weights: Tensor = model.encoder(data).log_prob(z[:, None]).softmax(1)
    return weights @ data.flatten(1)


@torch.no_grad()
def distance_to_average(model: AutoEncoder, data: Tensor) -> float:
    """E |G(Z) - E[X | Z]|^2 over codes of the aggregate, as a share of the data's variance E |X - E X|^2."""
    with seeded(0):
        z = model.encoder(data).sample()
    gap = model.decoder(z).mean.flatten(1) - posterior_average(model, data, z)
    return float(gap.square().sum(1).mean() / data.flatten(1).var(0, correction=0).sum())


def draw_line(toy: Toy, *, theme: Theme) -> bytes:
    """Decoder and average above, posteriors below."""
    with typeset():
        figure, (above, below) = chart(5.2, rows=2, theme=theme)
        for value in DATA:
            above.axhline(value, color=theme.line, linewidth=0.9, zorder=0)
        above.plot(toy.places, toy.average, color=theme.data, linewidth=4.0, alpha=0.45)
        above.plot(toy.places, toy.decoded, color=theme.model, linewidth=1.6)
        x, side = (0.97, "right") if toy.decoded[0] > toy.decoded[-1] else (0.03, "left")
        for y, label, colour in ((0.90, "G(z)", theme.model), (0.68, "E[X | z]", theme.data)):
            above.text(x, y, label, color=colour, size=10, transform=above.transAxes, ha=side)
        above.set(ylabel="x", yticks=DATA, ylim=(-2.9, 3.4))
        for value, density in zip(DATA, toy.posteriors, strict=True):
            below.fill_between(toy.places, density, color=theme.quiet, alpha=0.18, linewidth=0)
            below.plot(toy.places, density, color=theme.quiet, linewidth=1.0)
            peak = int(density.argmax())
            below.text(
                toy.places[peak],
                density[peak] + 0.03,
                f"{value:g}".replace("-", "−"),
                color=theme.ink,
                size=9,
                ha="center",
            )
        below.set(xlabel="code z", ylabel="q(z | x)", yticks=(), ylim=(0, 1.15 * toy.posteriors.max()))
        return png(figure)


def draw_digits(rows: dict[str, NDArray[np.float32]], *, theme: Theme) -> bytes:
    """A row of images a model."""
    with typeset():
        figure, panels = chart(3.6, rows=len(rows), theme=theme, width=9.8)
        for axes, (name, images) in zip(panels, rows.items(), strict=True):
            padded = np.pad(images[:, 0], ((0, 0), (0, 0), (1, 1)), constant_values=np.nan)
            axes.imshow(
                np.concatenate(list(padded), 1), cmap="gray_r" if theme.paper == "#ffffff" else "gray", vmin=0, vmax=1
            )
            axes.set(xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set_visible(False)
            axes.set_ylabel(name, color=theme.ink, size=10, rotation=0, ha="right", va="center")
        return png(figure)
