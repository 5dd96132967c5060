"""The barycentre of laws on the line for the square cost: the mean of their quantile functions."""

import torch

from remblai.distances.barycentres.laws import Barycentre, Laws, mean_value
from remblai.distances.line import transport_cost


def solve(laws: Laws) -> Barycentre:
    """The exact barycentre, on the levels at which some quantile function steps; differentiable in the points.

    Source: Agueh and Carlier (2011), section 6.1; Peyre and Cuturi (2019), remark 9.6, arXiv 1803.00567.
    """
    ranked = [points[:, 0].sort() for points in laws.points]
    levels = [_levels(masses.detach()[order]) for masses, (_, order) in zip(laws.masses, ranked, strict=True)]
    inner = [one[:-1] for one in levels]
    breaks = torch.unique(torch.cat([*inner, levels[0].new_ones(1)]))
    carried = torch.diff(breaks, prepend=breaks.new_zeros(1))
    kept = carried > SLACK
    middles = (breaks - 0.5 * carried)[kept]
    places = [
        values[torch.searchsorted(level, middles).clamp(max=len(values) - 1)]
        for (values, _), level in zip(ranked, levels, strict=True)
    ]
    points = (laws.weights[:, None] * torch.stack(places)).sum(0)
    masses = carried[kept] / carried[kept].sum()
    fixed = points.detach()
    values = [transport_cost(one, fixed, 2.0, a=a, b=masses) for one, a in zip(laws.points, laws.masses, strict=True)]
    return Barycentre(
        laws.answer(points if laws.flat else points[:, None]),
        laws.answer(masses),
        laws.answer(mean_value(laws.weights, values)),
        "quantiles",
    )


SLACK = 1e-14
"""Differences of levels that are rounding: no point of so little mass is made."""


def _levels(masses: torch.Tensor) -> torch.Tensor:
    """Cumulated masses (n,), the last exactly 1; equal ones are i / n, rounded once."""
    low, high = masses.aminmax()
    if bool(high - low <= 1e-12 * high):
        return torch.arange(1, len(masses) + 1, dtype=torch.float64, device=masses.device) / len(masses)
    total = masses.cumsum(0)
    return total / total[-1]
