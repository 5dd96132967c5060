"""Points as the kernels read them: centred, in one precision, with the tiles that fit their dimension."""

from typing import NamedTuple

import torch
from torch import Tensor

DIRECT = 16
"""Dimensions up to which float32 differences are summed: then products are no faster, and they cancel."""

CHUNK = 64
"""Most entries of points that one product of tiles takes."""


WIDEST = 128
"""Most entries of a weighted sum of points that one program keeps."""


ROOMY = (9, 10)
"""Major compute capabilities whose tensor cores read factors outside the registers: on others long chunks spill."""

SHORT = 16
"""Entries of points in one product where long chunks spill, which is the least that Triton takes."""


FACTOR, UNIT, SLOPE, OMEGA, EPSILON, SCALARS = range(6)
"""Places of the numbers that a launch reads: they are float64, as arguments of Triton are not."""


class Tile(NamedTuple):
    """Rows and columns of a tile, the entries of a point in one product, and how many warps work on it."""

    rows: int
    columns: int
    chunk: int
    warps: int
    stages: int

    @property
    def options(self) -> dict[str, int | bool]:
        """What a launch is told beside its arguments: Triton 3.9 warns where it must choose itself whether to fuse."""
        return {"num_warps": self.warps, "num_stages": self.stages, "enable_fp_fusion": True}


class PointSet(NamedTuple):
    """Points (n, d), read with these strides, and |x|^2 (n,) where products need it."""

    values: Tensor
    norms: Tensor

    @property
    def arguments(self) -> tuple[int, int]:
        """The strides of a row and of an entry."""
        return self.values.stride(0), self.values.stride(1)


def tile(n: int, d: int, dtype: torch.dtype, gradient: bool = False, major: int | None = None) -> Tile:
    """The tile for n rows: few rows where there are few points, so that every multiprocessor has some.

    Args:
        n: rows in all.
        d: entries of a point.
        dtype: of the points.
        gradient: whether a weighted sum of points is accumulated beside the tile.
        major: compute capability of the GPU; None asks the current one, where there is one.
    """
    beside = accumulated(d) if gradient else 0
    direct = sums_differences(d, dtype)
    most = 32 if dtype == torch.float64 or beside > 64 else 64 if direct or beside else 128
    rows = min(most, 16 if n <= 4096 else 32 if n <= 8192 else 64 if n <= 32768 else 128)
    # of more than one product of chunks, smaller ones leave the registers free for addresses
    chunk = max(16, 1 << (d - 1).bit_length()) if d <= CHUNK else CHUNK // 2
    if rows > 32 and d > CHUNK // 2 and not beside and not _roomy(major):
        chunk = SHORT
    return Tile(rows, 32 if beside and not direct else 64, chunk, 8 if rows == 128 else 4, 2)


def _roomy(major: int | None) -> bool:
    if major is None:
        major = torch.cuda.get_device_capability()[0] if torch.cuda.is_available() else 0
    return major in ROOMY


def accumulated(d: int) -> int:
    """Entries of a weighted sum of points that one program keeps; more are divided among programs."""
    return min(WIDEST, max(16, 1 << (d - 1).bit_length()))


def sums_differences(d: int, dtype: torch.dtype) -> bool:
    """Whether squared distances come from differences."""
    return d <= DIRECT or dtype == torch.float64


def point_set(x: Tensor, direct: bool, single: bool = False) -> PointSet:
    """The points (n, d) as a kernel reads them.

    Args:
        x: centred points, in float32 or float64.
        direct: whether differences are summed; each entry of all points is then contiguous.
        single: round entries to tf32 (10 bits): products of them are exact, so that one pass of the tensor cores
            gives the distances of points that are moved by 2^-11 of themselves.
    """
    if direct:
        return PointSet(x.T.contiguous().T, x)  # the norms are not read
    x = rounded_to_tf32(x.contiguous()) if single else x.contiguous()
    return PointSet(x, x.square().sum(1))


def rounded_to_tf32(x: Tensor) -> Tensor:
    """The nearest numbers of 10 bits after the point, float32 (n, d)."""
    return (x.view(torch.int32) + 0x1000 & ~0x1FFF).view(torch.float32)
