"""What a conditional run writes as .npz keeps the classes of its rows: `--data` and other programs read them again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Call
from tests.small import train

import remblai
from remblai.data import load

CLASSES = ["ash", "birch", "cedar"]


@pytest.fixture(scope="module", params=["images", "points"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> remblai.Trained:
    """A conditional auto-encoder; each class is a level of grey, or a place."""
    folder = tmp_path_factory.mktemp(str(request.param))
    rng, labels = np.random.default_rng(0), np.arange(150) % 3
    if request.param == "images":
        x: Any = (labels[:, None, None] * 80 + rng.integers(0, 40, (150, 8, 8))).astype(np.uint8)
    else:
        x = rng.normal(0, 0.1, (150, 3)) + labels[:, None]
    np.savez(folder / "data.npz", x=x, labels=np.array(CLASSES)[labels])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        return train(folder / "run", data=str(folder / "data.npz"), conditional=True)


def labels_in(path: Path) -> list[str]:
    """The classes of the rows of an .npz in their order, as any data of a user are read."""
    dataset = load(str(path))
    assert dataset.classes is not None
    names: dict[int, str] = {}
    for split in (dataset.train, dataset.validation, dataset.test):
        assert split.labels is not None
        names |= {int(place): dataset.classes[label] for place, label in zip(split.index, split.labels, strict=True)}
    return [names[place] for place in sorted(names)]


def test_samples_are_encoded_and_reconstructed_by_their_own_classes(
    call: Call, run: remblai.Trained, tmp_path: Path
) -> None:
    assert call("sample", run.folder, "-n", 20, "--seed", 4, "--out", "s.npz")[0] == 0
    table = "s.csv" if run.units.range is None else None
    drawn = labels_in(tmp_path / "s.npz")
    assert set(drawn) == set(CLASSES), "all classes are among 20 draws of three equal ones"
    if table:
        assert call("sample", run.folder, "-n", 20, "--seed", 4, "--out", table)[0] == 0
        assert [line.rpartition(",")[2] for line in (tmp_path / table).read_text().split()[1:]] == drawn
    assert call("sample", run.folder, "-n", 20, "--class", "birch", "--out", "b.npz")[0] == 0
    assert labels_in(tmp_path / "b.npz") == ["birch"] * 20
    assert call("encode", run.folder, "--data", "s.npz", "--out", "z.npz")[0] == 0
    with np.load(tmp_path / "z.npz") as codes, np.load(tmp_path / "s.npz") as samples:
        x = samples["images"][..., 0] if "images" in samples else samples["values"]
        assert np.allclose(codes["codes"], run.encode(x, labels=drawn), atol=1e-5)
        assert [CLASSES[label] for label in codes["labels"]] == drawn
    assert call("decode", run.folder, "--codes", "z.npz", "--out", "d.npz")[0] == 0
    assert call("reconstruct", run.folder, "--data", "s.npz", "--out", "r.npz")[0] == 0
    assert labels_in(tmp_path / "d.npz") == labels_in(tmp_path / "r.npz") == drawn


def test_walks_have_the_class_that_they_keep_and_none_on_the_way_to_another(
    call: Call, run: remblai.Trained, tmp_path: Path, bare: None
) -> None:
    source = str(run.folder.parent / "data.npz")
    generator = train(tmp_path / "generator", "gmmn", data=source, conditional=True)
    walks = ("interpolate", generator.folder, "--steps", 3, "-n", 4, "--out")
    assert call(*walks, "w.npz")[0] == 0
    assert labels_in(tmp_path / "w.npz") == [name for name in (*CLASSES, CLASSES[0]) for _ in range(3)]
    if run.units.range is None:
        assert call(*walks, "w.csv")[0] == 0
        cells = [line.split(",") for line in (tmp_path / "w.csv").read_text().split()]
        assert cells[0][:2] == ["walk", "step"] and cells[0][-1] == "labels"
        assert [row[-1] for row in cells[1:]] == labels_in(tmp_path / "w.npz")
    assert call(*walks, "v.npz", "--classes", "ash,birch")[0] == 0
    assert call("sample", run.folder, "-n", 20, "--class", "cedar", "--out", "c.npz")[0] == 0
    assert call("interpolate", run.folder, "-n", 4, "--data", "c.npz", "--out", "u.npz")[0] == 0
    for name in ("v.npz", "u.npz"):
        with np.load(tmp_path / name) as found:
            assert "labels" not in found
