"""Images inside .parquet files, in small copies of the layouts of the hub."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from remblai.data import load
from remblai.data.parquet_images import image_column

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def png(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 5), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def written(path: Path, n: int, start: int = 0, column: str = "image", cells: list[Any] | None = None) -> Path:
    """A file as the hub's library writes it: a structure of bytes and a path, and what each column is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    cells = cells or [{"bytes": png(start + i), "path": None} for i in range(n)]
    table = arrow.table({column: arrow.array(cells, kind), "label": [i % 2 for i in range(n)]})
    features = {column: {"_type": "Image"}, "label": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, path, row_group_size=3)
    return path


@pytest.mark.parametrize("below", ["", "data", "plain_text"])
def test_folder_of_the_hub(tmp_path: Path, below: str) -> None:
    root = tmp_path / "pets"
    written(root / below / "train-00000-of-00002.parquet", 11)
    written(root / below / "train-00001-of-00002.parquet", 9, 11)
    written(root / below / "test-00000-of-00001.parquet", 6, 20)
    written(root / below / "unsupervised-00000-of-00001.parquet", 6, 20)
    (root / "README.md").write_text("about pets")
    data = load(root)
    assert (data.name, data.shape, data.classes) == ("pets", (1, 4, 5), ["no", "yes"])
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 6)
    assert "1 files of no split left out, as unsupervised-00000-of-00001.parquet" in data.notes
    for split in (data.train, data.validation, data.test):
        shown = data.units.restore(split[:])[:, 0, 0]
        assert np.array_equal(shown, split.index.numpy())
    assert load(root, size=3, channels=3).shape == (3, 3, 3)


def test_one_file_with_a_column_of_any_name(tmp_path: Path) -> None:
    data = load(written(tmp_path / "scans.parquet", 20, column="scan"))
    assert (data.name, data.shape, len(data.train), len(data.test)) == ("scans", (1, 4, 5), 16, 2)
    labels = data.train.labels
    assert labels is not None and np.array_equal(labels.numpy(), data.train.index.numpy() % 2)


def test_plain_bytes_without_metadata(tmp_path: Path) -> None:
    table = arrow.table({"jpg": [png(i) for i in range(20)], "cls": ["cat", "dog"] * 10})
    parquet.write_table(table, tmp_path / "plain.parquet")
    data = load(tmp_path / "plain.parquet")
    assert (data.shape, data.classes) == ((1, 4, 5), ["cat", "dog"])


def test_tables_of_numbers_stay_tables(tmp_path: Path) -> None:
    parquet.write_table(arrow.table({"image": np.arange(20.0), "y": np.arange(20.0) ** 2}), tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").units.columns == ("image", "y")


def test_broken_cells(tmp_path: Path) -> None:
    cells = [{"bytes": png(i), "path": None} for i in range(20)]
    cells[3] = {"bytes": b"hello", "path": None}
    cells[7] = {"bytes": None, "path": "elsewhere.png"}
    path = written(tmp_path / "broken.parquet", 20, cells=cells)
    with pytest.raises(ValueError, match=r"broken.parquet\[3\] in .* pass --skip-broken"):
        load(path)
    data = load(path, skip_broken=True)
    assert sum(map(len, (data.train, data.validation, data.test))) == 18
    assert any("2 broken images skipped: broken.parquet[3], broken.parquet[7]" in note for note in data.notes)


def test_what_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "many"
    for name in ("small", "large"):
        written(root / name / "train-00000-of-00001.parquet", 4)
    with pytest.raises(ValueError, match=r"several data sets of \.parquet files: large, small\. Pass one of them"):
        load(root)
    root = tmp_path / "splits"
    for name in ("test", "extra"):
        written(root / f"{name}-00000-of-00001.parquet", 4)
    with pytest.raises(ValueError, match="has the splits extra, test: expected train"):
        load(root)
    root = tmp_path / "mixed"
    written(root / "a.parquet", 4)
    written(root / "b.parquet", 4, column="picture")
    with pytest.raises(ValueError, match=r"got image and label in a.* and picture and label in b.*: pass one of them"):
        load(root)
    whole = written(tmp_path / "cut.parquet", 20).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-40])
    with pytest.raises(ValueError, match=r"cut.parquet cannot be read: .* Expected a whole .parquet file"):
        load(tmp_path / "cut.parquet")


def test_files_whose_labels_are_of_other_kinds_are_refused(tmp_path: Path) -> None:
    for number, label in enumerate((1, "cat")):
        parquet.write_table(
            arrow.table({"image": [png(3)] * 12, "label": [label] * 12}), tmp_path / f"{number}.parquet"
        )
    with pytest.raises(ValueError, match=r"in all files, got whole numbers in 0\.parquet and string in 1"):
        load(tmp_path)


def test_an_image_that_is_a_path_alone_is_said(tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", 12, cells=[{"bytes": None, "path": "x/0.jpg"}] * 12)
    with pytest.raises(ValueError, match=r"is the path 'x/0\.jpg' and no image: pass the folder"):
        load(tmp_path / "a.parquet")


def test_another_column_is_the_label_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    cells = {"image": [png(i) for i in range(20)], "label": [0, 1] * 10, "mood": ["glad", "sad", "calm", "glad"] * 5}
    parquet.write_table(arrow.table(cells), tmp_path / "a.parquet")
    plain, other = load(tmp_path / "a.parquet"), load(tmp_path / "a.parquet", label="mood")
    assert (plain.classes, other.classes) == (["0", "1"], ["calm", "glad", "sad"])
    assert "images are those of column 'image', labels 'label'; left out: mood" in plain.notes
    with pytest.raises(ValueError, match=r"unknown label column of .*moods.*Did you mean .mood"):
        load(tmp_path / "a.parquet", label="moods")


def test_the_column_called_image_is_taken_before_the_first() -> None:
    assert image_column(["mask", "image"]) == "image"
    assert image_column(["mask", "scan"]) == "mask"
    assert image_column([]) is None
