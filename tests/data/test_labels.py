"""The column of a table that holds each row's class."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from remblai.data import load
from remblai.data.labels import as_labels

ROWS = [(0.1 * i, ["tea", "coffee", "milk"][i % 3], 5.0 - i) for i in range(30)]


def write(path: Path, rows: list[tuple[object, ...]]) -> Path:
    path.write_text("a,drink,b\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def test_a_column_of_words_is_the_classes_and_none_of_the_others(tmp_path: Path) -> None:
    found = load(write(tmp_path / "t.csv", ROWS), label="drink")
    frame = load(pd.DataFrame(ROWS, columns=["a", "drink", "b"]), label="drink")
    for one in (found, frame):
        assert one.classes == ["coffee", "milk", "tea"]
        assert one.units.columns == ("a", "b")
        values = one.units.restore(one.train[:])
        expected = [one.classes.index(ROWS[round(10 * a)][1]) for a in values[:, 0]]
        assert one.train.labels.tolist() == expected
    pd.DataFrame(ROWS, columns=["a", "drink", "b"]).to_parquet(tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet", label="drink").fingerprint == found.fingerprint
    numbers = load(write(tmp_path / "n.csv", [(a, i % 12, b) for i, (a, _, b) in enumerate(ROWS)]), label="drink")
    assert numbers.classes == [str(number) for number in range(12)]  # as numbers are ordered, not as words
    assert load(write(tmp_path / "t.csv", ROWS), label="drink", columns=("b",)).shape == (1,)


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (ROWS, {"label": "drnk"}, "drink"),
        ([*ROWS, (1.0, "", 2.0)], {"label": "drink"}, "expected a class in each row, got 1 empty cells"),
        ([*ROWS, (1.0, "tea")], {"label": "drink"}, "line 32: 2 cells, where the first row has 3"),
        ([*ROWS, ("x", "tea", 1.0)], {"label": "drink"}, "column 'a': expected numbers, .* got 'x' in row 31"),
        (ROWS, {"label": "drink", "columns": ("drink",)}, "columns: expected at least one beside the label, got drink"),
    ],
)
def test_what_is_wrong_with_the_column_is_said(
    tmp_path: Path, rows: list[tuple[object, ...]], options: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        load(write(tmp_path / "t.csv", rows), **options)


def test_a_table_without_names_has_no_column_of_labels(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "t.csv", np.arange(12.0).reshape(4, 3), delimiter=",")
    with pytest.raises(ValueError, match="names no columns: label applies"):
        load(tmp_path / "t.csv", label="a")


@pytest.mark.parametrize(
    ("first", "second"),
    [("9007199254740992", "9007199254740993"), ("01234", "1234"), ("1" + "0" * 30, "2" + "0" * 30), ("None", "tea")],
)
def test_classes_that_are_written_apart_stay_apart(tmp_path: Path, first: str, second: str) -> None:
    found = load(
        write(tmp_path / "t.csv", [(0.1 * i, (first, second)[i % 2], 5.0 - i) for i in range(30)]), label="drink"
    )
    assert found.classes == sorted([first, second])


def test_several_classes_of_a_row_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected one class in each row, got \[0, 1\] of type list"):
        as_labels([[0, 1], [1]], "column 'label'")
