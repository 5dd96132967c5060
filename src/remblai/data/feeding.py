"""Batches that workers gather ahead of the step that takes them: what reads a disk while the device computes."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor

Asked = TypeVar("Asked")
Parts = tuple[Tensor, ...]
"""What belongs to one batch: its rows, or its rows and their labels."""

WORKERS = 4
"""Threads that gather: reading and copying rows needs no interpreter."""

AHEAD = 8
"""Batches that are ready or on their way."""


def prefetched(gather: Callable[[Asked], Parts], asked: Iterable[Asked], device: torch.device) -> Iterator[Parts]:
    """What is gathered for each batch, in order and on the device, up to `AHEAD` batches before it is asked for.

    Args:
        gather: what a batch is asked for by -> its parts on the host; called by several threads at a time.
        asked: of the batches, without an end or with one.
        device: where they are wanted. A GPU copies a batch between the steps before and after it; the host does not
            wait for that.
    """

    def work(each: Asked) -> Parts:
        return tuple(pinned(part, device) for part in gather(each))

    stream = iter(asked)
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="remblai-feed")
    try:
        coming: deque[Future[Parts]] = deque(pool.submit(work, each) for each in itertools.islice(stream, AHEAD))
        while coming:
            parts = coming.popleft().result()
            coming.extend(pool.submit(work, each) for each in itertools.islice(stream, 1))
            yield tuple(part.to(device, non_blocking=True) for part in parts)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def pinned(x: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host in memory that a GPU copies from by itself; for another device as it is."""
    if device.type != "cuda":
        return x
    with torch.cuda.device(device):  # a thread begins with the first one, where it would take memory
        return x.pin_memory()


def sent(x: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on the device, for whose copy the host does not wait."""
    return pinned(x, device).to(device, non_blocking=True)
