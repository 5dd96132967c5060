"""Images whose pixel values follow the law of those of others: histogram matching, by transport on the line."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

VALUES = 2**17
"""Values of a channel that its law is taken from, at most: quantiles are then right to 0.3 % of the mass."""


def with_pixel_law(images: Any, reference: Any) -> Tensor:
    """The images with the pixel values that the reference has, channel by channel.

    The value v becomes the quantile of the reference at the share of the images' values below v, equal values counted
    half: the monotone map, which carries the one law onto the other at the least cost. It changes brightness and
    contrast of the whole set, and no order between pixels. Where a set has more than `VALUES` of a channel, its law is
    that of a random part of them, always the same.

    Args:
        images: (n, c, h, w).
        reference: (m, c, h', w').

    Raises:
        ValueError: not images, or other numbers of channels.
    """
    x, y = (torch.as_tensor(one).detach() for one in (images, reference))
    if x.ndim != 4 or y.ndim != 4 or x.shape[1] != y.shape[1] or 0 in (*x.shape, *y.shape):
        raise ValueError(
            f"expected images (n, c, h, w) and others with as many channels, got {tuple(x.shape)} and {tuple(y.shape)}."
        )
    found = torch.stack([_mapped(x[:, one], y[:, one]) for one in range(x.shape[1])], 1)
    return (found if x.is_floating_point() else found.round()).to(x)


def _mapped(x: Tensor, y: Tensor) -> Tensor:
    own, other = _law(x), _law(y)
    values = x.float().cpu().numpy()
    below, up_to = (np.searchsorted(own, values, side) for side in ("left", "right"))
    shares = (below + up_to) / (2 * len(own))
    return torch.from_numpy(np.interp(shares, (np.arange(len(other)) + 0.5) / len(other), other))


def _law(x: Tensor) -> Any:
    """Sorted values (k,) of one channel."""
    values = x.float().cpu().flatten()
    if len(values) > VALUES:
        values = values[torch.randint(len(values), (VALUES,), generator=torch.Generator().manual_seed(0))]
    return np.sort(values.numpy())
