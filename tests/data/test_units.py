"""There and back: units restore what they scaled."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from remblai.data.units import Units

GREY, COLOUR = Units((1, 3, 5), (0.0, 1.0)), Units((3, 4, 5), (0.0, 1.0))
TABLE = Units((3,), None, (1.0, -2.0, 1.7e9), (2.0, 0.5, 3e5), ("a", "b", "c"))


@given(arrays.arrays(np.uint8, (2, 3, 5)))
def test_grey_bytes_there_and_back(images: np.ndarray) -> None:
    x = GREY.scale(images)
    assert x.shape == (2, 1, 3, 5)
    assert x.dtype == torch.float32
    assert np.array_equal(GREY.restore(x), images)


@given(arrays.arrays(np.uint8, (2, 4, 5, 3)))
def test_colour_bytes_there_and_back(images: np.ndarray) -> None:
    x = COLOUR.scale(images)
    assert torch.equal(x[1, 2], torch.from_numpy(images[1, :, :, 2] / np.float32(255)))
    assert np.array_equal(COLOUR.restore(x), images)


@given(arrays.arrays(np.float64, (4, 3), elements=st.floats(-1e3, 1e3)))
def test_points_there_and_back(points: np.ndarray) -> None:
    given_points = points + np.array([0, 0, 1.7e9])
    assert np.allclose(TABLE.restore(TABLE.scale(given_points)), given_points, rtol=1e-6, atol=1e-3)


def test_constant_column_comes_back_constant() -> None:
    units = Units((2,), None, (7.0, 0.0), (0.0, 2.0))
    assert units.restore(torch.randn(5, 2))[:, 0].tolist() == [7.0] * 5
    assert units.scale(np.array([[7.0, 2.0]])).tolist() == [[0.0, 1.0]]


def test_toys_are_left_alone() -> None:
    x = torch.randn(4, 2)
    assert np.array_equal(Units((2,)).restore(x), x.numpy())
    assert torch.equal(Units((2,)).scale(x), x)


def test_images_are_clipped_and_rounded() -> None:
    x = torch.tensor([-1.0, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 2.0]).reshape(1, 1, 2, 3)
    assert Units((1, 2, 3), (0.0, 1.0)).restore(x).ravel().tolist() == [0, 0, 0, 1, 255, 255]


def test_floats_are_read_as_the_model_sees_them() -> None:
    x = torch.rand(2, 3, 4, 5)
    assert torch.equal(COLOUR.scale(x), x)


@pytest.mark.parametrize("units", [GREY, COLOUR, TABLE, Units((2,))])
def test_json(units: Units) -> None:
    assert Units.from_json(json.loads(json.dumps(units.to_json()))) == units


@pytest.mark.parametrize(
    ("units", "array", "told"),
    [
        (GREY, np.zeros((2, 5, 3), np.uint8), r"uint8 \(n, 3, 5\).*got uint8 \(2, 5, 3\)"),
        (GREY, np.zeros((3, 5), np.uint8), "expected images"),
        (GREY, np.zeros((2, 3, 5), np.int64), "expected images as uint8"),
        (COLOUR, np.full((1, 3, 4, 5), 2.0), r"floats in \[0, 1\]"),
        (COLOUR, np.full((1, 3, 4, 5), np.nan), r"floats in \[0, 1\]"),
        (TABLE, np.zeros((2, 4)), r"\(n, 3\), got \(2, 4\)"),
        (TABLE, np.array([[1.0, np.inf, 0.0]]), "NaN or infinite"),
        (TABLE, np.array([["a", "b", "c"]]), "expected numbers"),
    ],
)
def test_scale_refuses(units: Units, array: np.ndarray, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        units.scale(array)


def test_restore_and_from_json_refuse() -> None:
    with pytest.raises(ValueError, match=r"\(n, 1, 3, 5\), got \(2, 3, 4, 5\)"):
        GREY.restore(torch.zeros(2, 3, 4, 5))
    with pytest.raises(ValueError, match="expected units with shape"):
        Units.from_json({"schema": 1})
