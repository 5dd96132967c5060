"""Figures of codes: how far they are from the prior."""

import copy
import math
from typing import Any

import torch
from torch import Tensor

from remblai.discrepancies import MMD
from remblai.kernels import KERNELS
from remblai.laws.priors import Prior
from remblai.metrics.faults import CLUSTERS, Faults, in_deviations, without_a_cluster
from remblai.metrics.metric import Compute, Figure
from remblai.metrics.pairs import flat
from remblai.metrics.sets import Sets
from remblai.runtime.rng import seeded

NARROWER = 0.9
"""The factor by which codes are scaled that have the fault "narrow"."""
REPEATS = 10
"""Samples of the prior that are given each fault."""
DRAWN = 700
"""Draws in a sample of the prior whose MMD's mean or deviation is estimated, at most: both are known at any n then."""


def latent_mmd_squared(codes: Any, prior: Prior, seed: int = 0) -> float:
    """The unbiased squared MMD between codes and as many draws of the prior; below 0 is normal where they match.

    The kernel is the WAE paper's code's: the sum of the inverse multiquadrics C / (C + |z - z'|^2) at 7 scales of
    C = E|Z - Z'|^2 of the prior. Source: Tolstikhin et al. 2018 (arXiv 1711.01558), Algorithm 2.

    Args:
        codes: (n, k).
        prior: the law the codes should follow.
        seed: the prior's draws are a function of it; torch's global generators are left as they were.

    Raises:
        ValueError: fewer than 2 codes, or codes of another size than the prior's.
    """
    z = checked_codes(codes, prior)
    return float(_mmd(prior)(drawn_codes(prior, len(z), 1, seed)[0], z))


def latent_mmd_null(n: int, prior: Prior, repeats: int = 20, seed: int = 1) -> tuple[float, float]:
    """Mean and standard deviation of `latent_mmd_squared` at n when the codes do follow the prior.

    From pairs of samples of at most 700 draws: for equal laws the expectation of the unbiased estimate is 0 and its
    variance is proportional to 1 / (n (n - 1)) + 1 / n^2 exactly, as only products of centred kernels at different
    pairs are left; so both are scaled to n.

    Args:
        n: number of codes a side.
        prior: the law that both sides follow.
        repeats: pairs of samples drawn.
        seed: the draws are a function of it.
    """
    mmd = _mmd(prior)
    size = min(n, DRAWN)
    draws = drawn_codes(prior, size, 2 * repeats, seed)
    values = torch.stack([mmd(x, y) for x, y in zip(draws[::2], draws[1::2], strict=True)])
    scale = math.sqrt(_pairs_weight(n) / _pairs_weight(size))
    return scale * float(values.mean()), scale * float(values.std())


def _pairs_weight(n: int) -> float:
    """What the null variance of the unbiased MMD of n against n points is proportional to."""
    return 1 / (n * (n - 1)) + 1 / n**2


def _mmd(prior: Prior) -> MMD:
    return MMD(KERNELS["imq"](prior=prior)).to(prior.device)


def drawn_codes(prior: Prior, n: int, samples: int, seed: int) -> Tensor:
    """Draws (samples, n, k) on the CPU, so that they are the same wherever the prior lives."""
    law = copy.deepcopy(prior).cpu()()
    with seeded(seed):
        draws: Tensor = law.sample(torch.Size((samples, n)))
    return draws.to(prior.device)


def checked_codes(codes: Any, prior: Prior) -> Tensor:
    """Codes (n, k) on the prior's device; refuses fewer than 2, or codes of another size than the prior's."""
    z = flat("the codes", codes).to(prior.device)
    if len(z) < 2 or z.shape[1] != prior.latent:
        raise ValueError(f"codes must be (n >= 2, {prior.latent}) for this prior, not {tuple(z.shape)}.")
    return z


def figure_of_latent_mmd(sets: Sets) -> Figure:
    """The codes' squared MMD to the prior, beside that of two samples of the prior."""
    codes, prior = sets.codes, prior_of(sets)
    floor, deviation = _null(sets)
    value = latent_mmd_squared(codes, prior, sets.seed)
    return {"value": value, "floor": floor, "spread": deviation, "n": len(codes)}


def shifts_of_latent_mmd(compute: Compute, faults: Faults, spread: float = 0.0) -> dict[str, float]:
    """What the latent MMD sees: draws of the prior scaled by 0.9 ("narrow"), or without one of their 10 clusters.

    Means over 10 samples of the prior with the fault, in standard deviations of two samples of the prior at the n of
    the codes; 0 where the codes are too few to have clusters. The estimate is unbiased, so that its mean is the same
    with at most 700 draws.
    """
    sets, prior = faults.sets, prior_of(faults.sets)
    if len(sets.codes) < 2 * CLUSTERS:
        return {"narrow": 0.0, "dropped mode": 0.0}
    n, mmd, draws = min(len(sets.codes), DRAWN), _mmd(prior), torch.Generator().manual_seed(sets.seed + 3)
    deviation = _null(sets)[1]
    pairs = drawn_codes(prior, n + n // 4, 2 * REPEATS, sets.seed + 2)
    values: dict[str, list[float]] = {"narrow": [], "dropped mode": []}
    for codes, true in zip(pairs[::2], pairs[1::2], strict=True):
        part = without_a_cluster(codes.cpu(), draws)[:n].to(codes)
        values["narrow"].append(float(mmd(true[:n], NARROWER * codes[:n])))
        values["dropped mode"].append(float(mmd(true[:n], part)))
    return {name: in_deviations(sum(of) / REPEATS, deviation) for name, of in values.items()}


def _null(sets: Sets) -> tuple[float, float]:
    null: tuple[float, float] = sets.shared(
        "latent MMD of the prior",
        lambda: latent_mmd_null(len(sets.codes), prior_of(sets), sets.repeats, sets.seed + 1),
    )
    return null


def prior_of(sets: Sets) -> Prior:
    """The prior of a card that has codes."""
    assert sets.prior is not None  # the row needs it
    return sets.prior
