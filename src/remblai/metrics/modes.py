"""How samples spread over known modes: Gaussians of one weight and one deviation in every direction, as toys have."""

from typing import Any, NamedTuple

import torch
from scipy.special import xlogy
from scipy.stats import binom, chi2
from torch import Tensor

from remblai.distances.validation import positive, positive_integer
from remblai.metrics.metric import Card, Compute, Figure
from remblai.metrics.pairs import flat
from remblai.metrics.samples import deviation as deviation_over
from remblai.metrics.sets import Sets
from remblai.statistics import halves

RADIUS = 3.0
"""A sample of high quality lies within so many deviations of the nearest centre."""


class Assigned(NamedTuple):
    """Samples by their nearest centres.

    Attributes:
        mode: (n, k), 1 at the nearest centre of each sample.
        near: (n,), 1 for samples of high quality.
        offset: (n, d), from the nearest centre, in units of what the truth's deviation is after the cut.
    """

    mode: Tensor
    near: Tensor
    offset: Tensor


def mode_figures(samples: Any, centres: Any, deviation: float, radius: float = RADIUS) -> dict[str, float]:
    """Modes covered, share of high quality, histogram of the modes against the uniform one, width of the modes.

    Each sample belongs to the nearest of the k centres, and is of high quality within `radius` deviations of it; h is
    the share of all samples, good or not, that belong to each mode.

    - `modes_covered`: how many modes have at least one sample of high quality, as in both papers below.
    - `high_quality_share`: of the samples. The truth itself has 98.89 % in the plane; more are modes too narrow.
    - `mode_total_variation`: sum |h - 1/k| / 2.
    - `mode_reverse_kl`: sum h log(k h), PacGAN's reverse KL divergence.
    - `mode_deviation_ratio`: the deviation of the good samples about the mean of their own mode, all modes pooled, over
      what the truth has after the same cut. The truth has 1, points have 0. The cut bounds it: an even disc of the
      cut's radius has 1.54 in the plane, whatever lies beyond it.

    Samples that are far too few for the modes, or modes that overlap, give the truth other figures: `mode_card` has
    them beside.

    Args:
        samples: (n, d).
        centres: (k, d).
        deviation: of every mode, in each direction.
        radius: of high quality, in deviations.

    Raises:
        ValueError: no samples or centres, rows of different sizes, NaN or infinity, a deviation or radius not positive.

    Source: Srivastava et al., "VEEGAN" (2017), arXiv 1705.07761; Lin et al., "PacGAN" (2018), arXiv 1712.04086, section
    4.1. Neither looks at the width, so that a point in each mode is perfect there.
    """
    assigned = _assigned(samples, centres, deviation, radius)
    return {name: float(value) for name, (value,) in _figures(assigned, _whole(assigned)).items()}


def mode_deviation_ratios(samples: Any, centres: Any, deviation: float, radius: float = RADIUS) -> Tensor:
    """The deviation ratio (k,) of each mode by itself; 0 for a mode with fewer than two samples of high quality.

    Args:
        samples, centres, deviation, radius: as for `mode_figures`.

    Raises:
        ValueError: as for `mode_figures`.
    """
    assigned = _assigned(samples, centres, deviation, radius)
    squares, freedom = _scatter(assigned, _whole(assigned))
    return (squares / freedom.clamp(min=1)).sqrt()[0]


def mode_expectations(n: int, modes: int, dimension: int = 2, radius: float = RADIUS) -> dict[str, float]:
    """What `mode_figures` expects of n draws of the truth, exactly, where the modes are far apart.

    With q = P(chi^2_d <= radius^2) and B ~ Binomial(n, 1/k): a share q of high quality, k (1 - (1 - q/k)^n) modes
    covered, total variation k E|B/n - 1/k| / 2, reverse KL k E (B/n) log(k B/n), and a ratio whose square has mean 1.

    Args:
        n: samples.
        modes: k.
        dimension: d of the samples.
        radius: of high quality, in deviations.

    Raises:
        ValueError: a count below 1, or a radius not positive.
    """
    for name, count in (("n", n), ("modes", modes), ("dimension", dimension)):
        positive_integer(name, count)
    quality = float(chi2.cdf(positive("radius", radius) ** 2, dimension))
    counts = torch.arange(n + 1, dtype=torch.float64).numpy()
    law, share = binom.pmf(counts, n, 1 / modes), counts / n
    return {
        "modes_covered": modes * (1 - (1 - quality / modes) ** n),
        "high_quality_share": quality,
        "mode_total_variation": float(modes / 2 * (law * abs(share - 1 / modes)).sum()),
        "mode_reverse_kl": float(modes * (law * xlogy(share, modes * share)).sum()),
        "mode_deviation_ratio": 1.0,
    }


