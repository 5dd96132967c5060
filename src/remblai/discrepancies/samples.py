"""Two samples made ready for arithmetic."""

import torch
from torch import Tensor

from remblai.costs import wide
from remblai.discrepancies.discrepancy import check_samples


def flat(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same points as vectors of one type, float32 or better: x (n, ...), y (m, ...) -> (n, d), (m, d).

    Raises:
        ValueError: samples that do not fit together (`check_samples`).
    """
    check_samples(x, y)
    x, y = wide(x).flatten(1), wide(y).flatten(1)
    dtype = torch.promote_types(x.dtype, y.dtype)
    return x.to(dtype), y.to(dtype)
