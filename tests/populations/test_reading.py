"""Tables of every kind read alike, and what cannot be compared is refused in words."""

from pathlib import Path

import numpy as np
import pandas
import polars
import pytest

from remblai.populations.entry import drift
from remblai.populations.reading import read

TEXT = """name,size,when,on,id
red,1.5,2024-01-01,True,7
NA,2,2024-01-03,False,8
blue,,,True,9
"""


def frame() -> pandas.DataFrame:
    dates = pandas.to_datetime(["2024-01-01", "2024-01-03", None])
    columns = {"name": ["red", None, "blue"], "size": [1.5, 2, None], "when": dates}
    return pandas.DataFrame(columns | {"on": [True, False, True], "id": pandas.array([7, 8, 9], "Int64")})


def test_files_and_frames_are_read_alike(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "a.csv", tmp_path / "a.parquet"
    csv.write_text(TEXT)
    frame().to_parquet(parquet)
    forms = [str(csv), parquet, frame(), polars.from_pandas(frame()), frame().astype({"name": "category"})]
    for form in forms:
        columns = read(str(csv), form).tables.columns
        assert [column.name for column in columns] == ["name", "size", "when", "on", "id"]
        name, size, when, on, number = (column.values for column in columns)
        np.testing.assert_array_equal(name, [1, np.nan, 0] * 2)
        np.testing.assert_array_equal(size, [1.5, 2, np.nan] * 2)
        np.testing.assert_array_equal(when, [19723, 19725, np.nan] * 2)
        np.testing.assert_array_equal(number, [7, 8, 9] * 2)
        np.testing.assert_array_equal(on, [1, 0, 1] * 2)
        assert columns[0].levels == ("blue", "red")
        assert columns[1].levels is None


def test_arrays_and_tables_of_numbers_are_compared() -> None:
    x = np.random.default_rng(0).normal(size=(20, 2))
    found = read(x, pandas.DataFrame(x + 1, columns=["column 1", "column 2"])).tables
    assert (found.n, found.m, len(found.columns)) == (20, 20, 2)
    assert found.columns[0].name == "column 1"


def test_arrays_of_a_higher_rank_are_compared_by_their_entries() -> None:
    found = read(IMAGES, IMAGES + 1, options={"layout": "flat"}).tables
    assert (found.n, found.m, len(found.columns)) == (len(IMAGES), len(IMAGES), IMAGES[0].size)
    values = np.stack([one.values for one in found.columns], 1)
    np.testing.assert_array_equal(values[: len(IMAGES)], IMAGES.reshape(len(IMAGES), -1))


def test_images_are_compared_by_features() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
    found = read(images, images[:4])
    assert found.features is not None
    assert found.features["name"] == "random-convolutions"
    assert found.images is not None
    assert len(found.images) == 10
    assert (found.tables.n, found.tables.m, len(found.tables.columns)) == (6, 4, 144)


def test_columns_without_a_value_are_left_out_or_stay() -> None:
    a = pandas.DataFrame({"x": [1.0, 2], "none": [None, None], "half": ["u", "v"]})
    b = pandas.DataFrame({"x": [1.0, 2], "none": [None, None], "half": [None, None]})
    found = read(a, b).tables
    assert [column.name for column in found.columns] == ["x", "half"]
    assert found.notes[0] == "column 'none' has no value in either table and is left out"
    assert "'half' has no value in" in found.notes[1]
    assert found.columns[1].gaps.tolist() == [False, False, True, True]


def test_codes_in_one_table_and_words_in_the_other_are_categories() -> None:
    found = read(pandas.DataFrame({"c": [1, 2, 2]}), pandas.DataFrame({"c": ["1", "2", "other"]})).tables
    assert found.columns[0].levels == ("1", "2", "other")
    assert "compared as categories" in found.notes[0]


IMAGES = np.zeros((4, 8, 8), np.uint8)
TABLE = pandas.DataFrame({"x": [1.0, 2, 3], "y": [1.0, 2, 3]})


@pytest.mark.parametrize(
    ("a", "b", "columns", "words"),
    [
        (TABLE, TABLE.rename(columns={"y": "z"}), None, r"alone has y; .* alone has z: .*--columns x\."),
        (TABLE, TABLE[["x"]], ("x", "y"), "expected y too"),
        (TABLE[:1], TABLE, None, "at least 2 rows in each table, got 1"),
        (IMAGES, TABLE, None, "images in data .* and a table in"),
        (IMAGES, np.zeros((4, 3)), None, "images in data .* and a table in"),
        (IMAGES, IMAGES, ("x",), "leave out --columns"),
        (IMAGES, np.zeros((4, 9, 9), np.uint8), None, "images of one shape"),
        (TABLE.assign(x=np.inf), TABLE, None, "infinity"),
        (TABLE.assign(x=1e160), TABLE, None, "column 'x': .* squares float64 holds, got values as large as 1e\\+160"),
        (TABLE * np.nan, TABLE * np.nan, None, "no column has a value"),
        (pandas.DataFrame({"x": range(30)}), pandas.DataFrame({"x": ["a"] * 30}), None, "numbers in both tables or"),
        (pandas.DataFrame({"x": [[1], [2]]}), TABLE[["x"]], None, "got lists"),
    ],
)
def test_what_cannot_be_compared_is_refused(a: object, b: object, columns: tuple[str, ...] | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(a, b, columns)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    ragged, twice = tmp_path / "ragged.csv", tmp_path / "twice.csv"
    ragged.write_text("a,b\n1,2\n3\n")
    twice.write_text("a,a\n1,2\n3,4\n")
    with pytest.raises(ValueError, match="line 3: 1 cells"):
        read(str(ragged), TABLE)
    with pytest.raises(ValueError, match="two columns of the name 'a'"):
        read(str(twice), TABLE)
    with pytest.raises(ValueError, match="expected a whole table"):
        read(f"{ragged}:test", TABLE)


def test_a_value_is_one_level_whether_it_is_a_number_a_date_or_text() -> None:
    numbers = pandas.DataFrame({"c": [1234567, 1234568, 0.1]})
    words = pandas.DataFrame({"c": ["1234567", "0.1", "other"]})
    assert read(numbers, words).tables.columns[0].levels == ("0.1", "1234567", "1234568", "other")
    days = pandas.DataFrame({"c": np.array(["2020-01-01T00", "2020-01-02T00", "2020-01-02T06"], "datetime64[s]")})
    found = read(days, pandas.DataFrame({"c": ["2020-01-01", "2020-01-02", "unknown"]}))
    assert found.tables.columns[0].levels == ("2020-01-01", "2020-01-02", "2020-01-02 06:00:00", "unknown")
    assert "is dates in one table and text in the other" in found.tables.notes[0]


def test_columns_of_arrays_are_refused_by_name() -> None:
    rows = pandas.DataFrame({"x": [np.zeros(2), np.ones(2)]})
    with pytest.raises(ValueError, match="got lists: leave it out with --columns"):
        read(rows, rows)


def test_a_file_of_code_runs_once(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from pathlib import Path\nimport numpy as np\n\n\ndef rows():\n"
        "    with (Path(__file__).parent / 'calls').open('a') as file:\n        file.write('.')\n"
        "    return np.random.default_rng(0).normal(size=(30, 2))\n"
    )
    found = drift(f"{path}:rows", np.zeros((20, 2)), permutations=19)
    assert (tmp_path / "calls").read_text() == "."
    assert found.data.tables.names[0] == f"{path}:rows"


@pytest.mark.parametrize("cells", [[1, 0], ["True", "False"], ["TRUE", "FALSE"]])
def test_truth_is_one_thing_however_it_is_written(tmp_path: Path, cells: list[object]) -> None:
    pandas.DataFrame({"f": ["true", "false"] * 20}).to_csv(tmp_path / "a.csv", index=False)
    pandas.DataFrame({"f": cells * 20}).to_csv(tmp_path / "b.csv", index=False)
    (column,) = read(tmp_path / "a.csv", tmp_path / "b.csv").tables.columns
    assert column.levels == ("False", "True")
    assert np.array_equal(column.values[:40], column.values[40:])
