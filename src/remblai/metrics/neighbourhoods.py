"""Precision, recall, density and coverage: samples and data within each other's neighbourhoods, in feature space."""

from typing import Any

import torch
from torch import Tensor

from remblai.metrics.featured import featured
from remblai.metrics.metric import Compute, Figure
from remblai.metrics.pairs import blocks, flat
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
    every = torch.ones(1, max(len(x), len(y)), dtype=torch.bool, device=x.device)
    values = _figures(x, y, every[:, : len(x)], every[:, : len(y)], (nearest, nearest_dense))
    return {name: float(value) for name, (value,) in values.items()}


def _figures(x: Tensor, y: Tensor, real: Tensor, generated: Tensor, nearest: tuple[int, int]) -> dict[str, Tensor]:
    """Each figure (r,) of r parts of both samples, by masks (r, n) and (r, m), a block of distances at a time."""
    x, y = x.double(), y.double()
    radii, dense_radii = _radii(x, real, nearest)
    own, _ = _radii(y, generated, nearest)
    precise, recalled, covered = torch.zeros_like(generated), torch.zeros_like(real), torch.zeros_like(real)
    balls = x.new_zeros(len(real))
    for rows, columns, block in blocks(x, y):
        for part in range(len(real)):
            i, j = (_places(masks[part], where) for masks, where in ((real, rows), (generated, columns)))
            across = block[i - rows.start][:, j - columns.start]
            dense = across <= dense_radii[part, i, None]
            precise[part, j] |= (across <= radii[part, i, None]).any(0)
            recalled[part, i] |= (across <= own[part, j]).any(1)
            covered[part, i] |= dense.any(1)
            balls[part] += dense.sum()
    density = balls / (nearest[1] * generated.sum(1))
    shares = [mask.double().sum(1) / inside.sum(1) for mask, inside in ((precise, generated), (recalled, real))]
    found = *shares, density, covered.double().sum(1) / real.sum(1)
    return {name: values.cpu() for name, values in zip(NAMES, found, strict=True)}


def _places(mask: Tensor, where: slice) -> Tensor:
    """The rows of a part that are in a block."""
    places: Tensor = mask[where].nonzero()[:, 0] + where.start
    return places


def _radii(x: Tensor, masks: Tensor, nearest: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The squared distance (r, n) of each row to its k-th nearest other row, for each k and each part by masks (r, n).

    Those of rows outside a part are infinite.
    """
    most = max(nearest) + 1  # the nearest is the row itself
    least = x.new_full((*masks.shape, most), torch.inf)
    for rows, columns, block in blocks(x, x):
        for part, mask in enumerate(masks):
            i, j = _places(mask, rows), _places(mask, columns)
            near = torch.cat([least[part, i], block[i - rows.start][:, j - columns.start]], 1)
            least[part, i] = near.topk(most, largest=False).values
    first, second = (least[..., k] for k in nearest)
    return first, second


def figure_of_neighbourhoods(name: str) -> Compute:
    """What computes one of `NAMES`; None where half of the rows are too few for a neighbourhood."""

    def compute(sets: Sets) -> Figure | None:
        own = featured(sets)
        masks, nearest = own.masks[: 1 + REPEATS], (NEAREST, NEAREST_DENSE)
        if sets.n // 2 <= max(nearest):
            return None

        def values(other: Tensor, masks: Tensor) -> dict[str, Tensor]:
            return _figures(own.held_out, other, masks, masks, nearest)

        found = sets.shared("neighbourhoods", lambda: values(own.samples, masks))[name]
        floors = sets.real(f"neighbourhoods {len(masks)}", lambda: values(own.train, masks))[name]
        spread = float((found - floors)[1:].std())  # halves of the held-out data move both
        return {"value": float(found[0]), "floor": float(floors[0]), "spread": spread, "n": sets.n}

    return compute
