"""The precision of laws."""

import torch
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """x in float32 or better: exponentials and sums over pixels lose too much in the half precision of a network."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
