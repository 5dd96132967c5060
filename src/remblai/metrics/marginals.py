"""How far the law of each axis of the codes is from the prior's on that axis."""

from typing import Any

import torch
from torch import Tensor

from remblai.laws.priors import Prior
from remblai.metrics.codes import NARROWER, checked_codes, drawn_codes, prior_of
from remblai.metrics.faults import Faults, in_deviations
from remblai.metrics.metric import Compute, Figure
from remblai.metrics.sets import Sets

DRAWS = 20
"""Samples of the prior whose sorted values give its quantiles on an axis."""


def axis_w1(codes: Any, prior: Prior, seed: int = 0) -> list[float]:
    """The Wasserstein distance W1 between codes and the prior on each axis, in the prior's standard deviations.

    On an axis W1 is the mean of |z_(i) - E Z_(i)| over the sorted codes z_(i), with the means of the prior's sorted
    draws Z_(i) for its quantiles. What ties axes to each other is not seen.

    Args:
        codes: (n, k).
        prior: the law that the codes should follow.
        seed: the prior's draws are a function of it.

    Raises:
        ValueError: fewer than 2 codes, codes of another size than the prior's, NaN or infinity.
    """
    z = checked_codes(codes, prior).double()
    draws = _draws(prior, len(z), seed)
    found: list[float] = (_distances(z, draws.mean(0)) / draws.std((0, 1))).tolist()
    return found


def figure_of_axis_w1(sets: Sets) -> Figure:
    """The distance of the axis that is furthest; `by_axis` has all, in their order."""
    mean, deviation = _null(sets)
    by_axis = axis_w1(sets.codes, prior_of(sets), sets.seed + 8)
    return {
        "value": max(by_axis),
        "floor": mean,
        "spread": deviation,
        "n": len(sets.codes),
        "by_axis": [float(f"{value:.4g}") for value in by_axis],
    }


def shifts_of_axis_w1(compute: Compute, faults: Faults, spread: float = 0.0) -> dict[str, float]:
    """What the figure sees: draws of the prior, one axis of them scaled by 0.9; a mean over the null's samples."""
    mean, deviation = _null(faults.sets)
    return {"narrow axis": in_deviations(float(_furthest(faults.sets, NARROWER).mean()) - mean, deviation)}


def _null(sets: Sets) -> tuple[float, float]:
    """Mean and standard deviation of the figure where the codes do follow the prior."""
    values: Tensor = sets.shared("axis W1 of the prior", lambda: _furthest(sets))
    return float(values.mean()), float(values.std())


def _furthest(sets: Sets, factor: float = 1.0) -> Tensor:
    """The figure (`DRAWS`,) of samples of the prior, axis 0 scaled, each against the quantiles that the others give."""
    draws = _draws(prior_of(sets), len(sets.codes), sets.seed + 9)
    total, deviations = draws.sum(0), draws.std((0, 1))
    values = []
    for one in draws:
        quantiles = (total - one) / (DRAWS - 1)
        scaled = torch.cat([factor * one[:, :1], one[:, 1:]], 1)
        values.append((_distances(scaled, quantiles) / deviations).max())
    return torch.stack(values)


def _distances(codes: Tensor, quantiles: Tensor) -> Tensor:
    """W1 (k,) between codes (n, k) and the law of these quantiles (n, k) on each axis."""
    return (codes.sort(0).values - quantiles).abs().mean(0)


def _draws(prior: Prior, n: int, seed: int) -> Tensor:
    """Samples (`DRAWS`, n, k) of the prior, each sorted on every axis."""
    return drawn_codes(prior, n, DRAWS, seed).double().sort(1).values
