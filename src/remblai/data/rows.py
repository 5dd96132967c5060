"""The samples of a data set, in memory or memory-mapped: images as they are stored, points as float32."""

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.runtime import memory as runtime_memory

Array = NDArray[Any]

CHUNK_BYTES = 16 << 20
DIGEST_BYTES = 64 << 20


def chunks(n: int, row_bytes: int) -> Iterator[slice]:
    """Slices that cover n rows in pieces of about 16 MiB: what walks a large array without a copy of it."""
    step = max(1, CHUNK_BYTES // max(1, row_bytes))
    for first in range(0, n, step):
        yield slice(first, min(n, first + step))


def digest(array: NDArray[np.generic], whole: bool = False) -> str:
    """The sha256 of an array's shape, type and content, whatever its strides.

    Up to 64 MiB the whole content counts; of a larger array as many rows as fit in 64 MiB, spread evenly from the
    first to the last, so that a memory-mapped set of any size costs a fraction of a second.

    Args:
        array: of any shape.
        whole: whether all of a large array counts too.
    """
    found = hashlib.sha256(f"{array.shape} {array.dtype.str}".encode())
    chosen = array if whole else spread(array)
    for part in chunks(len(chosen), max(1, chosen.nbytes // max(1, len(chosen)))):
        found.update(np.ascontiguousarray(chosen[part]).tobytes())
    return found.hexdigest()


def spread(array: NDArray[Any]) -> NDArray[Any]:
    """The array itself up to 64 MiB; of a larger one as many rows as fit, spread evenly from the first to the last."""
    n = len(array)
    if array.nbytes <= DIGEST_BYTES:
        return array
    rows = np.linspace(0, n - 1, max(2, DIGEST_BYTES // max(1, array.nbytes // n)))
    return np.asarray(array[np.unique(rows.astype(np.int64))])


def memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available() -> int:
    """The bytes of memory that can still be had; all of the machine's where the system does not say what is free."""
    free = runtime_memory.available()
    return memory() if free is None else min(free, memory())


def check_memory(needed: int, source: str) -> None:
    """Refuses data that does not fit into memory, before it is read.

    Raises:
        ValueError: more bytes are needed than there are.
    """
    free = available()
    if needed > free:
        raise ValueError(
            f"{source} holds {needed / 1e9:.1f} GB of data once it is unpacked, more than the {free / 1e9:.1f} GB of "
            "memory that are free: take a part of it, or write it as .npy, which is read from the disk"
        )


class Rows:
    """Samples side by side, images (n, c, h, w) of any type of numbers or points (n, d) float32, read in batches.

    They are uploaded once per device when they take at most half of what is free there. Otherwise batches are gathered
    on the host; beyond a quarter of the machine's memory in the order of the file, because the disk is read then.

    Args:
        array: (n, c, h, w), of any strides: a view of an (n, h, w, c) file is read without copying the file; or (n, d)
            float32.
        limits: the values of images that become 0 and 1; None is 0 and 255 for uint8, and points otherwise.
        source: of points that are standardised these as the data have them (n, d), where they are kept.
    """

    def __init__(
        self, array: Array, limits: tuple[float, float] | None = None, source: NDArray[Any] | None = None
    ) -> None:
        self.array, self.source = array, source
        self.limits = (0.0, 255.0) if limits is None and array.dtype == np.uint8 else limits
        self.shape: tuple[int, ...] = tuple(array.shape[1:])
        self.range: tuple[float, float] | None = None if self.limits is None else (0.0, 1.0)
        self._uploaded: dict[torch.device, Tensor] = {}

    def __len__(self) -> int:
        return len(self.array)

    def on(self, device: torch.device) -> Tensor:
        """All rows as one tensor, on `device` where they fit and on the host otherwise."""
        if device not in self._uploaded:
            wide = self.array.dtype == np.uint16  # torch gathers int16 on every device: the bits are read back below
            host = torch.from_numpy(self.array.view(np.int16) if wide else self.array)
            self._uploaded[device] = host.to(device) if self._fits(device) else host
        return self._uploaded[device]

    def _fits(self, device: torch.device) -> bool:
        if device.type == "cpu":
            return True
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory() // 2
        return self.array.nbytes <= free // 2

    def gather(self, index: Tensor, device: torch.device) -> Tensor:
        """The rows at `index` (m,) as a float32 tensor (m, ...) on `device`; images on the scale 0 to 1."""
        return self.scaled(self.picked(index, device).to(device))

    def picked(self, index: Tensor, device: torch.device) -> Tensor:
        """The rows at `index` (m,) as they are stored, where `on` has them."""
        store = self.on(device)
        if store.device.type == "cpu" and self.array.nbytes > memory() // 4:
            ordered, back = index.cpu().sort()
            return _select(store, ordered)[back.argsort()]
        return _select(store, index.to(store.device))

    def scaled(self, picked: Tensor) -> Tensor:
        """Stored rows as the model sees them: images as floats on the scale 0 to 1."""
        return picked if self.limits is None else self._scaled(picked, *self.limits)

    def is_read_ahead(self, device: torch.device) -> bool:
        """Whether batches for this device come from the disk, or from the host's memory to another device."""
        return self.on(device).device.type != device.type or isinstance(self.array, np.memmap)

    def _scaled(self, picked: Tensor, low: float, high: float) -> Tensor:
        """Stored values as floats on the scale 0 to 1."""
        if self.array.dtype == np.uint16:
            picked = picked.to(torch.int32).bitwise_and_(0xFFFF)
        if picked.dtype == torch.uint8 and (low, high) == (0.0, 255.0):
            return picked.to(torch.float32).div_(255.0)
        exact = torch.float64 if picked.dtype in (torch.int32, torch.int64, torch.float64) else torch.float32
        return picked.to(exact).sub_(low).div_(high - low).clamp_(0, 1).to(torch.float32)


def _select(store: Tensor, index: Tensor) -> Tensor:
    if store.ndim == 4 and not store.is_contiguous():  # index_select is fast along rows of contiguous bytes only
        return store.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2).contiguous()
    return store.index_select(0, index)
