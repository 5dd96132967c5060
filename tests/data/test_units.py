"""There and back: units restore what they scaled."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from remblai.data import load
from remblai.data.image_units import image_units
from remblai.data.units import Units

GREY, COLOUR = Units((1, 3, 5), (0.0, 1.0)), Units((3, 4, 5), (0.0, 1.0))
TABLE = Units((3,), None, (1.0, -2.0, 1.7e9), (2.0, 0.5, 3e5), ("a", "b", "c"))

SCAN = image_units((1, 3, 5), np.dtype(np.int16), (-1024.0, 3071.0), "nhw")
SIGNED = image_units((3, 4, 5), np.dtype(np.float32), (-1.0, 1.0), "nchw")


@given(arrays.arrays(np.int16, (2, 3, 5), elements=st.integers(-1024, 3071)))
def test_scans_there_and_back(images: np.ndarray) -> None:
    x = SCAN.scale(images)
    assert np.allclose(x.numpy()[:, 0], (images + 1024.0) / 4095, atol=1e-6)
    back = SCAN.restore(x)
    assert back.dtype == np.int16
    assert np.array_equal(back, images)


@given(arrays.arrays(np.float32, (2, 3, 4, 5), elements=st.floats(-1, 1, width=32)))
def test_floats_come_back_in_their_own_range_and_layout(images: np.ndarray) -> None:
    x = SIGNED.scale(images)
    assert np.allclose(x.numpy(), (images + 1) / 2, atol=1e-6)
    back = SIGNED.restore(x)
    assert (back.dtype, back.shape) == (np.float32, images.shape)
    assert np.allclose(back, images, atol=1e-6)
    last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    assert torch.equal(SIGNED.scale(last), x)  # another layout that the shape shows
    assert np.array_equal(SIGNED.display(x), Units((3, 4, 5), (0.0, 1.0)).restore(x))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int16, np.uint8, bool])
def test_points_come_back_in_their_type(kind: type) -> None:
    values = (np.arange(12) % 2 if kind is bool else np.arange(12)).reshape(6, 2).astype(kind)
    units = load(values).units
    back = units.restore(units.scale(values))
    assert back.dtype == kind
    assert np.allclose(back.astype(float), values.astype(float), atol=1e-5 if back.dtype.kind == "f" else 0)


def test_flattened_points_come_back_in_their_shape() -> None:
    series = np.random.default_rng(0).normal(size=(30, 7, 2))
    data = load(series, layout="flat")
    assert data.shape == (14,)
    assert np.allclose(data.units.restore(data.units.scale(series)), series, atol=1e-5)


def test_whole_numbers_stay_within_their_type() -> None:
    units = Units((1,), None, (0.0,), (1.0,), dtype="int8")
    assert units.restore(torch.tensor([[-1e9], [2.5], [1e9]])).ravel().tolist() == [-128, 2, 127]


def test_columns_by_name() -> None:
    frame = pd.DataFrame({"c": [0.0, 1.0], "a": [1.0, 3.0], "b": [-2.0, -1.5]})
    assert torch.equal(TABLE.scale(frame), TABLE.scale(frame[["a", "b", "c"]].to_numpy()))
    with pytest.raises(ValueError, match="has the columns c, a: expected b too"):
        TABLE.scale(frame[["c", "a"]])


def test_units_of_an_earlier_version() -> None:
    saved = {"shape": [1, 3, 5], "range": [0.0, 1.0], "mean": None, "deviation": None, "columns": None}
    assert Units.from_json(saved) == GREY
    assert image_units((1, 3, 5), np.dtype(np.uint8), (0.0, 255.0), "nhw") == GREY
    with pytest.raises(ValueError, match="a type of numbers, got 'O'"):
        Units.from_json(saved | {"dtype": "O"})


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


@pytest.mark.parametrize("units", [GREY, COLOUR, TABLE, SCAN, SIGNED, Units((2,)), Units((4,), item=(2, 2))])
def test_json(units: Units) -> None:
    assert Units.from_json(json.loads(json.dumps(units.to_json()))) == units


@pytest.mark.parametrize(
    ("units", "array", "told"),
    [
        (GREY, np.zeros((2, 5, 3), np.uint8), r"uint8 \(n, 3, 5\).*got uint8 \(2, 5, 3\)"),
        (GREY, np.zeros((3, 5), np.uint8), "expected images"),
        (GREY, np.full((2, 3, 5), 256), r"int64 images in \[0, 255\], got values from 256 to 256"),
        (GREY, np.zeros((2, 1, 3, 5), complex), "expected numbers"),
        (COLOUR, np.full((1, 3, 4, 5), 2.0), r"float64 images in \[0, 1\]"),
        (COLOUR, np.full((1, 3, 4, 5), np.nan), r"float64 images in \[0, 1\]"),
        (SCAN, np.full((1, 3, 5), 3072, np.int16), r"int16 images in \[-1024, 3071\], got values from 3072"),
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
    for absent in ("mean", "deviation"):  # one without the other restores nothing
        saved = Units((2,), mean=(0.0, 1.0), deviation=(1.0, 2.0)).to_json()
        del saved[absent]
        with pytest.raises(ValueError, match="expected units with shape, range, mean, deviation"):
            Units.from_json(saved)


@pytest.mark.parametrize("kind", [np.int64, np.uint16])
def test_floats_between_0_and_1_beside_whole_numbers_are_said(kind: type) -> None:
    units = image_units((1, 3, 5), np.dtype(kind), (0.0, 255.0), "nhw")
    with pytest.warns(UserWarning, match="images without values above 1 are taken as part of the range 0 to 255"):
        units.scale(np.random.default_rng(0).random((4, 3, 5)))


def test_no_warning_of_values_below_0_where_there_are_some(recwarn: pytest.WarningsRecorder) -> None:
    units = image_units((1, 3, 5), np.dtype(np.float32), (-5.0, 5.0), "nhw")
    units.scale(np.full((2, 3, 5), -3.0))
    assert not recwarn.list
    with pytest.warns(UserWarning, match="images without values below 0"):
        units.scale(np.full((2, 3, 5), 3.0))
