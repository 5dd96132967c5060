"""A model's functions applied to any number of rows, a chunk at a time."""

from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data import Split

Rows = Tensor | Split
"""The model's own x (n, ...), or a split of a data set, read a chunk at a time."""
CHUNK = 500


@torch.no_grad()
def in_chunks(function: Callable[..., Tensor], x: Rows, labels: Tensor | None, device: torch.device) -> Tensor:
    """The function's rows, on the CPU, for rows x (n, ...) and, where there are any, their labels (n, ...)."""
    rows = [slice(start, start + CHUNK) for start in range(0, max(1, len(x)), CHUNK)]
    parts = [(x[one], *(() if labels is None else (labels[one],))) for one in rows]
    return torch.cat([function(*(item.to(device) for item in part)).cpu() for part in parts])


def checked_codes(z: NDArray[Any] | Tensor, width: int) -> Tensor:
    """Codes (n, width) as a tensor on the CPU.

    Raises:
        ValueError: codes of another width, or not finite.
    """
    codes = torch.as_tensor(z, dtype=torch.float32).detach().cpu()
    if codes.ndim != 2 or codes.shape[1] != width:
        raise ValueError(f"decode: expected codes (n, {width}), got {tuple(codes.shape)}.")
    if not torch.isfinite(codes).all():
        raise ValueError("decode: the codes hold NaN or infinite values: remove or replace them.")
    return codes
