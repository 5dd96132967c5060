"""Rows of images and points: what is gathered is what lies there, whatever the strides."""

import numpy as np
import pytest
import torch

from remblai.data import rows as module
from remblai.data.rows import Rows, chunks, digest

CPU = torch.device("cpu")


def test_chunks_cover_all_rows_once() -> None:
    parts = list(chunks(10, module.CHUNK_BYTES // 3))
    assert [(part.start, part.stop) for part in parts] == [(0, 3), (3, 6), (6, 9), (9, 10)]
    assert list(chunks(0, 5)) == []


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_gather(big: bool, last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3) if last else (20, 3, 4, 5), dtype=np.uint8)
    array = stored.transpose(0, 3, 1, 2) if last else stored
    if big:
        monkeypatch.setattr(module, "memory", lambda: 16)
    index = torch.tensor([7, 3, 3, 19, 0])
    got = Rows(array).gather(index, CPU)
    assert got.is_contiguous()
    assert torch.equal(got, torch.from_numpy(array[index.numpy()].astype(np.float32) / np.float32(255)))


def test_rows_that_do_not_fit_are_gathered_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(np.arange(6, dtype=np.uint8).reshape(3, 1, 1, 2))
    monkeypatch.setattr(Rows, "_fits", lambda *_: False)
    meta = torch.device("meta")  # stands in for a device whose memory is full
    assert rows.on(meta).device.type == "cpu"
    assert rows.gather(torch.tensor([2, 0]), meta).device == meta


def test_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(np.zeros((100, 2), np.float32))
    cuda = torch.device("cuda", 0)
    for free, fits in ((1600, True), (1599, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 10**9))
        assert rows._fits(cuda) is fits
    assert rows._fits(CPU)


def test_points_are_copied() -> None:
    array = np.ones((3, 2), np.float32)
    Rows(array).gather(torch.tensor([0]), CPU).zero_()
    assert array.sum() == 6


def test_digest_is_of_the_content() -> None:
    array = np.arange(120, dtype=np.uint8).reshape(5, 2, 3, 4)
    other_strides = np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    changed = array.copy()
    changed[4, 1, 2, 3] += 1
    assert digest(array) == digest(other_strides) != digest(changed)
    assert digest(array) != digest(array.reshape(5, 3, 2, 4))


def test_digest_of_a_large_array_reads_first_and_last_rows_or_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DIGEST_BYTES", 40)
    array = np.zeros((1000, 10), np.uint8)
    marks = {digest(array)}
    for row in (0, 999):
        array[row, 0] = 1
        marks.add(digest(array))
    assert len(marks) == 3
    before = digest(array, whole=True)
    array[1, 0] = 1  # a row between those that are read
    assert digest(array) in marks
    assert digest(array, whole=True) != before
