"""How many dimensions data have near each point: estimates from the distances to the nearest neighbours."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.distances.validation import tensor

KEPT = 0.9
"""The share of the smallest ratios that the two-neighbour estimate reads: the largest ones are far from its law."""
BLOCKS = 20
"""Groups of rows, of which each is left out once for the standard error."""
LEAST = 20
"""Different rows that an estimate needs."""
TWINS = 1e-3
"""The share of the median distance to the second neighbour below which the first one is a row's twin."""
BLOCK = 500


class Dimension(NamedTuple):
    """An estimate of the dimension, and its standard error by leaving out groups of rows (jackknife)."""

    value: float
    error: float


def two_neighbours(x: Any) -> Dimension:
    """The dimension from the ratio of the distances to the second and the first nearest neighbour.

    The ratio m of a point's distances follows 1 - m^-d whatever the density, where it is even over the second
    neighbour. So -log(1 - F(m)) = d log m, which is fitted by least squares through 0 to the empirical F, without the
    largest tenth of the ratios.

    Args:
        x: rows (n, ...); equal rows count once, and so do two that differ by noise alone.

    Raises:
        ValueError: fewer than 20 different rows, NaN or infinity, or neighbours at equal distances, as on a grid.

    Source: Facco et al., "Estimating the intrinsic dimension of datasets by a minimal neighborhood information"
    (2017), Scientific Reports 7, 12140.
    """
    distances = _neighbours(x, 2)
    ratios = (distances[:, 1] / distances[:, 0]).log()

    def of(rows: Tensor) -> float:
        ordered = rows.sort().values
        n = len(ordered)
        kept = max(2, int(KEPT * n))
        survival = -torch.log1p(-torch.arange(1, kept + 1, dtype=torch.float64) / n)
        ordered = ordered[:kept]
        return float((ordered * survival).sum() / ordered.square().sum())

    return _jackknife(ratios, of)


def maximum_likelihood(x: Any, k: int = 10) -> Dimension:
    """The dimension from the distances T to the k nearest neighbours: the inverse of the mean of log(T_k / T_j), j < k.

    The mean is over points and over j: on an even density it has no bias.

    Args:
        x: rows (n, ...); equal rows count once, and so do two that differ by noise alone.
        k: neighbours, at least 2; as many as there are, where fewer.

    Raises:
        ValueError: fewer than 20 different rows, k below 2, NaN or infinity, or neighbours at equal distances.

    Source: Levina and Bickel, "Maximum likelihood estimation of intrinsic dimension" (2004); the average of inverses:
    MacKay and Ghahramani, a comment on it (2005).
    """
    if k < 2:
        raise ValueError(f"k: expected at least 2 neighbours, got {k}.")
    distances = _neighbours(x, k)
    inverses = (distances[:, -1:] / distances[:, :-1]).log().sum(1) / (distances.shape[1] - 1)
    return _jackknife(inverses, lambda rows: float(1.0 / rows.mean()))


def _neighbours(x: Any, k: int) -> Tensor:
    """The distances (n, k) of each different row to its nearest others, from the nearest on, in float64."""
    rows = tensor("intrinsic dimension", x).detach().double()
    if rows.dim() < 2 or rows.numel() == 0:
        raise ValueError(f"intrinsic dimension: expected rows (n, d) with n, d >= 1, got {tuple(rows.shape)}.")
    rows = rows.flatten(1)
    if not bool(torch.isfinite(rows).all()):
        raise ValueError("intrinsic dimension: expected finite values, got NaN or infinity: remove those rows.")
    # by a power of 2, which keeps ties: squares of any unit are float64 numbers then
    rows = torch.unique(torch.ldexp(rows, -torch.frexp(rows.abs().max()).exponent), dim=0)
    if len(rows) < LEAST:
        raise ValueError(f"intrinsic dimension: expected at least {LEAST} different rows, got {len(rows)}: add more.")
    distances, places = _nearest(rows, k)
    near = distances[:, 0] < TWINS * distances[:, 1].median()
    twins = near & (places[:, 0] < torch.arange(len(rows)))  # of two the second
    if bool(twins.any()) and len(rows) - int(twins.sum()) >= LEAST:
        distances, _ = _nearest(rows[~twins], k)
    return distances


def _nearest(rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The distances (n, k) of rows (n, d) to the nearest others, and which these are."""
    found = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        distances = torch.cdist(block, rows, compute_mode="donot_use_mm_for_euclid_dist")
        distances[torch.arange(len(block)), torch.arange(start, start + len(block))] = torch.inf
        found.append(distances.topk(min(k, len(rows) - 1), largest=False, sorted=True))
    return torch.cat([one.values for one in found]), torch.cat([one.indices for one in found])


def _jackknife(values: Tensor, estimate: Callable[[Tensor], float]) -> Dimension:
    """The estimate of all values, and its standard error by leaving out one of `BLOCKS` random groups at a time."""
    groups = torch.randperm(len(values), generator=torch.Generator().manual_seed(0)) % BLOCKS
    left_out = torch.tensor([estimate(values[groups != one]) for one in range(BLOCKS)], dtype=torch.float64)
    square = (left_out - left_out.mean()).square().sum() * (BLOCKS - 1) / BLOCKS
    found = Dimension(estimate(values), math.sqrt(float(square)))
    if not all(map(math.isfinite, found)):
        raise ValueError(
            "intrinsic dimension: expected neighbours at different distances, got equal ones, as on a grid or of whole "
            "numbers: use maximum_likelihood with a larger k, or values that are not rounded."
        )
    return found
