"""Real digits for generators that are watched: those that come with the library, enlarged, and MNIST where it is."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torch import Tensor
from torch.nn.functional import interpolate

from remblai import data
from remblai.data import Dataset

FOLDER = "REMBLAI_DATA"
"""The environment variable that names the folder which has MNIST in its folder `mnist`."""
FULL = 28


@dataclass(frozen=True)
class Images:
    """Grey images at one size.

    Attributes:
        name: what they are, in a few words.
        source: where they come from.
        side: pixels along an edge; images of another size are resized bilinearly.
    """

    name: str
    source: Dataset
    side: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one image."""
        return 1, self.side, self.side

    def resized(self, x: Tensor) -> Tensor:
        """Images (n, 1, h, w) at this size."""
        if x.shape[-2:] == (self.side, self.side):
            return x
        return interpolate(x, size=(self.side, self.side), mode="bilinear", align_corners=False)

    def split(self, name: str, most: int | None = None) -> Tensor:
        """The images of a split, at most so many of the first (n, 1, side, side)."""
        return self.resized(self.source.split(name)[:most])

    def batches(self, size: int, seed: int, split: str = "train") -> Iterator[Tensor]:
        """Endless shuffled batches (size, 1, side, side) of a split."""
        return map(self.resized, self.source.split(split).batches(size, seed))


@cache
def digits(side: int) -> Images:
    """The 1,797 digits of 8 x 8 pixels that come with the library, enlarged."""
    return Images(f"digits of 8 × 8 pixels, enlarged to {side} × {side}", data.load("digits"), side)


def full_size() -> Images:
    """Digits of 28 x 28 pixels: MNIST where the environment names its folder, else those of the library, enlarged."""
    folder = Path(os.environ.get(FOLDER, "")) / "mnist"
    if FOLDER in os.environ and folder.is_dir():
        return Images("MNIST, 28 × 28 pixels", data.load(str(folder)), FULL)
    return digits(FULL)
