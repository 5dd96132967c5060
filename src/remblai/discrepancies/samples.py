"""Two samples, checked and flattened to vectors."""

import torch
from torch import Tensor

from remblai.costs import Cost, wide
from remblai.discrepancies.inputs import check_samples, tensors
from remblai.distances.validation import ArrayLike


def rows(x: ArrayLike, y: ArrayLike, cost: Cost) -> tuple[Tensor, Tensor, Cost]:
    """Points as vectors, x (n, d) or (n, c, h, w), y (m, ...) -> (n, d), (m, d), and the cost of such vectors.

    Raises:
        ValueError: samples that `check_samples` refuses, or of three axes, which are clouds.
    """
    x, y = tensors(x, y)
    _refuse_clouds(x, y)
    check_samples(x, y)
    return x.flatten(1), y.flatten(1), cost.of_rows(tuple(x.shape[1:]))


def embedded(x: ArrayLike, y: ArrayLike, cost: Cost) -> tuple[Tensor, Tensor, Cost]:
    """Points of the same costs that take less work, by `Cost.embedded`: for a value, whose plan no one reads.

    Raises:
        ValueError: as `rows`.
    """
    x, y, cost = rows(x, y, cost)
    first, quick = cost.embedded(x)
    return first, cost.embedded(y)[0], quick


def flat(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same points as vectors of one type, float32 or better: x (n, ...), y (m, ...) -> (n, d), (m, d).

    Raises:
        ValueError: samples that `check_samples` refuses, or of three axes, which are clouds.
    """
    check_samples(x, y)
    _refuse_clouds(x, y)
    x, y = wide(x).flatten(1), wide(y).flatten(1)
    dtype = torch.promote_types(x.dtype, y.dtype)
    return x.to(dtype), y.to(dtype)


def _refuse_clouds(x: Tensor, y: Tensor) -> None:
    if x.dim() == 3:
        raise ValueError(
            f"discrepancy: expected points (n, d) or images (n, c, h, w), got x {tuple(x.shape)} and y "
            f"{tuple(y.shape)}: call the discrepancy itself, d(x, y), on clouds (B, n, d); for points that are "
            "matrices use x.flatten(1) and y.flatten(1)."
        )
