"""The perceptual cost: squared distances of features, beside those of the pixels."""

import math
from typing import Annotated, Any

import torch
from torch import Tensor

from remblai.config.registry import Choice
from remblai.costs.cost import Cost, check
from remblai.costs.points import Square
from remblai.features import FEATURES, Features, Frozen, features_of_shape
from remblai.runtime.precision import wide


class Perceptual(Cost):
    """c(x, y) = pixels |x - y|^2 + weight |phi(x) - phi(y)|^2, for features phi of the table, which are frozen.

    Both squares are sums, over pixels and over features. Without the pixels c is 0 for all images of equal features,
    and a decoder is not told which of them to give.

    Args:
        features: phi: a name, in Python also a torch module or a function (n, c, h, w) -> (n, k).
        weight: of the features, above 0.
        pixels: of the pixels, at least 0.
        shape: (c, h, w) of images that come flattened to rows (n, c h w), as solvers between point sets give them.

    Raises:
        ValueError: weights outside their range; on use: points that are no images of the features' shape, or features
            without a gradient.

    Source: Johnson, Alahi, Fei-Fei, "Perceptual losses for real-time style transfer" (2016), section 3.2, arXiv
    1603.08155; Dosovitskiy and Brox (2016), arXiv 1602.02644, who add the pixels.
    """

    images_only = True
    translation_invariant = False

    def __init__(
        self,
        features: Annotated[Choice | Features, FEATURES] = "random-convolutions",
        weight: float = 1.0,
        pixels: float = 1.0,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        for name, value, fits in (("weight", weight, weight > 0.0), ("pixels", pixels, pixels >= 0.0)):
            if not (fits and value < float("inf")):
                least = "above 0" if name == "weight" else "of at least 0"
                raise ValueError(f"perceptual: expected a finite {name} {least}, got {value}.")
        self.features, self.weight, self.pixels, self.shape = features, weight, pixels, shape
        self._maps: dict[tuple[int, ...], Frozen] = {}

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: images x (n, c, h, w), y (n, c, h, w) -> (n,)."""
        check(x, y, pairs=True)
        return Square()(self.embedding(x), self.embedding(y))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: images x (n, c, h, w), y (m, c, h, w) -> (n, m)."""
        check(x, y, pairs=False)
        return Square().matrix(self.embedding(x), self.embedding(y))

    def __deepcopy__(self, memo: dict[int, Any]) -> "Perceptual":
        return self  # nothing of it changes: copies of a model share the features

    def of_rows(self, shape: tuple[int, ...]) -> "Perceptual":
        """The same cost of images of this shape (c, h, w) that come as rows."""
        same = Perceptual(self.features, self.weight, self.pixels, shape)
        same._maps = self._maps  # checking and freezing features takes longer than a small batch of them
        return same

    def embedded(self, x: Tensor) -> tuple[Tensor, Cost]:
        """Pixels and features beside each other, and the square cost."""
        return self.embedding(x), Square()

    def embedding(self, x: Tensor) -> Tensor:
        """The point (n, d + k) of x whose squared distances are this cost.

        Raises:
            ValueError: x are no images that the features take.
        """
        x = wide(x)
        as_rows = self.shape is not None and x.dim() == 2 and x.shape[1] == math.prod(self.shape)
        images = x.reshape(len(x), *self.shape) if self.shape is not None and as_rows else x
        if images.dim() != 4:
            raise ValueError(
                f"perceptual: expected images (n, c, h, w){self._or_rows()}, got points of shape "
                f"{tuple(images.shape)}: choose the cost square for points and codes, or pass shape=(c, h, w) where "
                "images come as rows."
            )
        (found,) = self._map(tuple(images.shape[1:]))(images)
        weighted = self.weight**0.5 * found
        return torch.cat([self.pixels**0.5 * images.flatten(1), weighted], 1) if self.pixels else weighted

    def _or_rows(self) -> str:
        return "" if self.shape is None else f" or rows (n, {math.prod(self.shape)}) of shape {self.shape}"

    def _map(self, shape: tuple[int, ...]) -> Frozen:
        if shape not in self._maps:
            self._maps[shape] = Frozen(features_of_shape(self.features, shape))
        return self._maps[shape]
