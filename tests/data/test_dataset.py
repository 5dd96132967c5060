"""Splits and batches: order, resumption, endlessness, determinism."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from remblai.data import Dataset, load
from remblai.data.dataset import Split
from remblai.data.rows import Rows


def numbered(n: int) -> Split:
    """A split whose sample i is the number 10 i."""
    return Split("train", Rows(10 * np.arange(n, dtype=np.float32)[:, None]), torch.arange(n), torch.arange(n))


def test_data_print_in_a_line() -> None:
    digits, ring = load("digits"), load("ring")
    assert repr(digits) == "<data digits of shape (1, 8, 8): 1,347 train, 90 validation, 360 test, 10 classes>"
    assert repr(digits.test) == "<test split: 360 of shape (1, 8, 8)>"
    assert repr(ring.train).endswith(" of shape (2,) of an endless source>")


@given(n=st.integers(1, 40), size=st.integers(1, 40), seed=st.integers(0, 5))
@settings(deadline=None)
def test_an_epoch_holds_each_sample_at_most_once(n: int, size: int, seed: int) -> None:
    size = min(size, n)
    per_epoch = n // size
    drawn = list(islice(numbered(n).batches(size, seed), 2 * per_epoch))
    for epoch in (drawn[:per_epoch], drawn[per_epoch:]):
        seen = torch.cat(epoch).ravel().tolist()
        assert len(seen) == per_epoch * size == len(set(seen))
        assert set(seen) <= {10.0 * i for i in range(n)}


@given(start=st.integers(0, 30), endless=st.booleans())
@settings(deadline=None, max_examples=20)
def test_start_goes_on_where_it_stopped(start: int, endless: bool) -> None:
    split = load("ring").train if endless else numbered(23)
    whole = list(islice(split.batches(4, seed=3), start + 8))
    rest = list(islice(split.batches(4, seed=3, start=start), 8))
    assert all(torch.equal(a, b) for a, b in zip(whole[start:], rest, strict=True))


def test_epochs_and_seeds_differ() -> None:
    split = numbered(50)
    first, second = islice(split.batches(50), 2)
    other = next(split.batches(50, seed=1))
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(first.sort(0).values, other.sort(0).values)


@pytest.mark.parametrize("name", ["digits", "ring"])
def test_global_generators_are_not_touched(name: str) -> None:
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # the global one is the point
    next(load(name).train.batches(10))
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


def test_batches_are_fresh_floats_on_the_scale_0_to_1() -> None:
    split = load("digits").train
    batch = next(split.batches(100))
    assert (batch.shape, batch.dtype) == ((100, 1, 8, 8), torch.float32)
    assert batch.min() == 0
    assert batch.max() == 1
    batch.zero_()
    assert next(split.batches(100)).max() == 1


def test_where() -> None:
    split = numbered(10)
    assert split[3].tolist() == [30.0]
    assert split[-1].tolist() == [90.0]
    assert split[np.int64(2)].tolist() == [20.0]
    assert split[torch.tensor(2)].tolist() == [20.0]
    assert split[2:5].tolist() == [[20.0], [30.0], [40.0]]
    assert split[[4, 1]].tolist() == [[40.0], [10.0]]
    assert split[np.array([4, 1])].tolist() == [[40.0], [10.0]]
    assert split[torch.tensor([4, 1])].tolist() == [[40.0], [10.0]]
    assert split[torch.arange(10) > 7].tolist() == [[80.0], [90.0]]
    assert split[np.array([0, 1], np.uint8)].tolist() == [[0.0], [10.0]]
    assert split[[]].shape == (0, 1)
    assert [x.item() for x in split] == [10.0 * i for i in range(10)]
    with pytest.raises(IndexError):
        split[10]


def test_rows_are_taken_backwards() -> None:
    data = load("digits").train
    assert torch.equal(data[np.arange(5)[::-1]], data[:5].flip(0))


def test_labels_and_index_go_with_the_samples() -> None:
    data = load("digits")
    stored = torch.from_numpy(data.train.rows.array.astype(np.float32)) / 255
    for split in (data.train, data.validation, data.test):
        assert torch.equal(split[:50], stored[split.index[:50]])
        assert split.labels is not None
        assert len(split.labels) == len(split) == len(split.index)
    together = torch.cat([data.train.index, data.validation.index, data.test.index])
    assert torch.equal(together.sort().values, torch.arange(1797))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch_size": 24}, "batch_size 24 is larger than the train split, which has 23"),
        ({"batch_size": 0}, "at least 1, got 0"),
        ({"batch_size": 2, "seed": -1}, "not be negative"),
        ({"batch_size": 2, "start": -1}, "not be negative"),
    ],
)
def test_batches_refuse_at_once(options: dict[str, int], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        numbered(23).batches(**options)


def test_a_batch_as_large_as_the_split_is_all_of_it() -> None:
    assert torch.equal(next(numbered(7).batches(7)).sort(0).values, numbered(7)[:])


def test_split_by_name() -> None:
    data = load("digits")
    assert data.split("test") is data.test
    with pytest.raises(ValueError, match="Did you mean 'validation'"):
        data.split("valdation")


def test_fingerprint() -> None:
    def of(data: Dataset) -> str:
        return data.fingerprint

    assert of(load("digits")) == of(load("digits"))
    assert len(of(load("digits"))) == 64
    rings = [of(load({"name": "ring", "modes": modes})) for modes in (8, 9)]
    assert len({of(load("digits")), of(load("grid")), *rings}) == 4
