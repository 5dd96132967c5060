"""Batches that are gathered ahead: the same ones, in the same order, and no worker is left behind."""

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from remblai.data.dataset import Split
from remblai.data.feeding import AHEAD, prefetched
from remblai.data.rows import Rows


def test_rows_come_in_order_and_no_more_than_a_few_ahead() -> None:
    asked: list[int] = []

    def gather(index: Tensor) -> tuple[Tensor]:
        asked.append(int(index))
        return (2 * index,)

    stream = prefetched(gather, map(torch.tensor, itertools.count()), torch.device("cpu"))
    assert [int(*next(stream)) for _ in range(5)] == [0, 2, 4, 6, 8]
    assert sorted(asked)[:5] == list(range(5))
    assert len(asked) <= 5 + AHEAD
    stream.close()  # type: ignore[attr-defined]


def test_a_stream_that_ends_gives_all_of_it_and_leaves_no_worker() -> None:
    rows = list(prefetched(lambda index: (index,), [torch.tensor(n) for n in range(20)], torch.device("cpu")))
    assert [int(*each) for each in rows] == list(range(20))
    for thread in [t for t in threading.enumerate() if t.name.startswith("remblai-feed")]:
        thread.join(10.0)
        assert not thread.is_alive()


def test_an_error_of_a_worker_is_the_readers() -> None:
    def gather(index: Tensor) -> tuple[Tensor]:
        if int(index) == 3:
            raise OSError("the disk is gone")
        return (index,)

    stream = prefetched(gather, [torch.tensor(n) for n in range(9)], torch.device("cpu"))
    assert [int(*next(stream)) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(stream)


def test_a_memory_mapped_set_gives_the_batches_of_one_in_memory(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4), np.uint8)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="c")
    index = torch.arange(10, 50)
    splits = [Split("train", Rows(array), index) for array in (images, mapped)]
    assert [split.rows.is_read_ahead(torch.device("cpu")) for split in splits] == [False, True]
    for rows in (slice(None), slice(2, 4)):
        streams = [split.batches(6, seed=3, start=4, rows=rows) for split in splits]
        for _ in range(15):
            one, other = (next(stream) for stream in streams)
            assert torch.equal(one, other)
            assert len(one) == len(range(6)[rows])


def test_processes_share_out_the_batches_of_one() -> None:
    split = Split("train", Rows(np.arange(40.0, dtype=np.float32).reshape(20, 2)), torch.arange(20))
    whole = split.batches(6, seed=1)
    parts = [split.batches(6, seed=1, rows=slice(3 * rank, 3 * rank + 3)) for rank in range(2)]
    for _ in range(8):
        assert torch.equal(next(whole), torch.cat([next(part) for part in parts]))