def mode_card(
    samples: Any, centres: Any, deviation: float, *, radius: float = RADIUS, repeats: int = 20, seed: int = 0
) -> Card:
    """`mode_figures` for the fidelity card: each with its floor and its standard deviation.

    The floor is the mean of the same figure over sets of as many draws of the truth, `spread` its standard deviation
    over them, or over random halves of the samples (see `halves`) where that is larger: of few samples all may be of
    high quality by chance, and halves of them do not differ.

    Args:
        samples: (n, d), n at least 2.
        centres: (k, d).
        deviation: of every mode, in each direction.
        radius: of high quality, in deviations.
        repeats: sets of true draws, and random halves.
        seed: of both; global generators are left as they were.

    Raises:
        ValueError: as for `mode_figures`, or fewer than 2 samples or repeats.
    """
    assigned = _assigned(samples, centres, deviation, radius)
    n = len(assigned.near)
    if n < 2 or repeats < 2:
        raise ValueError(
            f"a mode card needs at least 2 samples and 2 repeats, for a standard deviation; got {n} and {repeats}."
        )
    generator = torch.Generator().manual_seed(seed)
    masks = halves(n, repeats, generator).to(assigned.near)
    where = flat("the centres", centres).cpu()
    truths = [mode_figures(_truth(n, where, deviation, generator), where, deviation, radius) for _ in range(repeats)]
    figures: dict[str, Figure] = {
        name: {
            "value": float(value[0]),
            "floor": sum(truth[name] for truth in truths) / repeats,
            "spread": max(deviation_over(value[1:]), deviation_over(torch.tensor([truth[name] for truth in truths]))),
            "n": n,
        }
        for name, value in _figures(assigned, masks).items()
    }
    return Card(figures)


def _assigned(samples: Any, centres: Any, deviation: float, radius: float) -> Assigned:
    deviation, radius = positive("deviation", deviation), positive("radius", radius)
    y = flat("the samples", samples)
    where = flat("the centres", centres, y).double()
    y = y.double()
    distances, nearest = torch.cdist(y, where, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    mode = torch.nn.functional.one_hot(nearest, len(where)).double()
    cut = float(chi2.cdf(radius**2, y.shape[1] + 2) / chi2.cdf(radius**2, y.shape[1]))
    return Assigned(mode, (distances <= radius * deviation).double(), (y - where[nearest]) / (deviation * cut**0.5))


def _whole(assigned: Assigned) -> Tensor:
    return assigned.near.new_ones(1, len(assigned.near))


def _figures(assigned: Assigned, masks: Tensor) -> dict[str, Tensor]:
    """Each figure (r,) of each sub-sample, masks (r, n) of 0 and 1."""
    k, n = assigned.mode.shape[1], masks.sum(1)
    share = masks @ assigned.mode / n[:, None]
    squares, freedom = _scatter(assigned, masks)
    return {
        "modes_covered": (masks * assigned.near @ assigned.mode > 0).double().sum(1),
        "high_quality_share": masks @ assigned.near / n,
        "mode_total_variation": (share - 1 / k).abs().sum(1) / 2,
        "mode_reverse_kl": torch.special.xlogy(share, k * share).sum(1),
        "mode_deviation_ratio": (squares.sum(1) / freedom.sum(1).clamp(min=1)).sqrt(),
    }


def _scatter(assigned: Assigned, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Squares about the mean of the samples of high quality, and their degrees of freedom: (r, k) each, by mode."""
    weights = masks * assigned.near
    count = weights @ assigned.mode
    squares = (weights * assigned.offset.square().sum(1)) @ assigned.mode
    nearest = assigned.mode.argmax(1)
    empty = assigned.offset.new_zeros(assigned.mode.shape[1], assigned.offset.shape[1])
    sums = torch.stack([empty.index_add(0, nearest, one[:, None] * assigned.offset) for one in weights])
    within = squares - sums.square().sum(2) / count.clamp(min=1)
    return within.clamp(min=0), assigned.offset.shape[1] * (count - 1).clamp(min=0)


def _truth(n: int, centres: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    chosen = torch.randint(len(centres), (n,), generator=generator)
    return centres[chosen] + deviation * torch.randn(n, centres.shape[1], generator=generator)


def figure_of_modes(name: str) -> Compute:
    """What computes one of the figures of `mode_figures`, from all samples of a card."""

    def compute(sets: Sets) -> Figure:
        assert sets.modes is not None  # the row needs them
        centres, deviation = sets.modes
        card = sets.shared(
            "modes", lambda: mode_card(sets.model, centres, deviation, repeats=max(2, sets.repeats), seed=sets.seed)
        )
        figure: Figure = card[name]
        return figure

    return compute
