"""The samples of a data set, in memory or memory-mapped: images as uint8, points as float32."""

import hashlib
import os
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.uint8] | NDArray[np.float32]

CHUNK_BYTES = 16 << 20
DIGEST_BYTES = 64 << 20


def chunks(n: int, row_bytes: int) -> Iterator[slice]:
    """Slices that cover n rows in pieces of about 16 MiB: what walks a large array without a copy of it."""
    step = max(1, CHUNK_BYTES // max(1, row_bytes))
    for first in range(0, n, step):
        yield slice(first, min(n, first + step))


def digest(array: NDArray[np.generic]) -> str:
    """The sha256 of an array's shape, type and content, whatever its strides.

    Up to 64 MiB the whole content counts; of a larger array as many rows as fit in 64 MiB, spread evenly from the
    first to the last, so that a memory-mapped set of any size costs a fraction of a second.
    """
    found = hashlib.sha256(f"{array.shape} {array.dtype.str}".encode())
    n = len(array)
    row_bytes = max(1, array.nbytes // max(1, n))
    if array.nbytes <= DIGEST_BYTES:
        for part in chunks(n, row_bytes):
            found.update(np.ascontiguousarray(array[part]).tobytes())
        return found.hexdigest()
    chosen = np.unique(np.linspace(0, n - 1, max(2, DIGEST_BYTES // row_bytes)).astype(np.int64))
    for part in chunks(len(chosen), row_bytes):
        found.update(np.ascontiguousarray(array[chosen[part]]).tobytes())
    return found.hexdigest()


def memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Rows:
    """Samples side by side, (n, c, h, w) uint8 or (n, d) float32, read in batches on any device.

    They are uploaded once per device when they take at most half of what is free there. Otherwise batches are gathered
    on the host; beyond a quarter of the machine's memory in the order of the file, because the disk is read then.

    Args:
        array: (n, c, h, w) uint8, of any strides: a view of an (n, h, w, c) file is read without copying the file;
            or (n, d) float32.
    """

    def __init__(self, array: Array) -> None:
        self.array = array
        self.shape: tuple[int, ...] = tuple(array.shape[1:])
        self.range: tuple[float, float] | None = (0.0, 1.0) if array.dtype == np.uint8 else None
        self._uploaded: dict[torch.device, Tensor] = {}

    def __len__(self) -> int:
        return len(self.array)

    def on(self, device: torch.device) -> Tensor:
        """All rows as one tensor, on `device` where they fit and on the host otherwise."""
        if device not in self._uploaded:
            host = torch.from_numpy(self.array)
            self._uploaded[device] = host.to(device) if self._fits(device) else host
        return self._uploaded[device]

    def _fits(self, device: torch.device) -> bool:
        if device.type == "cpu":
            return True
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory() // 2
        return self.array.nbytes <= free // 2

    def gather(self, index: Tensor, device: torch.device) -> Tensor:
        """The rows at `index` (m,) as a float32 tensor (m, ...) on `device`; images on the scale 0 to 1."""
        store = self.on(device)
        if store.device.type == "cpu" and self.array.nbytes > memory() // 4:
            ordered, back = index.cpu().sort()
            picked = _select(store, ordered).to(device)[back.argsort().to(device)]
        else:
            picked = _select(store, index.to(store.device)).to(device)
        if picked.dtype == torch.uint8:
            return picked.to(torch.float32).div_(255.0)
        return picked


def _select(store: Tensor, index: Tensor) -> Tensor:
    if store.ndim == 4 and not store.is_contiguous():  # index_select is fast along rows of contiguous bytes only
        return store.permute(0, 2, 3, 1).index_select(0, index).permute(0, 3, 1, 2).contiguous()
    return store.index_select(0, index)
