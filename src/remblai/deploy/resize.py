"""Pillow's resizing as tensor operations, so that a graph takes photographs of any size."""

import torch
from torch import Tensor, nn

BICUBIC = -0.5
"""The free parameter of the cubic kernel, as Pillow has it (Keys 1981)."""


class MiddleSquare(nn.Module):
    """Images (n, c, H, W) of values 0 to 255 -> (n, c, size, size): what `data.pixels.pixels` makes of 8-bit images.

    The middle square is cut out, of `crop` pixels or as large as there is, and resized by the bicubic kernel, widened
    by the factor of a reduction (antialiasing). Each axis is one matrix product with weights that are a function of its
    length; as in Pillow the values are rounded and clipped after each. An image of `size` x `size` pixels stays.
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
        across = _rounded(values @ self._weights(columns, side).T)
        return _rounded(self._weights(rows, side) @ across)

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


def _bicubic(x: Tensor) -> Tensor:
    x, a = x.abs(), BICUBIC
    near = ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return torch.where(x < 1.0, near, torch.where(x < 2.0, far, torch.zeros_like(x)))


def _rounded(values: Tensor) -> Tensor:
    return (values + 0.5).floor().clamp(0.0, 255.0)
