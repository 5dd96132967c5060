"""Overlapping posteriors against a matched aggregate: the VAE and the WAE of one encoder in a latent plane."""

from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.collections import EllipseCollection
from matplotlib.patheffects import withStroke
from torch import Tensor
from torch.distributions import Independent, Normal

from remblai.data import Dataset, load
from remblai.gallery.entry import Entry, Finding, between
from remblai.laws import PRIORS
from remblai.metrics.codes import latent_mmd_null, latent_mmd_squared
from remblai.objectives import AutoEncoder
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset
from remblai.runs.in_memory import train_objective
from remblai.runs.resolve import resolve
from remblai.runtime.rng import seeded

STEPS = 1200
OPTIONS: dict[str, Any] = {"latent": 2, "network.width": 128, "encoder": "gaussian"}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "VAE": ("vae", OPTIONS | {"decoder.learned": False, "decoder.variance": 0.5}),
    "WAE": ("wae-mmd", OPTIONS),
}
"""Of one encoder, N(m(x), diag s(x)^2), and one cost: -log p(x|z) at variance 1/2 is |x - G(z)|^2 and a constant."""
REACH = 3.2
NINE_TENTHS = 2.1460
"""Radius of the circle that holds nine tenths of the standard normal law of the plane: sqrt(2 log 10)."""


@dataclass(frozen=True)
class Plane:
    """Held-out digits in the latent plane.

    Attributes:
        mean: of each posterior Q(Z|X = x), (n, 2).
        deviation: its standard deviations, (n, 2).
        codes: a draw of each, (n, 2): a sample of the aggregate Q_Z.
        classes: which digit each is, (n,).
    """

    mean: Tensor
    deviation: Tensor
    codes: Tensor
    classes: Tensor

    def overlap(self) -> float:
        """The mean Bhattacharyya coefficient of two different posteriors: 1 if they are equal, 0 if they lie apart."""
        pairs = bhattacharyya(self.mean, self.deviation)
        return float((pairs.sum() - pairs.trace()) / (len(pairs) * (len(pairs) - 1)))

    def away(self) -> float:
        """The unbiased squared MMD between the codes and the prior."""
        return latent_mmd_squared(self.codes, PRIORS["normal"](2))

    def along_axes(self) -> float:
        """W_2^2 between the codes and the prior along each axis, by quantiles, and its mean over the two axes."""
        n = len(self.codes)
        quantiles = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
        return float((self.codes.double().sort(0).values - quantiles[:, None]).square().mean())


def latent_plane(steps: int = STEPS) -> Entry:
    """With one encoder and one cost the VAE's posteriors overlap and the WAE's keep apart.

    Args:
        steps: of each training.
    """
    digits = load("digits")
    planes = {name: plane(trained(digits, *model, steps=steps), digits) for name, model in MODELS.items()}
    vae, wae = planes["VAE"], planes["WAE"]
    overlaps = {name: one.overlap() for name, one in planes.items()}
    away = {name: one.away() for name, one in planes.items()}
    null, spread = latent_mmd_null(len(wae.codes), PRIORS["normal"](2))
    checks = (
        between("VAE: overlap of two posteriors (Bhattacharyya)", overlaps["VAE"], low=0.4),
        between("WAE: overlap of two posteriors", overlaps["WAE"], high=0.1),
        between("VAE's overlap in units of the WAE's", overlaps["VAE"] / overlaps["WAE"], low=5.0),
        between("WAE: squared MMD of the aggregate to the prior", away["WAE"], high=null + 6.0 * spread),
        between("WAE: squared W2 to the prior along the axes", wae.along_axes(), high=0.05),
        between("VAE: mean KL of a posterior to the prior, nats", nats(vae), high=0.7 * nats(wae)),
    )
    picture = Picture.chart(
        "latent-plane",
        "Posteriors of held-out digits",
        "Each ellipse is one posterior Q(Z|X = x), its half-axes one standard deviation, coloured by the digit; the "
        "thin circle holds nine tenths of the prior. Both clouds fill it, one by wide posteriors on top of each other, "
        "the other by narrow ones side by side.",
        "Two planes of ellipses: wide and overlapping for the VAE, small and apart by class for the WAE",
        draw,
        planes=planes,
        titles={
            name: f"{name}: mean overlap {overlaps[name]:.2g}, MMD² {away[name]:.2g}".replace("-", "−")
            for name in planes
        },
    )
    return Entry(
        title="Overlapping posteriors, matched aggregate",
        words="A VAE and a WAE with one Gaussian encoder, one squared cost and one prior in the plane are trained on "
        "digits. The VAE pays for each posterior's divergence from the prior; the WAE asks only that the posteriors' "
        "mixture be the prior. Where posteriors overlap, the decoder must answer with an average.",
        checks=checks,
        pictures=(picture,),
        source="Tolstikhin et al., “Wasserstein auto-encoders”, figure 1, arXiv 1711.01558",
        findings=(
            Finding(
                f"Two of the VAE's posteriors overlap by {overlaps['VAE']:.2f} on average "
                "(Bhattacharyya's coefficient, 1 for equal ones), two of the WAE's by "
                f"{overlaps['WAE']:.2f}.",
                ("VAE: overlap", "WAE: overlap", "VAE's overlap"),
            ),
            Finding("The mixture of the WAE's posteriors is near the prior.", ("WAE: squared",)),
        ),
    )


