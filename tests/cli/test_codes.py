"""Codes as tables with the names of files and classes, of folders, of one image, and of what comes on stdin."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.small import train

import remblai
from remblai.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs in two class folders and a table, and a run of each."""
    home = tmp_path_factory.mktemp("codes")
    rng = np.random.default_rng(0)
    for number in range(30):
        place = home / "photos" / ("cats" if number % 2 else "dogs") / f"{number:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(place)
    rows = rng.normal([1.7, 70.0], [0.1, 9.0], (40, 2))
    (home / "t.csv").write_text("height,weight\n" + "\n".join(f"{a},{b}" for a, b in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        options: dict[str, Any] = {"encoder": "deterministic", "steps": 5}
        train(home / "images", data=str(home / "photos"), data_options={"size": 8}, **options)
        train(home / "points", data=str(home / "t.csv"), **options)
        train(home / "classes", data=str(home / "photos"), data_options={"size": 8}, conditional=True, **options)
    return home


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="")))


def codes(rows: list[dict[str, str]]) -> Any:
    return np.array([[float(row["code_0"]), float(row["code_1"])] for row in rows])


def pipe(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_a_table_names_the_file_and_the_class_of_each_code(folder: Path, tmp_path: Path) -> None:
    data = folder / "photos"
    assert call("encode", folder / "images", "--data", data, "--out", tmp_path / "z.csv") == 0
    rows = table(tmp_path / "z.csv")
    assert list(rows[0]) == ["file", "class", "label", "split", "index", "code_0", "code_1"]
    assert len(rows) == 30
    assert {row["file"] for row in rows} == {path.relative_to(data).as_posix() for path in data.rglob("*.png")}
    assert all(row["file"].split("/")[0] == row["class"] for row in rows)
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    for row in rows[:3]:  # each code is that of the file beside it
        assert call("encode", folder / "images", "--data", data / row["file"], "--out", tmp_path / "one.csv") == 0
        (alone,) = table(tmp_path / "one.csv")
        assert (alone["file"], alone["index"]) == (Path(row["file"]).name, "0")
        assert np.allclose(codes([alone]), codes([row]), atol=1e-4)

    parquet = pytest.importorskip("pyarrow.parquet")
    assert call("encode", folder / "images", "--data", data, "--out", tmp_path / "z.parquet") == 0
    found = parquet.read_table(tmp_path / "z.parquet").to_pydict()
    assert found["file"] == [row["file"] for row in rows]
    assert np.allclose(found["code_1"], codes(rows)[:, 1])


def test_images_arrays_and_tables_come_on_stdin(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, path = tmp_path / "z.csv", folder / "photos" / "cats" / "01.png"
    run = remblai.load(folder / "images")
    assert call("encode", folder / "images", "--data", path, "--out", out) == 0
    expected = codes(table(out))
    pipe(monkeypatch, path.read_bytes())
    assert call("encode", folder / "images", "--data", "-", "--out", out) == 0
    assert np.allclose(codes(table(out)), expected, atol=1e-6)

    images, buffer = run.sample(3), io.BytesIO()
    np.save(buffer, images)
    pipe(monkeypatch, buffer.getvalue())
    assert call("encode", folder / "images", "--data", "-", "--out", out) == 0
    assert np.allclose(codes(table(out)), run.encode(images), atol=1e-5)
    buffer = io.BytesIO()
    np.save(buffer, images / 85.0)
    pipe(monkeypatch, buffer.getvalue())
    assert call("encode", folder / "images", "--data", "-", "--range", "0,3", "--out", out) == 0
    assert np.allclose(codes(table(out)), run.encode(images), atol=1e-4)
    buffer = io.BytesIO()
    np.save(buffer, images[0])
    pipe(monkeypatch, buffer.getvalue())
    assert call("reconstruct", folder / "images", "--data", "-", "--out", tmp_path / "r.npy") == 0
    assert np.abs(np.load(tmp_path / "r.npy") - run.reconstruct(images[:1]).astype(int)).max() <= 1

    points = remblai.load(folder / "points")
    values = np.random.default_rng(1).normal([1.7, 70.0], [0.1, 9.0], (12, 2))
    pipe(monkeypatch, ("height,weight\n" + "\n".join(f"{a},{b}" for a, b in values)).encode())
    assert call("encode", folder / "points", "--data", "-", "--out", out) == 0
    rows = table(out)
    assert [row["index"] for row in rows] == [str(place) for place in range(12)]
    assert list(rows[0]) == ["index", "code_0", "code_1"]
    assert np.allclose(codes(rows), points.encode(values), atol=1e-4)
    pipe(monkeypatch, ("weight,height\n" + "\n".join(f"{b},{a}" for a, b in values)).encode())
    assert call("reconstruct", folder / "points", "--data", "-", "--out", tmp_path / "r.csv") == 0
    again = [[float(row["height"]), float(row["weight"])] for row in table(tmp_path / "r.csv")]
    assert np.allclose(again, points.reconstruct(values), rtol=1e-3)


def test_reconstructions_of_a_table_are_in_the_order_of_its_rows(folder: Path, tmp_path: Path) -> None:
    run, out = remblai.load(folder / "points"), tmp_path / "r.csv"
    values = np.loadtxt(folder / "t.csv", delimiter=",", skiprows=1)
    assert call("reconstruct", folder / "points", "--data", folder / "t.csv", "--out", out) == 0
    again = [[float(row["height"]), float(row["weight"])] for row in table(out)]
    assert np.allclose(again, run.reconstruct(values), rtol=1e-3)


def test_made_rows_of_a_conditional_model_have_their_classes(tmp_path: Path, bare: None) -> None:
    draws = np.random.default_rng(0)
    regions = [("north", "south", "west")[row % 3] for row in range(60)]
    lines = [f"{a},{b},{region}" for (a, b), region in zip(draws.normal(size=(60, 2)), regions, strict=True)]
    (tmp_path / "all.csv").write_text("a,b,region\n" + "\n".join(lines))
    run = train(
        tmp_path / "run", data=str(tmp_path / "all.csv"), data_options={"label": "region"}, steps=5, conditional=True
    )
    out = tmp_path / "s.csv"
    for words, expected in ((), set(regions)), (("--class", "west"), {"west"}):
        assert call("sample", run.folder, "-n", 30, "--out", out, *words) == 0
        assert {row["region"] for row in table(out)} == expected
    assert call("sample", run.folder, "-n", 5, "--out", out) == 0
    assert np.allclose([[float(row[name]) for name in "ab"] for row in table(out)], run.sample(5))
    assert call("reconstruct", run.folder, "--data", tmp_path / "all.csv", "--out", out) == 0
    assert [row["region"] for row in table(out)] == regions


def test_a_conditional_model_knows_classes_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, out = np.random.default_rng(0), tmp_path / "z.csv"
    rows = [
        (f"{a},{b}", ("north", "south", "west")[number % 3]) for number, (a, b) in enumerate(rng.normal(size=(60, 2)))
    ]
    monkeypatch.setattr("remblai.runs.train.write_report", lambda *_: None)
    monkeypatch.setattr("remblai.runs.train.measure", lambda *_: None)

    def written(name: str, kept: list[tuple[str, str]]) -> Path:
        (tmp_path / name).write_text("a,b,region\n" + "\n".join(",".join(row) for row in kept))
        return tmp_path / name

    options: dict[str, Any] = {"encoder": "deterministic", "steps": 5, "conditional": True}
    train(tmp_path / "run", data=str(written("all.csv", rows)), data_options={"label": "region"}, **options)
    assert call("encode", tmp_path / "run", "--data", tmp_path / "all.csv", "--out", out) == 0
    every = codes(sorted(table(out), key=lambda row: int(row["index"])))
    fewer = [number for number, row in enumerate(rows) if row[1] != "north"]
    path = written("fewer.csv", [rows[number] for number in fewer])
    pipe(monkeypatch, path.read_bytes())
    for data in (path, "-"):
        assert call("encode", tmp_path / "run", "--data", data, "--out", out) == 0
        found = sorted(table(out), key=lambda row: int(row["index"]))
        assert [row["class"] for row in found] == [rows[number][1] for number in fewer]
        assert np.allclose(codes(found), every[fewer], atol=1e-4)
    other = written("other.csv", [*rows, ("1,2", "east")])
    assert call("encode", tmp_path / "run", "--data", other, "--out", out) == 2
    assert "unknown class of data other: 'east'. Did you mean 'west'?" in capsys.readouterr().err
    run, values, buffer = remblai.load(tmp_path / "run"), rng.normal(size=(3, 2)), io.BytesIO()
    np.save(buffer, values)
    pipe(monkeypatch, buffer.getvalue())
    assert call("encode", tmp_path / "run", "--data", "-", "--out", out) == 2
    assert "expected a class for each row, for the model is conditional, got none: pass --class" in (
        capsys.readouterr().err
    )
    with pytest.raises(ValueError, match="pass labels=NAME"):
        run.encode(values)

    expected = run.encode(values, labels="south")
    assert not np.allclose(expected, run.encode(values, labels="west"), atol=1e-3)
    lines = ["a,b", *(f"{a},{b}" for a, b in values)]
    (tmp_path / "plain.csv").write_text("\n".join(lines))  # without the column of the labels
    (tmp_path / "labelled.csv").write_text("\n".join([f"{lines[0]},region", *(f"{one},east" for one in lines[1:])]))
    for data in ("-", tmp_path / "plain.csv", tmp_path / "labelled.csv"):
        pipe(monkeypatch, buffer.getvalue())
        assert call("encode", tmp_path / "run", "--data", data, "--class", "south", "--out", out) == 0
        found = sorted(table(out), key=lambda row: int(row["index"]))
        assert [(row["class"], row["label"]) for row in found] == [("south", "1")] * 3
        assert np.allclose(codes(found), expected, atol=1e-4)
    again = ["--data", tmp_path / "plain.csv", "--class", "south", "--out", tmp_path / "r.npy"]
    assert call("reconstruct", tmp_path / "run", *again) == 0
    assert np.allclose(np.load(tmp_path / "r.npy"), run.reconstruct(values, labels="south"), atol=1e-4)
    assert call("reconstruct", tmp_path / "run", "--class", "south", "--out", tmp_path / "r.npy") == 0
    held_out = remblai.data.load(str(tmp_path / "all.csv"), label="region").test[:].numpy()
    assert len(np.load(tmp_path / "r.npy")) == len(held_out)
    capsys.readouterr()
    for command in ("encode", "reconstruct"):
        words = [command, tmp_path / "run", "--data", tmp_path / "plain.csv", "--out", tmp_path / "x.npz"]
        assert call(*words, "--class", "sout") == 2
        assert "unknown class 'sout'. Did you mean 'south'?" in capsys.readouterr().err
        assert not (tmp_path / "x.npz").exists()


def test_refusals(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    for content, words, expected in (
        (b"", ["--data", "-"], "expected an image, an .npy array or a .csv table on stdin, got nothing"),
        (b"\x93NUMPY\x01", ["--data", "-"], "stdin cannot be read as .npy"),
        (b"\x89PNG nothing", ["--data", "-"], "stdin cannot be read as an image"),
        (b"a,b\n1,2\n3\n", ["--data", "-"], "stdin, line 3: 1 cells, where the first row has 2"),
        (b"", ["--data", tmp_path / "broken.png"], "broken.png cannot be read as an image"),
    ):
        pipe(monkeypatch, content)
        assert call("encode", folder / "images", *words, "--out", tmp_path / "z.csv") == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert expected in error
        assert "/stdin.csv" not in error
        assert not (tmp_path / "z.csv").exists()
    assert call("encode", folder / "points", "--data", folder / "photos/cats/01.png", "--out", tmp_path / "z.csv") == 2
    assert "the run was trained on points" in capsys.readouterr().err
    for command in ("encode", "reconstruct"):
        words = [command, folder / "points", "--data", folder / "t.csv", "--out", tmp_path / "z.csv"]
        assert call(*words, "--class", "cats") == 2
        assert "class: expected none, for this model was trained without labels" in capsys.readouterr().err


def test_outliers_are_written_beside_their_place(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o.csv"
    values = np.random.default_rng(1).normal([1.7, 70.0], [0.1, 9.0], (12, 2))
    values[3] = [9.0, 900.0]
    np.savetxt(tmp_path / "new.csv", values, delimiter=",", header="height,weight", comments="")
    assert call("outliers", folder / "points", "--data", tmp_path / "new.csv", "--out", out) == 0
    assert "least like the data (rows count from 0):\n  row 3" in capsys.readouterr().out
    rows = table(out)
    assert list(rows[0]) == ["index", "score", "p_value", "outlier", "column"]
    assert min(rows, key=lambda row: float(row["score"]))["index"] == "3"
    found = remblai.outliers(folder / "points", values)
    assert np.allclose([float(row["p_value"]) for row in rows], found.p_values)
    assert call("outliers", folder / "points", "--data", folder / "t.csv") == 0
    assert "these are the run's own rows" in capsys.readouterr().err


@pytest.mark.parametrize("run", ["images", "classes"])
@pytest.mark.parametrize("kind", ["csv", "npz", "parquet"])
def test_codes_decode_to_the_reconstructions_of_their_data(folder: Path, tmp_path: Path, run: str, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    data, z = f"{folder / 'photos'}:train", tmp_path / f"z.{kind}"
    assert call("encode", folder / run, "--data", data, "--out", z) == 0
    assert call("decode", folder / run, "--codes", z, "--out", tmp_path / "x.npz") == 0
    assert call("reconstruct", folder / run, "--data", data, "--out", tmp_path / "again.npz") == 0
    decoded, again = (np.load(tmp_path / f"{name}.npz")["images"] for name in ("x", "again"))
    assert decoded.shape == again.shape
    assert np.abs(decoded.astype(int) - again).max() <= 1
    assert call("decode", folder / run, "--codes", z, "--out", tmp_path / "x.png", "-n", 4) == 0
    assert Image.open(tmp_path / "x.png").size[0] > 8


def test_codes_of_points_decode_to_a_table_and_of_one_class_where_it_is_named(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", np.random.default_rng(0).normal(size=(5, 2)))
    assert call("decode", folder / "points", "--codes", tmp_path / "z.npy", "--out", tmp_path / "x.csv") == 0
    rows = table(tmp_path / "x.csv")
    assert list(rows[0]) == ["height", "weight"]
    expected = remblai.load(folder / "points").decode(np.load(tmp_path / "z.npy"))
    found = [[float(row["height"]), float(row["weight"])] for row in rows]
    assert np.allclose(found, expected, rtol=1e-5)
    for name in ("cats", "dogs"):
        words = ["--codes", tmp_path / "z.npy", "--class", name, "--out", tmp_path / f"{name}.npz"]
        assert call("decode", folder / "classes", *words) == 0
    cats, dogs = (np.load(tmp_path / f"{name}.npz")["images"] for name in ("cats", "dogs"))
    assert (cats != dogs).any()
    (tmp_path / "named.csv").write_text("class,code_0,code_1\ndogs,0.1,0.2\n")
    assert call("decode", folder / "classes", "--codes", tmp_path / "named.csv", "--out", tmp_path / "x.npz") == 0


BAD_CODES = {
    "no such file": ("none.csv", None),
    "expected a .csv, .tsv, .parquet, .npz or .npy file": ("z.txt", "1,2"),
    "the columns code_0 to code_1": ("wide.csv", "code_0,code_1,code_2\n1,2,3\n"),
    "got none of such a name": ("other.csv", "a,b\n1,2\n"),
    "expected numbers in column code_1": ("words.csv", "code_0,code_1\n1,big\n"),
    "the codes hold NaN": ("gaps.csv", "code_0,code_1,label\n1,,0\n"),
    "its class is number 0: correct one": ("both.csv", "label,class,code_0,code_1\n1,cats,1,2\n"),
    "expected a class for each row": ("none_known.csv", "code_0,code_1\n1,2\n"),
    "got 0.7 in row 2": ("fraction.csv", "code_0,code_1,label\n1,2,0\n1,2,0.7\n"),
    "got nan in row 1": ("gap.csv", "code_0,code_1,label\n1,2,\n1,2,0\n"),
    "got float64 (0, 2)": ("empty.csv", "code_0,code_1,label\n"),
    "unknown class 'birds'": ("birds.csv", "class,code_0,code_1\nbirds,1,2\n"),
}


@pytest.mark.parametrize("words", BAD_CODES)
def test_bad_codes_are_refused_in_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    name, text = BAD_CODES[words]
    if text is not None:
        (tmp_path / name).write_text(text)
    assert call("decode", folder / "classes", "--codes", tmp_path / name, "--out", tmp_path / "x.npz") == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.npz").exists()


def test_arrays_of_codes_have_the_width_and_the_name_that_decode_expects(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "z.npz", z=np.zeros((3, 2)))
    assert call("decode", folder / "points", "--codes", tmp_path / "z.npz", "--out", tmp_path / "x.csv") == 2
    assert "expected an array of the name 'codes'" in capsys.readouterr().err
    np.savez(tmp_path / "z.npz", codes=np.zeros((3, 5)))
    assert call("decode", folder / "points", "--codes", tmp_path / "z.npz", "--out", tmp_path / "x.csv") == 2
    assert "expected numbers (n, 2)" in capsys.readouterr().err
    np.savez(tmp_path / "z.npz", codes=np.zeros((3, 2)), labels=np.array([0, 1, 7]))
    assert call("decode", folder / "classes", "--codes", tmp_path / "z.npz", "--out", tmp_path / "x.npz") == 2
    assert "expected labels from 0 to 1" in capsys.readouterr().err
    for labels in ([[0], [1], [1]], ["cats", "dogs", "dogs"]):
        np.savez(tmp_path / "z.npz", codes=np.zeros((3, 2)), labels=np.array(labels))
        assert call("decode", folder / "classes", "--codes", tmp_path / "z.npz", "--out", tmp_path / "x.npz") == 0
