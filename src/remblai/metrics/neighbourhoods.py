"""Precision, recall, density and coverage: samples and data within each other's neighbourhoods, in feature space."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.costs import squared_distances
from remblai.metrics.featured import featured
from remblai.metrics.metric import Compute, Figure
from remblai.metrics.pairs import flat
from remblai.metrics.sets import Sets

NEAREST = 3
"""Neighbours behind the radius of precision and recall."""
NEAREST_DENSE = 5
"""Neighbours behind the radius of density and coverage."""
REPEATS = 10
"""Random halves behind the standard deviations."""
NAMES = ("precision", "recall", "density", "coverage")


def neighbourhood_figures(
    real: Any, generated: Any, nearest: int = NEAREST, nearest_dense: int = NEAREST_DENSE
) -> dict[str, float]:
    """Precision, recall, density and coverage of samples, in whatever space the rows are in.

    B(x) is the ball around x, up to and including its k-th nearest neighbour in its own sample.

    - `precision`: the share of samples that lie in the ball of some real row.
    - `recall`: the share of real rows that lie in the ball of some sample.
    - `density`: in how many real balls a sample lies, on average, over k. An outlier among the real rows, whose ball is
      large, weighs little. It may exceed 1.
    - `coverage`: the share of real rows whose ball has a sample in it.

    Args:
        real: (n, k).
        generated: (m, k).
        nearest: k of precision and recall.
        nearest_dense: k of density and coverage.

    Raises:
        ValueError: a sample with no more rows than neighbours, rows of different sizes, NaN or infinity.

    Source: Kynkaanniemi et al. 2019, arXiv 1904.06991 (k = 3); Naeem et al. 2020, arXiv 2002.09797 (k = 5).
    """
    x = flat("the real rows", real)
    y = flat("the samples", generated, x)
    most = max(nearest, nearest_dense)
    if min(len(x), len(y)) <= most or min(nearest, nearest_dense) < 1:
        raise ValueError(
            f"neighbourhoods of {most} neighbours need at least {most + 1} rows of each, and 1 neighbour; got {len(x)} "
            f"real rows, {len(y)} samples, and {nearest} and {nearest_dense} neighbours."
        )
    every = torch.ones(1, max(len(x), len(y)), dtype=torch.bool)
    values = _figures(_Squares.of(x, y), every[:, : len(x)], every[:, : len(y)], (nearest, nearest_dense))
    return {name: float(value) for name, (value,) in values.items()}


class _Squares(NamedTuple):
    """Squared distances within the real rows (n, n), within the samples (m, m), and across (n, m)."""

    real: Tensor
    generated: Tensor
    across: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> "_Squares":
        x, y = x.double(), y.double()
        within = [squared_distances(part, part).fill_diagonal_(0.0) for part in (x, y)]
        return cls(within[0], within[1], squared_distances(x, y))


def _figures(squares: _Squares, real: Tensor, generated: Tensor, nearest: tuple[int, int]) -> dict[str, Tensor]:
    """Each figure (r,) of r parts of both samples, by masks (r, n) and (r, m)."""
    rows = []
    for x, y in zip(real, generated, strict=True):
        across = squares.across[x][:, y]
        radii, own = (_radii(part[mask][:, mask], nearest) for part, mask in zip(squares[:2], (x, y), strict=True))
        dense = across <= radii[1][:, None]
        rows.append(
            [
                (across <= radii[0][:, None]).any(0).double().mean(),
                (across <= own[0]).any(1).double().mean(),
                dense.double().sum(0).mean() / nearest[1],
                dense.any(1).double().mean(),
            ]
        )
    columns = torch.tensor(rows, dtype=torch.float64).T
    return dict(zip(NAMES, columns, strict=True))


def _radii(squares: Tensor, nearest: tuple[int, int]) -> list[Tensor]:
    """The squared distance (n,) of each row to its k-th nearest other row, for each k."""
    least = squares.topk(max(nearest) + 1, largest=False).values  # the nearest is the row itself
    return [least[:, k] for k in nearest]


def figure_of_neighbourhoods(name: str) -> Compute:
    """What computes one of `NAMES`; None where half of the rows are too few for a neighbourhood."""

    def compute(sets: Sets) -> Figure | None:
        own = featured(sets)
        masks, nearest = own.masks[: 1 + REPEATS], (NEAREST, NEAREST_DENSE)
        if sets.n // 2 <= max(nearest):
            return None

        def values(other: Tensor, masks: Tensor) -> dict[str, Tensor]:
            return _figures(_Squares.of(own.held_out, other), masks, masks, nearest)

        found = sets.shared("neighbourhoods", lambda: values(own.samples, masks))[name]
        floor = sets.real("neighbourhoods", lambda: values(own.train, masks[:1]))[name]
        return {"value": float(found[0]), "floor": float(floor[0]), "spread": float(found[1:].std()), "n": sets.n}

    return compute