def trained(data: Dataset, recipe: str, options: dict[str, Any], steps: int = STEPS, seed: int = 0) -> AutoEncoder:
    """The recipe's model with its averaged weights after so many steps; the global generator is left as it was."""
    how = resolve(recipe, options | {"steps": steps})
    with seeded(seed):
        model = train_objective(how.build(data.shape), how.loop, lambda size: data.train.batches(size, seed))
    assert isinstance(model, AutoEncoder)
    return model


@torch.no_grad()
def plane(model: AutoEncoder, data: Dataset) -> Plane:
    """The posteriors of the held-out digits."""
    law = model.encoder(data.test[:])
    assert isinstance(law, Independent)
    assert isinstance(law.base_dist, Normal)
    assert data.test.labels is not None
    with seeded(0):
        return Plane(law.base_dist.loc, law.base_dist.scale, law.sample(), data.test.labels)


def bhattacharyya(mean: Tensor, deviation: Tensor) -> Tensor:
    """The integrals of sqrt(q_i q_j), (n, n), for Gaussians q of means (n, d) and deviations (n, d) along the axes."""
    variance = deviation.double().square()
    middle = (variance[:, None] + variance[None]) / 2.0
    apart = (mean.double()[:, None] - mean.double()[None]).square() / middle
    wider = torch.log(middle / (deviation.double()[:, None] * deviation.double()[None]))
    return torch.exp(-(apart / 8.0 + wider / 2.0).sum(-1))


def nats(of: Plane) -> float:
    """The mean KL(Q(Z|X) || N(0, I))."""
    variance = of.deviation.square()
    return float(0.5 * (variance + of.mean.square() - 1.0 - variance.log()).sum(1).mean())


def draw(planes: dict[str, Plane], titles: dict[str, str], *, theme: Theme) -> bytes:
    """Every posterior as an ellipse; the classes' names at their means' median."""
    with typeset():
        figure, panels = chart(5.1, columns=len(planes), theme=theme, width=9.8)
        for axes, (name, one) in zip(panels, planes.items(), strict=True):
            width, height = 2.0 * one.deviation.T.numpy()
            colours = [theme.classes[int(label)] for label in one.classes]
            for alpha, edge in ((0.07, 0.0), (0.45, 0.6)):
                look = {"facecolors": colours} if edge == 0.0 else {"facecolors": "none", "edgecolors": colours}
                axes.add_collection(
                    EllipseCollection(
                        width, height, 0.0 * width, units="xy", offsets=one.mean.numpy(),
                        offset_transform=axes.transData, alpha=alpha, linewidths=edge, **look,
                    )
                )  # fmt: skip
            angle = torch.linspace(0.0, 2.0 * torch.pi, 200)
            axes.plot(NINE_TENTHS * angle.cos(), NINE_TENTHS * angle.sin(), color=theme.quiet, linewidth=0.9)
            for label in range(10):
                x, y = one.mean[one.classes == label].median(0).values.tolist()
                axes.text(
                    x, y, str(label), color=theme.ink, size=12, weight="bold", ha="center", va="center", zorder=5,
                    path_effects=[withStroke(linewidth=3.5, foreground=theme.paper)],
                )  # fmt: skip
            axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
            axes.set_xlabel("first code")
            axes.set_title(titles[name], color=theme.ink, size=10)
        panels[0].set_ylabel("second code")
        return png(figure)
