"""Pillow's resizing as tensor operations, so that a graph takes photographs of any size."""

import torch
from torch import Tensor, nn

WITH_ALPHA = (2, 4)
"""Channels of images whose last is alpha."""
BICUBIC = -0.5
"""The free parameter of the cubic kernel, as Pillow has it (Keys 1981)."""


class MiddleSquare(nn.Module):
    """Images (n, c, H, W) of values 0 to 255 -> (n, c, size, size): what `data.pixels.pixels` makes of 8-bit images.

    The middle square is cut out, of `crop` pixels or as large as there is, and resized by the bicubic kernel, widened
    by the factor of a reduction (antialiasing). Each axis is one matrix product with weights that are a function of its
    length; as in Pillow the values are rounded and clipped after each. An image of `size` x `size` pixels stays. Of 2
    or 4 channels the last is alpha, by which the others are multiplied before and divided after, as Pillow does.
    Pillow takes the rows of tall images first: there values differ by 1, by more only where the kernel overshoots.

    Args:
        size: pixels of a side of the result.
        crop: pixels of a side of the square that is cut out, at least `size`; None takes the largest.

    Raises:
        ValueError: a crop below the size, which could not be told from an image that is cropped already.
    """

    def __init__(self, size: int, crop: int | None) -> None:
        super().__init__()
        if crop is not None and crop < size:
            raise ValueError(f"crop: expected at least the size, {size}, got {crop}: leave the crop out.")
        self.size, self.crop = size, crop

    def forward(self, images: Tensor) -> Tensor:
        """The images (n, c, size, size) as float32, whole numbers from 0 to 255."""
        values = images.to(torch.float32)
        rows, columns = (torch.arange(length, device=images.device).float() for length in images.shape[2:])
        side = torch.minimum(rows.amax(0), columns.amax(0)) + 1.0
        if self.crop is not None:
            side = side.clamp(max=float(self.crop))
        across, down = self._weights(columns, side), self._weights(rows, side)
        if values.shape[1] not in WITH_ALPHA:
            return _resized(values, across, down)
        whole = (side == self.size) & ((rows.amax(0) + columns.amax(0) + 2.0 == 2.0 * side) | (self.crop is not None))
        through = _apart(_resized(_multiplied(values), across, down))
        return torch.where(whole, _resized(values, across, down), through)

    def _weights(self, places: Tensor, side: Tensor) -> Tensor:
        """The weights (size, length) of the pixels at places (length,) in each pixel of the result."""
        free = places.amax(0) + 1.0 - side
        first = 0.5 * free if self.crop is None else (0.5 * free).floor()
        scale = side / self.size
        centres = first + (torch.arange(self.size, device=places.device) + 0.5) * scale
        weights = _bicubic((places + 0.5 - centres[:, None]) / scale.clamp(min=1.0))
        if self.crop is not None:  # a square that is cut out has no neighbours
            weights = weights * ((places >= first) & (places < first + side))
        return weights / weights.sum(1, keepdim=True)


def _resized(values: Tensor, across: Tensor, down: Tensor) -> Tensor:
    return _rounded(down @ _rounded(values @ across.T))


def _multiplied(values: Tensor) -> Tensor:
    """The channels times alpha over 255, rounded as Pillow's whole numbers are."""
    alpha = values[:, -1:]
    product = values[:, :-1] * alpha + 128.0
    return torch.cat([((product + (product / 256.0).floor()) / 256.0).floor(), alpha], 1)


def _apart(values: Tensor) -> Tensor:
    """The inverse of `_multiplied`, as Pillow has it: where nothing or everything is seen the channels stay."""
    alpha = values[:, -1:]
    divided = (255.0 * values[:, :-1] / alpha.clamp(min=1.0)).floor().clamp(max=255.0)
    seen = (alpha > 0.0) & (alpha < 255.0)
    return torch.cat([torch.where(seen, divided, values[:, :-1]), alpha], 1)


def _bicubic(x: Tensor) -> Tensor:
    x, a = x.abs(), BICUBIC
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return torch.where(x < 1.0, near, torch.where(x < 2.0, far, torch.zeros_like(x)))


def _rounded(values: Tensor) -> Tensor:
    return (values + 0.5).floor().clamp(0.0, 255.0)
