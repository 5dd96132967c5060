"""Which columns of a table are taken: picked by name, or all but some, of files and of frames alike."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from remblai import distance, drift, train
from remblai.data import load

pandas = pytest.importorskip("pandas")
SOURCES = ("csv", "parquet", "frame")


@pytest.fixture(params=SOURCES)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A column of words, two of numbers and one of row numbers, as a file or as a frame."""
    rng = np.random.default_rng(0)
    columns = {"id": np.arange(7, 67), "age": rng.normal(size=60), "city": ["rome", "bonn"] * 30}
    frame = pandas.DataFrame({**columns, "income": rng.normal(size=60)})
    if request.param == "frame":
        return frame
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(tmp_path / "people.parquet")
        return tmp_path / "people.parquet"
    frame.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


@pytest.mark.parametrize(
    ("options", "names", "classes"),
    [
        ({"exclude": ("id",)}, ("age", "city", "income"), None),
        ({"exclude": ("id", "city")}, ("age", "income"), None),
        ({"exclude": ("id",), "label": "city"}, ("age", "income"), ["bonn", "rome"]),
        ({"exclude": ("id", "city"), "label": "city"}, ("age", "income"), ["bonn", "rome"]),
        ({"columns": ("income", "id", "age"), "exclude": ("id", "city")}, ("income", "age"), None),
    ],
)
def test_columns_left_out(table: Any, options: dict[str, Any], names: tuple[str, ...], classes: Any) -> None:
    found = load(table, **options)
    assert (found.units.names, found.classes) == (names, classes)
    assert not any("rise from each row" in note for note in found.notes)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"exclude": ("idd",)}, "expected one of them to leave out, got 'idd'. Did you mean 'id'"),
        ({"exclude": ("id", "age", "city", "income")}, "every column is left out"),
        ({"columns": ("id",), "exclude": ("id",)}, "expected at least one beside those to exclude, got id"),
    ],
)
def test_refused(table: Any, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        load(table, **options)


def test_of_data_without_columns_the_option_is_named() -> None:
    with pytest.raises(ValueError, match="--exclude does not apply to data 'digits'"):
        load("digits", exclude=("id",))


def test_the_first_column_without_a_name_is_left_out_all_the_same(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"age": np.arange(30.0)[::-1], "city": ["rome", "bonn"] * 15, "day": range(30)})
    frame.to_csv(tmp_path / "indexed.csv")
    assert load(tmp_path / "indexed.csv", exclude=("day",)).units.names == ("age", "city")
    assert load(tmp_path / "indexed.csv", exclude=("day", "city")).units.names == ("age",)


def test_columns_that_number_the_rows_are_pointed_out(table: Any) -> None:
    assert any("rise from each row to the next, as row numbers and times do: id." in one for one in load(table).notes)


def test_drift_without_a_column(table: Any) -> None:
    options = {"exclude": ("id", "city")}
    assert [one.name for one in drift(table, table, data_options=options).shifts] == ["age", "income"]
    within = drift(table, table, given="city", data_options=options)
    assert [one.name for one in within.shifts] == ["age", "income"]
    assert within.given is not None
    with pytest.raises(ValueError, match="got 'idd'"):
        drift(table, table, data_options={"exclude": ("idd",)})


def test_of_two_sets_one_may_lack_what_is_left_out(table: Any) -> None:
    other = load(table, exclude=("id", "city"))
    samples = pandas.DataFrame(np.asarray(other.units.give(other.train[:])), columns=["age", "income"])
    options = {"exclude": ("id", "city")}
    assert distance(table, samples, metric="energy-distance", data_options=options, permutations=19).value < 0.1
    assert [one.name for one in drift(table, samples, data_options=options).shifts] == ["age", "income"]
    for of_both in (distance, drift):
        with pytest.raises(ValueError, match="got 'idd'"):
            of_both(table, samples, data_options={"exclude": ("id", "idd")})


def test_a_text_of_names_is_read_as_on_the_command_line(table: Any) -> None:
    assert load(table, exclude="id,city").units.names == ("age", "income")
    assert load(table, columns="income,age").units.names == ("income", "age")


def test_a_run_that_is_repeated_on_other_data_leaves_out_what_these_have(table: Any, tmp_path: Path) -> None:
    options: dict[str, Any] = {"steps": 2, "quiet": True, "latent": 1}
    train("ae", data=table, data_options={"exclude": ("id", "city")}, out=tmp_path / "first", **options)
    fewer = pandas.DataFrame({"age": np.arange(80.0), "income": np.arange(80.0) ** 2, "city": ["rome", "bonn"] * 40})
    again = train(from_run=tmp_path / "first", data=fewer, out=tmp_path / "again", quiet=True)
    assert again.run.settings["data"]["options"]["exclude"] == ["city"]
    assert again.units.names == ("age", "income")
