"""Batches that workers gather ahead of the step that takes them: what reads a disk while the device computes."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

WORKERS = 4
"""Threads that gather: reading and copying rows needs no interpreter."""

AHEAD = 8
"""Batches that are ready or on their way."""


def prefetched(gather: Callable[[Tensor], Tensor], indices: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
    """The gathered rows of each index, in order, up to `AHEAD` batches before they are asked for.

    Args:
        gather: index (m,) -> rows (m, ...) on the host; called by several threads at a time.
        indices: of the batches, without an end or with one.
        device: that they are for; for a GPU they are put into pinned memory, from which it copies while it computes.
    """

    def work(index: Tensor) -> Tensor:
        rows = gather(index)
        if device.type != "cuda":
            return rows
        with torch.cuda.device(device):  # a thread begins with the first one, where it would take memory
            return rows.pin_memory()

    stream = iter(indices)
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="remblai-feed")
    try:
        coming: deque[Future[Tensor]] = deque(pool.submit(work, each) for each in itertools.islice(stream, AHEAD))
        while coming:
            rows = coming.popleft().result()
            coming.extend(pool.submit(work, each) for each in itertools.islice(stream, 1))
            yield rows
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
