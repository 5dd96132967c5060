"""What `evaluate` keeps with a run, and what a run that cannot be written is answered."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Call
from tests.small import train

import remblai
from remblai.runs.figures import kept_figures


@pytest.fixture
def run(tmp_path: Path, bare: None) -> remblai.Trained:
    return train(tmp_path / "run", data="ring")


def test_evaluate_shows_figures_before_it_keeps_them(call: Call, run: remblai.Trained) -> None:
    code, out, err = call("evaluate", run.folder, "-n", 40, "--json")
    assert (code, err) == (0, "")
    assert kept_figures(run) == {name: of for name, of in json.loads(out).items() if name != "schema"}
    code, out, err = call("evaluate", run.folder, "-n", 20)
    assert code == 0 and "energy_distance_squared" in out
    assert "not kept: the run holds figures of n 40," in err
    assert (kept_figures(run) or {})["w2"]["n"] == 40
    (run.folder / "metrics.json").unlink()
    (run.folder / "metrics.json").mkdir()  # root may write whatever modes say, but no file in the place of a folder
    code, out, err = call("evaluate", run.folder, "-n", 20)
    assert code == 0 and "energy_distance_squared" in out
    assert "warning: the figures are not kept: " in err
    assert "copy the run to a place that can be written" in err and "--out" not in err


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ("samplers", "fit RUN --sampler gaussian"),
        ("report.html", "report RUN"),
        ("metrics.json", "report RUN"),
        ("config.yaml", "train --resume --out RUN"),
    ],
)
def test_a_run_that_cannot_be_written_is_to_be_copied(call: Call, run: remblai.Trained, taken: str, words: str) -> None:
    place = run.folder / taken
    place.unlink(missing_ok=True)
    place.write_text("") if taken == "samplers" else (place / "x").mkdir(parents=True)
    code, _, err = call(*words.replace("RUN", str(run.folder)).split())
    assert code == 2, err
    assert "cannot be written" in err and "copy the run to a place that can be written" in err
    assert "name another" not in err
