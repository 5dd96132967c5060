"""Commands on runs of tables: walks, names of columns, classes, and data that changed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.cli.conftest import Call

import remblai
from remblai.runs.contents import foreign_files

OPTIONS: dict[str, Any] = {
    "latent": 2, "network": {"name": "mlp", "width": 8}, "steps": 6, "batch_size": 20, "device": "cpu", "quiet": True,
    "evaluate_every": 0,
}  # fmt: skip


def people(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns = {"age": rng.normal(40, 9, n), "step": rng.normal(0, 1, n), "city": rng.choice(["Bonn", "Rome"], n)}
    return pd.DataFrame(columns).assign(kind=["old", "young"] * (n // 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conditional run of a table with words, in `run`, and its data."""
    found = tmp_path_factory.mktemp("tables")
    people().to_csv(found / "people.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        remblai.train(
            "wae-mmd", data=str(found / "people.csv"), data_options={"label": "kind"}, conditional=True,
            out=found / "run", **OPTIONS,
        )  # fmt: skip
    return found


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_walks_of_a_table_are_a_table(call: Call, folder: Path, suffix: str) -> None:
    assert call("interpolate", folder / "run", "-n", 3, "--steps", 4, "--out", f"walk{suffix}")[0] == 0
    found = pd.read_csv(f"walk{suffix}", sep="\t" if suffix == ".tsv" else ",")
    assert list(found) == ["walk", "step_", "age", "step", "city"]
    assert found["walk"].tolist() == [1] * 4 + [2] * 4 + [3] * 4
    assert found["step_"].tolist() == [1, 2, 3, 4] * 3
    assert set(found["city"]) <= {"Bonn", "Rome"}
    assert call("interpolate", folder / "run", "-n", 3, "--steps", 4, "--out", "walk.npz")[0] == 0
    with np.load("walk.npz") as arrays:
        assert arrays["columns"].tolist() == ["age", "step", "city = Bonn", "city = Rome"]
        np.testing.assert_allclose(arrays["values"][:, 0], found["age"], rtol=1e-6)


@pytest.mark.parametrize("words", [("sample",), ("interpolate",)])
def test_no_picture_of_a_table(call: Call, folder: Path, words: tuple[str, ...]) -> None:
    code, _, err = call(*words, folder / "run", "--out", "people.png")
    assert code == 2
    assert "rows of a table cannot be drawn as a sheet of images; write" in err
    assert "people.csv instead" in err


def test_tables_that_were_drawn_are_the_runs_own(call: Call, folder: Path) -> None:
    assert call("sample", folder / "run", "-n", 5)[0] == 0
    (folder / "run" / "drawn.parquet").write_bytes(b"")
    assert (folder / "run" / "drawn.csv").is_file()
    assert foreign_files(folder / "run") == []


def test_laws_of_classes_have_a_line_each(call: Call, folder: Path) -> None:
    code, out, _ = call("fit", folder / "run", "--sampler", "mixture")
    assert code == 0
    old, young, _ = out.splitlines()
    assert old.startswith("mixture of class old: ")
    assert young.startswith("mixture of class young: ")
    assert max(map(len, (old, young))) < 160


@pytest.mark.parametrize("command", ["encode", "outliers"])
def test_rows_without_the_column_of_classes_are_told_what_to_do(
    call: Call, folder: Path, tmp_path: Path, command: str
) -> None:
    people(40).drop(columns="kind").to_csv(tmp_path / "nolab.csv", index=False)
    words = (command, folder / "run", "--data", "nolab.csv", "--out", "codes.npz")
    code, _, err = call(*words)
    assert code == 2
    assert "data nolab has no column 'kind' of the run's classes: add the column, or" in err
    assert "--class NAME" in err
    assert call(*words, "--class", "old")[0] == 0


def test_data_that_moved_or_changed_are_told_what_to_do(call: Call, folder: Path, tmp_path: Path) -> None:
    people().to_csv(tmp_path / "d1.csv", index=False)
    train = ("train", "ae", "--data", "d1.csv", "--label", "kind", "--steps", 4, "--latent", 2, "--evaluate-every", 0)
    more = ("--network.width", 8, "--batch-size", 20, "--device", "cpu", "--quiet", "--out", "run")
    assert call(*train, *more)[0] == 0
    Path("d1.csv").rename("d2.csv")
    code, _, err = call("evaluate", "run")
    assert code == 2
    assert "?." not in err
    assert "`train --resume` too" in err
    people(100).to_csv(tmp_path / "d1.csv", index=False)
    code, _, err = call("evaluate", "run")
    assert code == 2
    assert "restore them" in err
    code, _, err = call(*train, *more, "--resume")
    assert code == 2
    assert "was made with other data" in err
    assert "--from run, --data and another --out" in err
    assert "--config" not in err
    resumed = ("train", "--config", "run/config.yaml", "--resume", "--out", "run", "--steps", 6, "--quiet")
    assert call(*resumed, "--data", "d2.csv")[0] == 0
