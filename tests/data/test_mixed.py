"""Tables with words, dates and gaps: to columns of numbers and back, from every source."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest
import torch

from remblai.data import Dataset, Units, load
from remblai.data.field import Field
from remblai.data.frames import frame_of_cells
from remblai.data.mixed import Mixed
from remblai.data.mixed_tables import mixed_table
from remblai.data.raw import raw_table
from remblai.runs.conforming import conform, on_joint_columns

CITIES = ("Oslo", "Paris", "Rome")
ROWS = [
    (
        None if i % 7 == 3 else 20 + i % 30,
        0.5 * i,
        CITIES[i * i % 3],
        bool(i % 2),
        f"2020-01-{1 + i % 28:02}",
        (None, "no", "yes")[i % 3],
    )
    for i in range(60)
]
NAMES = ("age", "income", "city", "member", "since", "smoker")
COLUMNS = (
    "age",
    "age is empty",
    "income",
    *(f"city = {one}" for one in sorted({row[2] for row in ROWS})),
    "member",
    "since",
)
COLUMNS += ("smoker = no", "smoker = yes", "smoker is empty")


def text(rows: Any = ROWS, names: Any = NAMES) -> str:
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    return "\n".join([",".join(names), *lines]) + "\n"


def sources(folder: Path) -> dict[str, Any]:
    (folder / "t.csv").write_text(text())
    frame = pandas.DataFrame(ROWS, columns=list(NAMES))
    frame["since"] = pandas.to_datetime(frame["since"])
    frame.to_parquet(folder / "t.parquet")
    other = polars.DataFrame(ROWS, schema=list(NAMES), orient="row").with_columns(polars.col("since").str.to_date())
    return {"csv": folder / "t.csv", "parquet": folder / "t.parquet", "pandas": frame, "polars": other}


def rows_of(data: Dataset) -> torch.Tensor:
    splits = [data.train, data.validation, data.test]
    order = torch.cat([one.index for one in splits]).argsort()
    return torch.cat([one[:] for one in splits])[order]


@pytest.mark.parametrize("kind", ["csv", "parquet", "pandas", "polars"])
def test_every_source_is_read_alike_and_comes_back(tmp_path: Path, kind: str) -> None:
    source = sources(tmp_path)[kind]
    data = load(source)
    assert data.units.columns == COLUMNS and data.units.names == NAMES
    x = rows_of(data)
    assert torch.allclose(x, rows_of(load(sources(tmp_path)["csv"])))
    back = data.units.give(x)
    assert type(back).__module__.partition(".")[0] == ("polars" if kind == "polars" else "pandas")
    back.write_csv(tmp_path / "again.csv") if kind == "polars" else back.to_csv(tmp_path / "again.csv", index=False)
    first, second = (raw_table(tmp_path / name, None) for name in ("t.csv", "again.csv"))
    for name in NAMES:
        if first[name].dtype.kind == "f":
            np.testing.assert_allclose(second[name], first[name], atol=1e-5)
        else:
            assert [str(one).lower() for one in first[name]] == [str(one).lower() for one in second[name]], name


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_keep_their_types_and_the_order_of_what_is_passed(tmp_path: Path, kind: str) -> None:
    frame = sources(tmp_path)[kind]
    units = load(frame).units
    turned = frame[list(reversed(NAMES))]
    back = units.give(units.scale(turned), turned)
    assert list(back.columns) == list(reversed(NAMES))
    assert list(map(str, back.dtypes)) == list(map(str, turned.dtypes))


def test_two_words_are_as_far_apart_on_average_as_two_numbers() -> None:
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {"x": rng.normal(size=4000), "w": rng.choice(["a", "b", "c", "d"], 4000, p=[0.6, 0.3, 0.08, 0.02])}
    )
    data = load(frame)
    x = rows_of(data)[:, :5].double()
    apart = (x[: len(x) // 2] - x[len(x) // 2 :]).square().mean(0)
    assert float(apart[0]) == pytest.approx(2.0, rel=0.1)
    assert float(apart[1:].sum()) == pytest.approx(2.0, rel=0.1)


def test_what_a_model_makes_becomes_one_word_and_whole_numbers(tmp_path: Path) -> None:
    units = load(sources(tmp_path)["csv"]).units
    x = torch.randn(50, len(COLUMNS), generator=torch.Generator().manual_seed(0))
    given = units.given(x)
    assert torch.allclose(units.given(given), given, atol=1e-5)
    values = units.restore(given)
    assert units.mixed is not None
    for name in ("city", "smoker"):
        places = [place for place, owner in enumerate(units.mixed.owners) if owner == name]
        assert np.allclose(values[:, places].sum(1), 1) and np.allclose(values[:, places].max(1), 1)
        soft = units.restore(x)[:, places]
        assert (soft.argmax(1) == values[:, places].argmax(1)).all()
    cells = units.mixed.cells(units.restore(x))
    assert set(cells["age"].tolist()) >= {None} and all(one is None or isinstance(one, int) for one in cells["age"])


def test_units_are_saved_and_read() -> None:
    units = load(pandas.DataFrame({"w": ["a", "b", None] * 5, "n": range(15)})).units
    assert Units.from_json(json.loads(json.dumps(units.to_json()))) == units
    for wrong in (3, [{"name": "a"}], [{"name": "a", "kind": "S3", "words": [], "gaps": False, "typical": 0}]):
        with pytest.raises(ValueError, match="expected a"):
            Units.from_json({**units.to_json(), "mixed": wrong})


def test_new_data_are_read_as_those_of_the_run(tmp_path: Path) -> None:
    data = load(sources(tmp_path)["csv"])
    rows = [tuple(reversed(row)) for row in ROWS[:20]]
    (tmp_path / "new.csv").write_text(text(rows, tuple(reversed(NAMES))))
    assert torch.allclose(rows_of(conform(load(tmp_path / "new.csv"), data.units)), rows_of(data)[:20])
    unknown = [(*row[:2], "Atlantis", *row[3:]) for row in ROWS[:20]]
    (tmp_path / "new.csv").write_text(text(unknown))
    with pytest.warns(UserWarning, match="'city': 20 cells hold what the data of the run do not, as 'Atlantis'"):
        found = conform(load(tmp_path / "new.csv"), data.units)
    places = [COLUMNS.index(name) for name in COLUMNS if name.startswith("city")]
    assert np.allclose(data.units.restore(rows_of(found))[:, places], 0, atol=1e-5)


@pytest.mark.parametrize(
    ("column", "cells", "words"),
    [
        ("income", [None, 1.0] * 10, "column 'income': expected none empty, .* got 10 empty cells"),
        ("income", ["low", "high"] * 10, "column 'income': expected numbers, got '(low|high)'"),
        ("incomes", [1.0, 2.0] * 10, "expected income too. Did you mean 'incomes'"),
    ],
)
def test_new_data_that_do_not_fit(tmp_path: Path, column: str, cells: list[Any], words: str) -> None:
    data = load(sources(tmp_path)["csv"])
    frame = pandas.DataFrame(ROWS[:20], columns=list(NAMES)).drop(columns="income").assign(**{column: cells})
    with pytest.raises(ValueError, match=words):
        conform(load(frame), data.units)


def test_a_run_of_numbers_takes_no_words_or_gaps() -> None:
    units = load(pandas.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0) ** 2})).units
    extra = pandas.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0) ** 2, "w": ["x", "y", "z"] * 3})
    assert conform(load(extra), units).shape == (2,)
    with pytest.raises(ValueError, match="column 'b': expected none empty"):
        conform(load(extra.assign(b=[None, *range(8)])), units)
    with pytest.raises(ValueError, match="a table with words, dates or gaps"):
        conform(load(extra), load("digits").units)


def test_two_tables_are_compared_on_the_words_of_both() -> None:
    first = load(pandas.DataFrame({"w": ["a", "b"] * 10, "n": np.arange(20.0)}))
    second = load(pandas.DataFrame({"n": np.arange(10.0), "w": ["b", "c"] * 5}))
    one, two = on_joint_columns(first, second)
    assert one.units == two.units and one.units.columns == ("w = a", "w = b", "w = c", "n")
    for data, words in ((one, {"a", "b"}), (two, {"b", "c"})):
        found = data.units.give(rows_of(data))
        assert set(found["w"]) == words
        np.testing.assert_allclose(found["n"], np.arange(float(len(found))), atol=1e-5)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"name {i}" for i in range(60)], "expected at most 30 different words, .* got 60 in 60 rows"),
        ([str(i) for i in range(59)] + ["unknown"], "expected numbers, as most cells hold, got 'unknown' in row 60"),
        (["1,5", "2.5"] * 30, "expected a decimal point, as in 1.5, got the comma in '1,5'"),
    ],
)
def test_columns_that_cannot_be_learned(cells: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=rf"column 'w': {words}.*The others can be read: --columns n\."):
        Mixed.of({"n": np.arange(60.0), "w": np.array(cells, object)}, "t", 2)


def test_kinds_of_columns() -> None:
    days = np.array(["2020-01-01", "2020-01-02"] * 3, "datetime64[us]")
    fields = {
        "uint64": np.array([1.0, 2.0, np.nan]),
        "int64": np.array([-1.0, 2.0]),
        "float64": np.array([0.5, 2.0]),
        "bool": np.array(["True", "false"], object),
        "days": days,
        "times": days + np.timedelta64(3, "h"),
        "words": np.array(["True", "maybe"], object),
    }
    for kind, cells in fields.items():
        field = Field.of("x", cells)
        assert (field.kind, field.gaps) == (kind, kind == "uint64")
        back = field.cells(field.numbers(cells))
        assert [str(one).lower() for one in back] == [
            str(int(one) if kind.endswith("int64") and not np.isnan(one) else one).lower().replace("nan", "none")
            for one in cells
        ]


@pytest.mark.parametrize(
    ("write", "kind", "value"),
    [
        (lambda i: f"{i},{i % 10}{i % 7}", "float64", 5.55),
        (lambda i: f"€ {1000 + i:,}", "uint64", 1005),
        (lambda i: f"{i} kg", "uint64", 5),
        (lambda i: f"{1 + i % 28:02}.03.2024", "days", "2024-03-06"),
    ],
)
def test_text_of_numbers_and_dates_is_read_as_such(tmp_path: Path, write: Any, kind: str, value: Any) -> None:
    """As drift reads them, and not the other way: a comma between thousands is no decimal point."""
    (tmp_path / "t.csv").write_text("a;b\n" + "".join(f"{write(i)};{i}\n" for i in range(60)))
    data = load(tmp_path / "t.csv")
    assert any(note.startswith("column 'a' is text that is read as") for note in data.notes)
    back = data.units.restore(rows_of(data))[5, 0]
    assert (str(np.datetime64(round(back), "D")) if kind == "days" else pytest.approx(back, rel=1e-5)) == value


def at(folder: Path, name: str, column: list[Any], beside: list[Any] | None = None) -> Path:
    """A file of a column `w` beside one of words."""
    path = folder / f"{name}.csv"
    beside = beside or ["a", "b"] * len(column)
    rows = [(f'"{cell}"', other) for cell, other in zip(column, beside, strict=False)]
    path.write_text(text(rows, ("w", "k")))
    return path


@pytest.mark.parametrize(
    ("trained", "new", "expected"),
    [
        ([f"{i},{i}0" for i in range(1, 10)] * 5, ["1,250", "2,125", "3,375"], [1.25, 2.125, 3.375]),
        ([f"{i},{i}0" for i in range(1, 10)] * 5, ["1,25"], [1.25]),
        ([f"{i % 28 + 1}/{i % 12 + 1}/2023" for i in range(60)], ["2/3/2023"], [19418.0]),
        (["1", "01", "x"] * 20, ["01", "01"], ["01", "01"]),
        (["5 kg", "6 kg", "many"] * 20, ["5 kg"], ["5 kg"]),
        ([1, "", 2] * 20, [""], [None]),
    ],
)
def test_new_cells_are_read_as_those_of_the_run_are_written(
    tmp_path: Path, trained: list[Any], new: list[Any], expected: list[Any]
) -> None:
    """However few there are, and whatever they look like alone."""
    units = load(at(tmp_path, "old", trained)).units
    assert units.mixed is not None
    found = mixed_table(
        "new", "new", raw_table(at(tmp_path, "new", new), None, text=True), units.names, fields=units.mixed
    )
    cells = units.mixed.cells(units.restore(rows_of(conform(found, units))))["w"]
    if cells.dtype.kind == "M":
        cells = cells.astype("datetime64[D]").astype(float)
    assert [
        one if one is None or isinstance(one, str) else pytest.approx(float(one), rel=1e-5) for one in cells
    ] == expected


def test_new_text_changes_how_no_other_is_read(tmp_path: Path) -> None:
    field = Field.of("price", np.array(["1.234 €", "5.678 €", "9.012 €"] * 9, object))
    assert field.numbers(np.array(["2.345 €"], object))[0, 0] == 2345.0
    with pytest.raises(ValueError, match=r"got '1\.5 €'"):
        field.numbers(np.array(["2.345 €", "1.5 €"], object))
    field = Field.of("price", np.array(["1,5 €", "2,5 €", "7,25 €"] * 9, object))
    with pytest.raises(ValueError, match="got 'oops'"):
        field.numbers(np.array(["1,5 €", "2,5 €", "oops"], object))


def test_a_frame_without_gaps_comes_back_with_those_that_a_model_makes() -> None:
    frame = pandas.DataFrame({"x": [1, 2, 3], "u": np.array([1, 2, 3], np.uint8), "t": [True, False, True]})
    cells = {name: np.array([*frame[name].tolist()[:2], None], object) for name in frame}
    found = frame_of_cells(frame, cells)
    assert found.dtypes.map(str).tolist() == ["Int64", "UInt8", "boolean"]
    assert found.isna().sum().tolist() == [1, 1, 1]


def test_the_frame_of_a_run_is_read_again() -> None:
    days = [f"{1 + i % 28}.{1 + i % 12}.2023" for i in range(60)]
    frame = pandas.DataFrame({"d": days, "p": [f"{i},5{i % 10} €" for i in range(60)], "w": ["a", "b"] * 30})
    data = load(frame)
    assert torch.allclose(data.units.scale(frame), rows_of(data), atol=1e-5)
    assert len(data.units.scale(frame[:1])) == 1


@pytest.mark.parametrize(
    ("column", "cells", "words"),
    [
        ("since", [5.0] * 3, "'since': expected dates, got '5.0'"),
        ("income", pandas.to_datetime(["2020-01-01"] * 3), "'income': expected numbers, got '2020-01-01"),
        ("member", [37.0, 1.0, 0.0], "'member': expected true or false, got '37'"),
        ("city", [None, "Oslo", "Rome"], "'city': expected none empty"),
    ],
)
def test_cells_of_another_kind_are_refused(tmp_path: Path, column: str, cells: Any, words: str) -> None:
    units = load(sources(tmp_path)["pandas"]).units
    frame = sources(tmp_path)["pandas"][:3].assign(**{column: cells})
    with pytest.raises(ValueError, match=words):
        units.scale(frame)


def test_zones_categories_and_truth_with_gaps_come_back() -> None:
    frame = pandas.DataFrame(
        {
            "z": pandas.date_range("2020-01-01", periods=60, freq="D", tz="Europe/Rome"),
            "c": pandas.Categorical(np.arange(60) % 4),
            "t": [None, True, False] * 20,
        }
    )
    data = load(frame)
    back = data.units.give(rows_of(data))
    assert back["z"].dtype == frame["z"].dtype and (back["z"] == frame["z"]).all()
    assert set(back["c"].astype(str)) == {"0", "1", "2", "3"}
    assert back["t"].tolist() == frame["t"].tolist()


def test_true_and_false_beside_the_same_with_gaps() -> None:
    rng = np.random.default_rng(0)
    flags = rng.random(60) < 0.5
    first = load(pandas.DataFrame({"b": flags, "n": rng.normal(size=60)}))
    gappy = pandas.DataFrame({"b": [None, *flags[1:]], "n": rng.normal(size=60)})
    one, two = on_joint_columns(first, load(gappy))
    assert one.units.columns == two.units.columns == ("b", "b is empty", "n")


def test_words_are_in_the_fingerprint_and_made_names_are_different() -> None:
    prints = [load(pandas.DataFrame({"w": list(words) * 20, "n": range(40)})).fingerprint for words in ("ab", "cd")]
    assert prints[0] != prints[1]
    with pytest.raises(ValueError, match=r"expected names that differ .* got 'a is empty' twice: rename that column"):
        load(pandas.DataFrame({"a": [1.0, None] * 20, "a is empty": range(40)}))


@pytest.mark.parametrize("beside", ["number", "word"])
def test_numbers_with_leading_zeros_are_said_to_lose_them(tmp_path: Path, beside: str) -> None:
    cells = range(80) if beside == "number" else ["a", "b"] * 40
    (tmp_path / "t.csv").write_text("zip,a\n" + "".join(f"{i % 7:05},{a}\n" for i, a in enumerate(cells)))
    data = load(tmp_path / "t.csv")
    assert any("lose their leading zeros: zip. Where they are codes" in note for note in data.notes)
    (tmp_path / "t.csv").write_text("zip,a\n" + "".join(f"{i % 7},{a}\n" for i, a in enumerate(cells)))
    assert not any("leading zeros" in note for note in load(tmp_path / "t.csv").notes)


def test_a_table_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + ",\n" * 50)
    with pytest.raises(ValueError, match="no rows, no columns or no values"):
        load(tmp_path / "t.csv")


def test_categories_of_numbers_stay_categories_beside_numbers_alone() -> None:
    frame = pandas.DataFrame({"v": range(60), "c": pandas.Categorical([2010 + i % 3 for i in range(60)])})
    data = load(frame)
    assert data.units.columns == ("v", "c = 2010", "c = 2011", "c = 2012")
    assert set(data.units.give(data.train[:])["c"]) == {2010, 2011, 2012}


def test_the_time_zone_of_a_polars_frame_comes_back() -> None:
    times = pandas.date_range("2024-01-01", periods=60, freq="7h").tz_localize("Europe/Paris")
    frame = polars.DataFrame({"v": range(60), "t": times})
    data = load(frame)
    rows = data.units.give(data.train[data.train.index.argsort()])
    expected = frame["t"].gather(data.train.index.sort().values.tolist())
    assert rows["t"].dtype == frame["t"].dtype
    assert (rows["t"] - expected).dt.total_seconds().abs().max() < 60
