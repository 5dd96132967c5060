"""Tables: with a head or without, in the data's units, refused by line and column."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from remblai.data import Dataset, load, rows, tables

VALUES = np.round(np.random.default_rng(0).normal([3, 1e6, -2], [1, 1e3, 0.1], (50, 3)), 4)


def text(head: str = "", mark: str = ",") -> str:
    return head + "\n".join(mark.join(repr(float(cell)) for cell in row) for row in VALUES) + "\n"


def written(path: Path, content: str) -> Path:
    (path / "t.csv").write_text(content)
    return path / "t.csv"


def same_values(data: Dataset) -> bool:
    splits = (data.train, data.validation, data.test)
    order = torch.cat([split.index for split in splits]).argsort()
    back = data.units.restore(torch.cat([split[:] for split in splits])[order])
    return np.allclose(back, VALUES, rtol=1e-6, atol=1e-2)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("head", ["", "a,b,c\n", '\n"a","b","c"\n', "\ufeffa,b,c\n"])
def test_csv(tmp_path: Path, head: str, mark: str) -> None:
    data = load(written(tmp_path, text(head.replace(",", mark), mark)))
    assert same_values(data)
    assert data.units.columns == (("a", "b", "c") if head else None)
    assert torch.allclose(data.train[:].mean(0), torch.zeros(3), atol=1e-4)
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 5, 5)


def test_csv_of_one_column_and_windows_lines(tmp_path: Path) -> None:
    assert load(written(tmp_path, "1\n2\n3\n4\n")).shape == (1,)
    (tmp_path / "w.csv").write_bytes(b"a,b\r\n1,2\r\n3,4\r\n\r\n5,6\r\n")
    assert load(tmp_path / "w.csv").shape == (2,)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a,b\n1,2\n3\n", "line 3: 1 cells, where the first row has 2"),
        ("1,2\n3,4,5\n", "line 2: 3 cells, where the first row has 2"),
        ("a,b,c\n1,2\n3,4\n", "line 2: 2 cells, where the first row has 3|names 3 columns"),
        ("1,2\n3,inf\n", r"t\.csv, column 'column 2': expected numbers, got 'inf'"),
        ("a,b\n", "holds one line of text, 'a,b': expected rows of numbers below"),
        ("", "is empty"),
        ("\n\n", "is empty"),
    ],
)
def test_csv_refused(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load(written(tmp_path, content))


def test_constant_column(tmp_path: Path) -> None:
    data = load(written(tmp_path, "a,b\n" + "".join(f"{i},7.3\n" for i in range(30))))
    assert (data.train[:][:, 1] == 0).all()
    assert (data.units.restore(torch.randn(9, 2))[:, 1] == 7.3).all()


def test_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame(VALUES, columns=["a", "b", "c"])
    frame.to_parquet(tmp_path / "t.parquet")
    data = load(tmp_path / "t.parquet")
    assert same_values(data)
    assert data.units.columns == ("a", "b", "c")
    mixed = pd.DataFrame({"i": np.arange(9), "f": np.linspace(0, 1, 9, dtype=np.float32), "b": [True, False, True] * 3})
    mixed.to_parquet(tmp_path / "m.parquet")
    assert load(tmp_path / "m.parquet").shape == (3,)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pd.DataFrame({"a": [1.0, np.inf]}), "column 'a', row 2: expected finite numbers or gaps, got infinity"),
        (pd.DataFrame({"a": [1.0, 2.0], "b": [[1], [2, 3]]}), "column 'b': .*got lists"),
        (pd.DataFrame({"a": np.zeros(0)}), "no rows"),
    ],
)
def test_parquet_refused(tmp_path: Path, frame: pd.DataFrame, told: str) -> None:
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=told):
        load(tmp_path / "t.parquet")


def test_parquet_damaged_or_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match="cannot be read"):
        load(tmp_path / "t.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"pip install 'remblai\[tables\]'"):
        load(tmp_path / "t.parquet")


@pytest.mark.parametrize(("name", "mark"), [("t.csv.gz", ","), ("T.CSV.GZ", ";"), ("t.tsv.gz", "\t")])
def test_gzipped(tmp_path: Path, name: str, mark: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(text("a,b,c\n".replace(",", mark), mark).encode()))
    data = load(tmp_path / name)
    assert same_values(data)
    assert (data.units.columns, data.name.lower()) == (("a", "b", "c"), "t" if name == name.lower() else "t.csv")
    assert data.fingerprint == load(written(tmp_path, text("a,b,c\n"))).fingerprint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(text().encode(), mtime=0)[:90], "is damaged or cut short"),
        (gzip.compress(text().encode(), mtime=0)[:-8] + bytes(8), "is damaged or cut short: CRC check failed"),
        (text().encode(), "is damaged or cut short: Not a gzipped file"),
        (gzip.compress(b"a,b\n1,2\n1\n", mtime=0), "line 3: 1 cells, where the first row has 2"),
        (b"", "is empty: expected rows of numbers"),
    ],
    ids=["cut", "checksum", "plain text", "ragged", "empty"],
)
def test_damaged_gz(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "t.csv.gz").write_bytes(content)
    with pytest.raises(ValueError, match=rf"t\.csv\.gz.*{words}"):
        load(tmp_path / "t.csv.gz")


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
def test_more_numbers_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pd.DataFrame(VALUES, columns=["a", "b", "c"]).to_parquet(tmp_path / "t.parquet")
    if "csv" in name:
        content = text().encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    monkeypatch.setattr(tables, "SMALL", 100)
    monkeypatch.setattr(rows, "available", lambda: 16 * VALUES.size)
    assert same_values(load(tmp_path / name))
    monkeypatch.setattr(rows, "available", lambda: 16 * VALUES.size - 1)
    with pytest.raises(ValueError, match=rf"{name} holds .* more than the .* of memory that are free"):
        load(tmp_path / name)


def test_only_chosen_columns_are_read(tmp_path: Path) -> None:
    """A column that is not chosen may hold anything."""
    lines = "".join(f"{i},north{i if i % 2 else ''},{2 * i},{i % 3}\n" for i in range(50))
    path = written(tmp_path, "a,region,b,class\n" + lines)
    with pytest.raises(ValueError, match=r"column 'region': expected at most 25 .* others can be read: --columns a,b"):
        load(path)
    with pytest.raises(ValueError, match=r"expected regoin too. Did you mean 'region'\?"):
        load(path, columns=("a", "regoin"))
    data = load(path, columns=("b", "a"), label="class")
    order = torch.cat([split.index for split in (data.train, data.validation, data.test)]).argsort()
    back = data.units.restore(torch.cat([split[:] for split in (data.train, data.validation, data.test)])[order])
    assert data.units.columns == ("b", "a")
    assert np.allclose(back, [(2 * i, i) for i in range(50)], atol=1e-5)
    with pytest.raises(ValueError, match="line 52: 5 cells, where the first row has 4"):
        load(written(tmp_path, "a,region,b,class\n" + lines + "1,2,3,4,5\n"), columns=("b", "a"))


@pytest.mark.parametrize("head", ["2019,2020,2021", "1,2,3", '"5","6","7"', "0,1,2"])
def test_a_line_of_numbers_that_counts_the_columns_is_their_names(tmp_path: Path, head: str) -> None:
    data = load(written(tmp_path, head + "\n" + "".join(f"{i}.5,{2 * i}.25,-{i}.5\n" for i in range(20))))
    assert sum(len(split) for split in (data.train, data.validation, data.test)) == 20
    assert data.units.columns == tuple(head.replace('"', "").split(","))
    assert any("is read as the names of the columns" in note for note in data.notes)


@pytest.mark.parametrize("first", ["1,2,4", "1,2,3.5", "0.0,1.0,2.0", "3,2,1"])
def test_other_numbers_are_a_row(tmp_path: Path, first: str) -> None:
    width = first.count(",") + 1
    rows = "".join(",".join(f"{i}.{place + 1}" for place in range(width)) + "\n" for i in range(20))
    data = load(written(tmp_path, first + "\n" + rows))
    assert sum(len(split) for split in (data.train, data.validation, data.test)) == 21


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, text("x,x,y\n"))
    with pytest.raises(ValueError, match=r"the column 'x' of .* is there or asked for twice"):
        load(path)
    assert load(path, columns=("y",)).shape == (1,)


def test_heads_with_separators_and_line_breaks_in_quotes(tmp_path: Path) -> None:
    for head in ('"a, b, c";"d";"e"\n', '\n\n"a\nb";"d";"e"\n'):
        assert same_values(load(written(tmp_path, text(head, ";"))))


def test_years_beside_a_word_are_names(tmp_path: Path) -> None:
    path = written(tmp_path, "country,2019,2020\n" + "".join(f"c{i % 2},{i},{i * 0.5}\n" for i in range(20)))
    found = load(path, label="country")
    assert found.units.columns == ("2019", "2020") and found.classes == ["c0", "c1"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            "".join(f"1,{i}\n" for i in range(30)) + "1,1_000\n",
            "'b': expected numbers, as most cells hold, got '1_000' in row 31",
        ),
        ('"0,5",1\n2,3\n', "expected a decimal point, as in 0.5, got the comma"),
    ],
)
def test_a_bad_cell_is_named_with_its_remedy(tmp_path: Path, rows: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load(written(tmp_path, "a,b\n" + rows))


def test_repeated_rows_on_both_sides_of_the_split_are_said(tmp_path: Path) -> None:
    again = load(written(tmp_path, "x,y\n" + "".join(f"{i % 20},{(i % 20) ** 2}\n" for i in range(100))))
    assert any(note.startswith("10 of 10 test rows are equal to training rows") for note in again.notes)
    assert not any("equal to training rows" in note for note in load(written(tmp_path, text())).notes)


def test_true_and_false_are_numbers(tmp_path: Path) -> None:
    rows = "".join(f"{i * 0.5},{bool(i % 2)},{str(bool(i % 3)).lower()}\n" for i in range(30))
    found = load(written(tmp_path, "x,churned,paid\n" + rows))
    values = found.units.restore(found.train[:])
    assert set(np.unique(np.round(values[:, 1:], 5))) == {0.0, 1.0}
    assert "columns of true and false are read as 1 and 0: churned, paid" in found.notes
    labelled = load(written(tmp_path, "x,churned,paid\n" + rows), label="paid", columns=("churned", "x"))
    assert labelled.units.columns == ("churned", "x") and labelled.classes == ["false", "true"]


def test_a_first_column_of_names_of_the_rows_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "cells.csv"
    file.write_text(",g0,g1,kind\n" + "".join(f"cell{i},{i}.5,{2 * i},{'uv'[i % 2]}\n" for i in range(20)))
    data = load(file, label="kind")
    assert data.units.columns == ("g0", "g1")
    assert "the first column, without a name, names the rows: it is left out" in data.notes
    assert load(file).units.names == ("g0", "g1", "kind")


def test_the_columns_that_can_be_read_are_named_as_they_are_given(tmp_path: Path) -> None:
    rows = "".join(f"{i},1.5,shop {i},{i % 2}\n" for i in range(60))
    path = written(tmp_path, 'age,"spent, all",shop,news\n' + rows)
    with pytest.raises(ValueError, match=r"The others can be read: --columns 'age,\"spent, all\",news'\.$"):
        load(str(path))
    assert load(str(path), columns=("age", "spent, all", "news")).shape == (3,)
