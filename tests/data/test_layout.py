"""Axes and values of arrays: read off where clear, refused with the option's name where not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from remblai.data.layout import check_numbers, layout_of, planes, to_bytes


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((9, 5), "nd"),
        ((9, 28, 28), "nhw"),
        ((9, 28, 28, 3), "nhwc"),
        ((9, 3, 28, 28), "nchw"),
        ((9, 28, 28, 1), "nhwc"),
        ((9, 4, 28, 28), "nchw"),
    ],
)
def test_clear_shapes(shape: tuple[int, ...], layout: str) -> None:
    assert layout_of(shape, None, "x") == layout
    assert layout_of(shape, layout, "x") == layout
    if layout != "nd":
        assert planes(np.zeros(shape), layout).shape[2:] == (28, 28)


@pytest.mark.parametrize(
    ("shape", "asked", "told"),
    [
        ((9, 3, 28, 3), None, "the layout of x is ambiguous.*second axis .3. and the last .3.*--layout nchw"),
        ((9, 28, 28, 28), None, "neither the second axis nor the last.*--layout"),
        ((9,), None, r"shape \(9,\).*reshape a list of numbers to \(n, 1\)"),
        ((), None, "expected"),
        ((1, 2, 3, 4, 5), None, r"\(n, h, w, c\)"),
        ((9, 28, 28), "nchw", "not of layout nchw, 4 axes"),
        ((9, 28, 28), "hwc", "unknown layout 'hwc': expected one of nhw, nhwc, nchw, nd"),
    ],
)
def test_shapes_refused(shape: tuple[int, ...], asked: str | None, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        layout_of(shape, asked, "x")


def test_ambiguity_is_settled_by_the_option() -> None:
    array = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    assert planes(array, layout_of(array.shape, "nchw", "x")).shape == (2, 3, 4, 2)
    assert planes(array, layout_of(array.shape, "nhwc", "x")).shape == (2, 2, 3, 4)
    wide = np.zeros((2, 9, 4, 4))
    assert planes(wide, layout_of(wide.shape, "nchw", "x")).shape == (2, 9, 4, 4)


@given(arrays.arrays(np.uint8, (3, 4, 4)))
def test_all_scales_of_the_same_bytes(stored: np.ndarray) -> None:
    unit = stored / 255
    stored[0, 0, 0] = unit[0, 0, 0] = 0  # a negative value is what tells [-1, 1] apart
    assert np.array_equal(to_bytes(stored, None, "x"), stored)
    assert np.array_equal(to_bytes(stored.astype(np.int64), None, "x"), stored)
    assert np.array_equal(to_bytes(unit.astype(np.float32), None, "x"), stored)
    assert np.array_equal(to_bytes(2 * unit - 1, None, "x"), stored)
    assert np.array_equal(to_bytes(100 * unit - 7, (-7, 93), "x"), stored)
    assert np.array_equal(to_bytes(stored > 9, None, "x"), 255 * (stored > 9))


@given(st.integers(0, 15))
def test_a_range_is_for_bytes_too(value: int) -> None:
    assert to_bytes(np.full((1, 2, 2), value, np.uint8), (0, 15), "x")[0, 0, 0] == 17 * value


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).random((50, 3, 3))
    whole = to_bytes(array, None, "x")
    monkeypatch.setattr("remblai.data.rows.CHUNK_BYTES", 200)
    assert np.array_equal(to_bytes(array, None, "x"), whole)
    array[33, 2, 1] = -np.inf
    with pytest.raises(ValueError, match=r"x holds -inf at position \(33, 2, 1\)"):
        to_bytes(array, None, "x")


@pytest.mark.parametrize(
    ("array", "limits", "told"),
    [
        (np.array([[[0.0, np.nan]]]), None, r"x holds nan at position \(0, 0, 1\)"),
        (np.array([[[0.0, 1.5]]]), None, "floats from 0 to 1.5.*--range LOW,HIGH"),
        (np.array([[[-2.0, 1.0]]]), None, "floats from -2 to 1.*--range"),
        (np.array([[[0, 256]]]), None, "whole numbers from 0 to 256.*--range"),
        (np.array([[[-1, 5]]]), None, "whole numbers from -1 to 5.*--range"),
        (np.array([[[0.0, 9.0]]]), (0, 8), "from 0 to 9, outside the range 0 8"),
        (np.array([[[0.0, 9.0]]]), (8, 8), "low below high, got 8 8"),
        (np.array([[[0.0, 9.0]]]), (0, float("inf")), "two finite numbers"),
        (np.array([[["a"]]]), None, "expected real numbers"),
        (np.array([[[1j]]]), None, "expected real numbers"),
    ],
)
def test_values_refused(array: np.ndarray, limits: tuple[float, float] | None, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        to_bytes(array, limits, "x")


def test_numbers_of_points() -> None:
    check_numbers(np.array([[1, 2]]), "x")
    with pytest.raises(ValueError, match=r"nan at position \(1, 0\)"):
        check_numbers(np.array([[1.0, 2.0], [np.nan, 0.0]]), "x")
