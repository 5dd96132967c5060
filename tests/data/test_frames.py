"""Data frames of pandas and polars: as data, and as what comes back."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest
import torch

import remblai
from remblai.data import Units, load
from remblai.data.frames import FrameForm, frame_array, numpy_type

RNG = np.random.default_rng(0)
COLUMNS = {
    "age": RNG.integers(18, 80, 60),
    "height": RNG.normal(size=60).astype(np.float32),
    "member": RNG.random(60) > 0.5,
}
PANDAS = pandas.DataFrame(COLUMNS, index=np.arange(60) * 2).assign(visits=pandas.array([1, 2, 3] * 20, dtype="Int64"))
POLARS = polars.DataFrame(COLUMNS).with_columns(visits=polars.Series([1, 2, 3] * 20, dtype=polars.UInt8))
NUMBERS = PANDAS.to_numpy(dtype=float)


@pytest.mark.parametrize("frame", [PANDAS, POLARS], ids=["pandas", "polars"])
def test_rows_come_back_as_the_frame(frame: Any) -> None:
    data = load(frame)
    assert data.units.columns == ("age", "height", "member", "visits")
    again = Units.from_json(data.units.to_json())
    assert again == data.units
    rows = torch.cat([data.split(name)[:] for name in ("train", "validation", "test")])
    index = torch.cat([data.split(name).index for name in ("train", "validation", "test")])
    for units in (data.units, again):
        back = units.give(rows[index.argsort()])
        assert type(back) is type(frame)
        assert list(back.columns) == list(frame.columns)
        assert list(back.dtypes) == list(frame.dtypes)
        assert np.allclose(frame_array(back), NUMBERS, atol=1e-5)


def test_what_is_passed_decides_what_comes_back() -> None:
    units = load(PANDAS).units
    x = units.scale(PANDAS)
    turned = PANDAS[["visits", "member", "height", "age"]]
    assert units.give(x, turned).round(4).equals(turned.round(4))
    other = POLARS.select("member", "age", "visits", "height")
    assert units.give(x, other).schema == other.schema
    assert np.array_equal(units.give(x, other)["age"].to_numpy(), COLUMNS["age"])
    values = units.give(x, NUMBERS)
    assert type(values) is np.ndarray
    assert np.allclose(values, NUMBERS, atol=1e-5)
    of_arrays = load(NUMBERS).units
    assert of_arrays.give(of_arrays.scale(PANDAS), PANDAS).dtypes.tolist() == PANDAS.dtypes.tolist()


def test_names_that_are_numbers_stay_numbers() -> None:
    frame = pandas.DataFrame(RNG.normal(size=(20, 2)))
    units = load(frame).units
    assert units.give(torch.zeros(2, 2)).columns.tolist() == [0, 1]
    assert Units.from_json(units.to_json()).give(torch.zeros(2, 2))[1].shape == (2,)


def test_columns_are_chosen_by_name() -> None:
    data = load(POLARS, columns=("visits", "age"))
    back = data.units.give(data.train[:])
    assert back.columns == ["visits", "age"]
    assert back.dtypes == [polars.UInt8, polars.Int64]


def test_two_columns_of_one_name() -> None:
    with pytest.raises(ValueError, match="two columns of one name, among a: rename one"):
        load(pandas.DataFrame(NUMBERS[:, :2], columns=["a", "a"]))


def test_names_with_escape_sequences_are_one_name_everywhere() -> None:
    frame = pandas.DataFrame(NUMBERS[:, :2], columns=["a\x1b[31m", "b"])
    units = load(frame).units
    assert units.columns == (r"a\x1b[31m", "b")
    assert np.allclose(units.give(units.scale(frame), frame), frame, atol=1e-5)


def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    units = load(POLARS).units
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ValueError, match="a frame of polars, which is not installed: pip install polars"):
        units.give(torch.zeros(1, 4))


@pytest.mark.parametrize(
    "saved",
    [7, {}, {"library": "os", "labels": [], "types": []}, {"library": "pandas", "labels": "ab", "types": ["int64"]}],
)
def test_a_form_that_is_none(saved: Any) -> None:
    with pytest.raises(ValueError, match="expected a data frame's library, labels and types"):
        FrameForm.from_json(saved)


@pytest.mark.parametrize("name", ["object", "str", "category", "datetime64[ns]", "Utf8", "system"])
def test_types_that_are_no_numbers(name: str) -> None:
    with pytest.raises(ValueError, match="expected the name of a type of numbers"):
        numpy_type(name)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("frame", [PANDAS, POLARS], ids=["pandas", "polars"])
def test_a_model_gives_frames(frame: Any, tmp_path: Path) -> None:
    remblai.train("vae", data=frame, out=tmp_path / "run", steps=3, evaluate_every=0, quiet=True)
    run = remblai.load(tmp_path / "run")
    for back in (run.sample(3), run.reconstruct(frame[:3]), run.decode(run.encode(frame[:3]))):
        assert type(back) is type(frame)
        assert list(back.dtypes) == list(frame.dtypes)
        assert len(back) == 3
    assert len(run.interpolate(frame[:1], frame[1:2], steps=5)) == 5
    assert type(run.reconstruct(NUMBERS[:3])) is np.ndarray
    if frame is PANDAS:
        assert run.reconstruct(frame[:3]).index.tolist() == [0, 2, 4]
        assert run.interpolate(frame.iloc[0], frame.iloc[1], steps=2).dtypes.tolist() == frame.dtypes.tolist()
    with pytest.raises(ValueError, match="expected one row of a data frame, got 2"):
        run.interpolate(frame[:2], frame[:1])


def test_categories_come_back_with_all_their_values_and_their_order(tmp_path: Path) -> None:
    sizes = pandas.Categorical(["lo", "mid"] * 40, categories=["lo", "mid", "hi"], ordered=True)
    numbers = pandas.Categorical([3, 1, 2, 1] * 20, categories=[3, 1, 2])
    frame = pandas.DataFrame({"size": sizes, "number": numbers, "x": np.arange(80.0)})
    units = Units.from_json(json.loads(json.dumps(load(frame).units.to_json())))
    again = units.give(load(frame).train[:])
    assert (again.dtypes == frame.dtypes).all()
    kept = frame.iloc[load(frame).train.index.numpy()].reset_index(drop=True)
    assert (again["size"] == kept["size"]).all() and (again["number"] == kept["number"]).all()
    levels = polars.Enum(["u", "v", "w"])
    other = polars.DataFrame({"of": polars.Series(["u", "v"] * 40, dtype=levels), "x": np.arange(80.0)})
    assert load(other).units.give(load(other).train[:]).schema == other.schema


@pytest.mark.parametrize("library", [pandas, polars])
def test_dates_as_text_come_back_as_text(library: Any) -> None:
    frame = library.DataFrame({"day": ["2020-01-14", "2021-02-03"] * 20, "x": np.arange(40.0)})
    again = load(frame).units.give(load(frame).train[:])
    assert again["day"].dtype == frame["day"].dtype
    assert set(again["day"]) == {"2020-01-14", "2021-02-03"}


def test_a_frame_with_fewer_categories_gets_those_of_its_rows_too() -> None:
    frame = pandas.DataFrame({"k": pandas.Categorical(["x", "y", "z"] * 30), "v": np.arange(90.0)})
    units, rows = load(frame).units, load(frame).train[:]
    fewer = frame[frame.k != "z"].assign(k=lambda some: some.k.cat.remove_unused_categories())
    again = units.give(rows, fewer)
    assert not again["k"].isna().any() and set(again["k"]) == {"x", "y", "z"}
