"""Batches that workers gather ahead of the step that takes them: what reads a disk while the device computes."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

WORKERS = 4
"""Threads that gather: reading and copying rows needs no interpreter."""

AHEAD = 8
"""Batches that are ready or on their way."""


def prefetched(gather: Callable[[Tensor], Tensor], indices: Iterable[Tensor], pin: bool) -> Iterator[Tensor]:
    """The gathered rows of each index, in order, up to `AHEAD` batches before they are asked for.

    Args:
        gather: index (m,) -> rows (m, ...) on the host; called by several threads at a time.
        indices: of the batches, without an end or with one.
        pin: whether rows are put into pinned memory, from which a GPU copies while it computes.
    """

    def work(index: Tensor) -> Tensor:
        rows = gather(index)
        return rows.pin_memory() if pin else rows

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
