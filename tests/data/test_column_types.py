"""Whole numbers, and true and false, of tables: what is drawn has the types of its columns, in files and in Python."""

import csv
from pathlib import Path

import numpy as np
import pandas
import pytest
from tests.small import train

from remblai import data
from remblai.cli.main import main
from remblai.data import Units
from remblai.data.column_types import rounded, typed, types_of
from remblai.data.field import Field


def table(n: int = 60) -> pandas.DataFrame:
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        {
            "age": rng.integers(18, 85, n),
            "spent": rng.lognormal(3, 1, n).round(2),
            "orders": rng.poisson(2, n),
            "news": rng.random(n) < 0.3,
        }
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_of_tables_have_types_by_column(tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"t.{kind}"
    table().to_csv(path, index=False) if kind == "csv" else table().to_parquet(path)
    units = data.load(str(path)).units
    whole = "uint64" if kind == "csv" else "int64"  # text has no type: no count is below 0
    assert units.types == (whole, "float64", whole, "bool")
    assert Units.from_json(units.to_json()) == units
    assert data.load(str(path), columns=("spent", "news")).units.types == ("float64", "bool")
    assert data.load(str(path), columns=("spent",)).units.types is None


@pytest.mark.parametrize("source", ["csv", "frame"])
def test_what_is_drawn_has_the_types_of_the_data(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("write_report", "measure"):
        monkeypatch.setattr(f"remblai.runs.train.{name}", lambda *_: None)
    path = tmp_path / "t.csv"
    table().to_csv(path, index=False)
    run = train(tmp_path / "run", data=str(path) if source == "csv" else table(), steps=3)
    drawn = np.asarray(run.sample(30), dtype=float)
    assert (drawn[:, [0, 2]] == np.rint(drawn[:, [0, 2]])).all()
    assert set(drawn[:, 3]) <= {0.0, 1.0}
    assert (drawn[:, 1] != np.rint(drawn[:, 1])).any()
    for name in ("s.csv", "s.npz"):
        with pytest.raises(SystemExit):
            main(["sample", str(run.folder), "-n", "30", "--out", str(tmp_path / name)])
    rows = list(csv.DictReader((tmp_path / "s.csv").open(newline="")))
    assert all(row["age"].lstrip("-").isdecimal() and row["news"] in ("True", "False") for row in rows)
    assert [float(row["spent"]) for row in rows] == drawn[:, 1].tolist()
    np.testing.assert_array_equal(np.load(tmp_path / "s.npz")["values"].astype(float), drawn)
    if source == "csv":
        assert drawn[:, [0, 2]].min() >= 0
        assert data.load(str(tmp_path / "s.csv")).units.types == ("uint64", "float64", "uint64", "bool")


def test_an_array_that_is_reconstructed_is_not_rounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("write_report", "measure"):
        monkeypatch.setattr(f"remblai.runs.train.{name}", lambda *_: None)
    path = tmp_path / "t.csv"
    table().to_csv(path, index=False)
    run = train(tmp_path / "run", data=str(path), steps=3)
    again = run.reconstruct(table().to_numpy(float))
    assert (again != np.rint(again)).any(0).all()


def test_types_by_value() -> None:
    assert types_of(np.array([[-1.0, 0.5], [2.0, 1.0]])) == ("int64", "float64")
    cells = np.array(["1", "2"], object), np.array(["false", "true"], object)
    assert tuple(Field.of("", one).kind for one in cells) == ("uint64", "bool")
    assert types_of(np.array([[1e300, 0.5]])) is None
    values, kinds = np.array([[1.6, 0.7], [2.2, 0.2]]), [np.dtype("int64"), np.dtype("bool")]
    assert [column.tolist() for column in typed(values, kinds)] == [[2, 2], [True, False]]
    np.testing.assert_array_equal(rounded(values, kinds), [[2.0, 1.0], [2.0, 0.0]])
    assert rounded(values, None) is values


def test_units_with_types_of_no_numbers_are_refused() -> None:
    saved = Units((1,), mean=(0.0,), deviation=(1.0,), types=("int64",)).to_json() | {"types": ["object"]}
    with pytest.raises(ValueError, match="expected the name of a type of numbers"):
        Units.from_json(saved)
