"""Axes and values of arrays: read off where clear, refused with the option's name where not."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from remblai.data.layout import check_numbers, extremes, layout_of, limits_of, native, planes, to_layout
from remblai.data.rows import Rows


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
        array = np.random.default_rng(0).random(shape)
        assert planes(array, layout).shape[2:] == (28, 28)
        assert np.array_equal(to_layout(planes(array, layout), layout), array)


@pytest.mark.parametrize(
    ("shape", "asked", "told"),
    [
        ((9, 3, 28, 3), None, "the layout of x is ambiguous.*second axis .3. and the last .3.*--layout nchw"),
        ((9, 28, 28, 28), None, "neither the second axis nor the last.*--layout"),
        ((), None, r"shape \(\); expected images .* or numbers \(n,\)$"),
        ((9,), "nd", r"shape \(9,\), which is not of layout nd"),
        ((), None, "expected"),
        ((1, 2, 3, 4, 5), None, r"\(n, h, w, c\)"),
        ((9, 28, 28), "nchw", "not of layout nchw, 4 axes"),
        ((9, 28, 28), "hwc", "unknown layout 'hwc': expected one of nhw, nhwc, nchw, nd, flat"),
    ],
)
def test_shapes_refused(shape: tuple[int, ...], asked: str | None, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        layout_of(shape, asked, "x")


@pytest.mark.parametrize("shape", [(9, 50, 3), (9, 3, 50), (9, 24, 6)])
def test_series_are_no_images_unasked(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"may be series of . values or images.*--layout flat.*--layout nhw"):
        layout_of(shape, None, "x", bytes_=False)
    assert layout_of(shape, None, "x") == "nhw"  # bytes are those of images
    assert layout_of(shape, "flat", "x", bytes_=False) == "flat"
    assert layout_of((5, 4, 9, 9, 9), "flat", "x") == "flat"


def test_ambiguity_is_settled_by_the_option() -> None:
    array = np.arange(2 * 3 * 4 * 2).reshape(2, 3, 4, 2)
    assert planes(array, layout_of(array.shape, "nchw", "x")).shape == (2, 3, 4, 2)
    assert planes(array, layout_of(array.shape, "nhwc", "x")).shape == (2, 2, 3, 4)
    wide = np.zeros((2, 9, 4, 4))
    assert planes(wide, layout_of(wide.shape, "nchw", "x")).shape == (2, 9, 4, 4)


def seen(array: np.ndarray, limits: tuple[float, float] | None = None) -> np.ndarray:
    """What the model sees of an array (n, h, w)."""
    found = limits_of([array], limits, "x")
    return Rows(native(array)[:, None], found).gather(torch.arange(len(array)), torch.device("cpu"))[:, 0].numpy()


@given(arrays.arrays(np.uint8, (3, 4, 4)))
def test_all_scales_of_the_same_bytes(stored: np.ndarray) -> None:
    stored[0, 0] = [0, 1, 2, 255]  # a negative value is what tells [-1, 1] apart, and more than 1 bytes from masks
    unit = stored / 255
    for array, limits in (
        (stored, None),
        (stored.astype(np.int64), None),
        (stored.astype(">i2"), None),
        (unit, None),
        (unit.astype(np.float32), None),
        (2 * unit - 1, None),
        (100 * unit - 7, (-7, 93)),
        (stored.astype(np.uint16) * 257, (0, 65535)),
        (stored.astype(np.int16) - 1024, (-1024, -769)),
    ):
        assert np.allclose(seen(array, limits), unit, atol=1e-6), array.dtype
    assert np.array_equal(seen(stored > 9), stored > 9)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint16, bool])
def test_masks_are_black_and_white(kind: type) -> None:
    mask = np.indices((2, 3, 4)).sum(0) % 2
    assert np.array_equal(seen(mask.astype(kind)), mask)


def test_small_floats_keep_their_levels() -> None:
    array = np.linspace(0, 1e-3, 48).reshape(3, 4, 4)
    assert np.allclose(seen(array), array, rtol=1e-6)
    assert np.allclose(seen(array, (0, 1e-3)), 1e3 * array, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "limits"), [([0, 1.0000001], (0, 1)), ([-1e-5, 1], (0, 1)), ([-1.00005, 1], (-1, 1))]
)
def test_rounding_is_forgiven(values: list[float], limits: tuple[float, float]) -> None:
    array = np.array(values).reshape(1, 1, 2)
    assert limits_of([array], None, "x") == limits
    assert (seen(array).min(), seen(array).max()) == (0, 1)


@given(st.integers(0, 15))
def test_a_range_is_for_bytes_too(value: int) -> None:
    assert np.isclose(seen(np.full((1, 2, 2), value, np.uint8), (0, 15))[0, 0, 0], value / 15)


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).random((50, 3, 3)) * 7
    monkeypatch.setattr("remblai.data.rows.CHUNK_BYTES", 200)
    assert extremes([array]) == (array.min(), array.max())
    array[33, 2, 1] = -np.inf
    with pytest.raises(ValueError, match=r"x holds -inf at position \(33, 2, 1\)"):
        limits_of([array], None, "x")


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
        limits_of([array], limits, "x")


def test_numbers_of_points() -> None:
    check_numbers(np.array([[1, 2]]), "x")
    with pytest.raises(ValueError, match=r"nan at position \(1, 0\)"):
        check_numbers(np.array([[1.0, 2.0], [np.nan, 0.0]]), "x")
