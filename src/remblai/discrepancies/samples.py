"""Two samples, checked and flattened to vectors."""

import torch
from torch import Tensor

from remblai.costs import Cost, wide
from remblai.discrepancies.discrepancy import check_samples


def rows(x: Tensor, y: Tensor, cost: Cost) -> tuple[Tensor, Tensor, Cost]:
    """The same points as vectors, x (n, ...), y (m, ...) -> (n, d), (m, d), and the cost of points that come so.

    Raises:
        ValueError: samples that `check_samples` refuses.
    """
    check_samples(x, y)
    return x.flatten(1), y.flatten(1), cost.of_rows(tuple(x.shape[1:]))


def flat(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same points as vectors of one type, float32 or better: x (n, ...), y (m, ...) -> (n, d), (m, d).

    Raises:
        ValueError: samples that `check_samples` refuses.
    """
    check_samples(x, y)
    x, y = wide(x).flatten(1), wide(y).flatten(1)
    dtype = torch.promote_types(x.dtype, y.dtype)
    return x.to(dtype), y.to(dtype)
