"""The precision of what is computed outside a network."""

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """The same values in float32 or better: exponentials and sums lose too much in the half precision of a network."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
