"""The multi-scale cost between images: the Manhattan distance of their Laplacian pyramids."""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad

from remblai.costs.cost import Cost, check
from remblai.costs.points import Manhattan
from remblai.runtime.precision import wide

IMAGES = 4
"""Dimensions of a batch of images."""
TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""The binomial filter of both directions of the pyramid."""


class Laplacian(Cost):
    """c(x, y) = sum over levels j = 0, 1 ... of 2^(2j) |L_j(x) - L_j(y)|_1: edges and shading, each at its own scale.

    L_0 is the image minus its blurred copy, L_1 the same for the blurred copy at half the size, and so on; the last
    level is the small image that remains, so that c is 0 for equal images only. A level has a quarter of the
    pixels of the one before: with 4^j each counts by its mean difference, times the number of pixels of the whole. The
    norm is the sum of absolute values over pixels and channels, in the units of `manhattan`: a shift of an image's
    brightness costs the same in both, where its sides are powers of 2.

    Halving takes the 5-tap binomial filter along rows and columns, repeats the border and keeps every other pixel,
    rounding up: 9 -> 5 -> 3 -> 2 -> 1. Doubling spreads the same taps. The pyramid is linear, so its gradient is finite
    everywhere, and it is computed once an image, not once a pair.

    Args:
        levels: how many, the small image included; None halves until one side is a single pixel.
        shape: (c, h, w) of images that come flattened to rows (n, c h w), as solvers between point sets give them.

    Raises:
        ValueError: levels below 1, or a shape that is not (c, h, w) with at least 2 x 2 pixels.

    Source: Bojanowski et al., "Optimizing the latent space of generative networks", section 3.1, arXiv 1707.05776, with
    the finest level as j = 0; the filter: Burt and Adelson, "The Laplacian pyramid as a compact image code" (1983).
    """

    images_only = True
    homogeneity = 1.0

    def __init__(self, levels: int | None = None, shape: tuple[int, ...] | None = None) -> None:
        if levels is not None and (levels < 1 or levels != int(levels)):
            raise ValueError(f"laplacian: expected at least 1 level, a whole number, got {levels}; None takes all.")
        if shape is not None and (len(shape) != IMAGES - 1 or min(shape) < 1 or min(shape[1:]) < 2):
            raise ValueError(f"laplacian: expected a shape (c, h, w) of at least 2 x 2 pixels, got {tuple(shape)}.")
        self.levels, self.shape = levels, shape

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: images x (n, c, h, w), y (n, c, h, w) -> (n,).

        Raises:
            ValueError: x or y are not images, or differ in number.
        """
        check(x, y, pairs=True)
        return Manhattan()(self.pyramid(x), self.pyramid(y))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: images x (n, c, h, w), y (m, c, h, w) -> (n, m).

        Raises:
            ValueError: x or y are not images.
        """
        check(x, y, pairs=False)
        return Manhattan().matrix(self.pyramid(x), self.pyramid(y))

    def of_rows(self, shape: tuple[int, ...]) -> "Laplacian":
        """The same cost of images of this shape (c, h, w) that come as rows; for another shape, this cost itself."""
        return Laplacian(self.levels, shape) if len(shape) == IMAGES - 1 else self

    def embedded(self, x: Tensor) -> tuple[Tensor, Cost]:
        """The pyramid, and the Manhattan cost."""
        return self.pyramid(x), Manhattan()

    def pyramid(self, x: Tensor) -> Tensor:
        """The weighted levels of images (n, c, h, w), each flattened, side by side: (n, k). It is linear in x.

        Raises:
            ValueError: x are not images, or have fewer than 2 x 2 pixels.
        """
        with torch.autocast(x.device.type, enabled=False):
            image = wide(self._images(x))
            levels: list[Tensor] = []
            weight = 1.0
            while min(image.shape[2:]) > 1 and len(levels) + 1 != self.levels:
                small = halved(image)
                levels.append(weight * (image - doubled(small, image.shape[2], image.shape[3])).flatten(1))
                image, weight = small, 4.0 * weight
            return torch.cat([*levels, weight * image.flatten(1)], dim=1)

    def _images(self, x: Tensor) -> Tensor:
        if x.dim() == 2 and self.shape is not None and x.shape[1] == math.prod(self.shape):
            return x.reshape(len(x), *self.shape)
        if x.dim() != IMAGES or min(x.shape[2:]) < 2:
            raise ValueError(
                f"laplacian: expected images (n, c, h, w) of at least 2 x 2 pixels, got {tuple(x.shape)}: choose the "
                "cost manhattan or square for points, or pass shape=(c, h, w) where images come as rows."
            )
        return x


def halved(x: Tensor) -> Tensor:
    """Blurred by the binomial filter, every other pixel kept: (n, c, h, w) -> (n, c, ceil(h / 2), ceil(w / 2))."""
    planes = x.flatten(0, 1)[:, None]
    small = conv2d(pad(planes, (2, 2, 2, 2), mode="replicate"), _taps(x), stride=2)
    return small.reshape(*x.shape[:2], *small.shape[2:])


def doubled(x: Tensor, height: int, width: int) -> Tensor:
    """Spread by the same filter onto the finer grid that it was halved from: (n, c, ...) -> (n, c, height, width)."""
    planes = pad(x.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    large = conv_transpose2d(planes, 4.0 * _taps(x), stride=2)[:, :, 4 : 4 + height, 4 : 4 + width]
    return large.reshape(*x.shape[:2], height, width)


def _taps(x: Tensor) -> Tensor:
    row = x.new_tensor(TAPS)
    return torch.outer(row, row)[None, None]
