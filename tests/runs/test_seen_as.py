"""The scaling of tables: normal scores unless another is asked for, remembered by the run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import remblai
from remblai.runs.data import data_like

TINY = {"steps": 3, "batch_size": 20, "quiet": True, "device": "cpu", "evaluate_every": 0}


def table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(n) < 0.8, 0.0, rng.lognormal(7, 1, n))
    return pd.DataFrame({"income": rng.lognormal(9, 1, n), "gain": gain})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaling")
    table().to_csv(folder / "t.csv", index=False)
    remblai.train("wae-mmd", data=str(folder / "t.csv"), out=folder / "scores", **TINY)
    remblai.train("wae-mmd", data=str(folder / "t.csv"), out=folder / "standard", scaling="standard", **TINY)
    return folder


def options(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "run.json").read_text())["data"]["options"]
    return found


def test_tables_are_scores_unless_asked(runs: Path) -> None:
    assert options(runs / "scores") == {"scaling": "normal-scores"}
    assert options(runs / "standard") == {"scaling": "standard"}
    scores, standard = (remblai.load(runs / name) for name in ("scores", "standard"))
    assert scores.units.scores is not None and standard.units.scores is None
    assert scores.units.visible == standard.units
    assert scores.run.settings["data"]["fingerprint"] == standard.run.settings["data"]["fingerprint"]
    income = scores.sample(2000)[:, 0]
    assert table()["income"].min() <= income.min() < income.max() <= table()["income"].max()


def test_arrays_of_points_and_toys_stay(tmp_path: Path) -> None:
    trained = remblai.train("wae-mmd", data=table().to_numpy(), out=tmp_path / "a", **TINY)
    assert trained.units.scores is None and "scaling" not in trained.run.settings["data"]["options"]
    trained = remblai.train("wae-mmd", data=table().to_numpy(), out=tmp_path / "b", scaling="normal-scores", **TINY)
    assert trained.units.scores is not None
    with pytest.raises(ValueError, match="scaling: normal scores are of tables"):
        remblai.train("wae-mmd", data="digits", out=tmp_path / "c", scaling="normal-scores", **TINY)


def test_a_resumed_run_keeps_its_scaling(runs: Path, tmp_path: Path) -> None:
    spec = str(runs / "t.csv")
    for name, other in (("scores", "standard"), ("standard", "normal-scores")):
        out = tmp_path / name
        remblai.train("wae-mmd", data=spec, out=out, scaling=options(runs / name)["scaling"], **TINY)
        longer = TINY | {"steps": 5}
        assert remblai.train("wae-mmd", data=spec, out=out, resume=True, **longer).step == 5
        assert remblai.train(None, out=out, resume=True, **TINY | {"steps": 6}).step == 6
        with pytest.raises(ValueError, match=f"scaling was .*, now {other}"):
            remblai.train("wae-mmd", data=spec, out=out, resume=True, scaling=other, **longer)


def test_a_run_of_an_earlier_version_goes_on_in_standard_deviations(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "old"
    remblai.train("wae-mmd", data=str(runs / "t.csv"), out=out, scaling="standard", **TINY)
    settings = json.loads((out / "run.json").read_text())
    del settings["data"]["options"]["scaling"], settings["data"]["units"]["scores"]
    (out / "run.json").write_text(json.dumps(settings))
    again = remblai.train("wae-mmd", data=str(runs / "t.csv"), out=out, resume=True, **TINY | {"steps": 5})
    assert again.step == 5 and again.units.scores is None
    repeated = remblai.train(None, from_run=out, out=tmp_path / "new", **TINY)
    assert repeated.units.scores is None
    assert "scaling: standard" in (tmp_path / "new" / "config.yaml").read_text().splitlines()


def test_figures_are_in_standard_deviations_of_the_data(runs: Path) -> None:
    """The floors of figures on samples are those of the same rows, whatever the model sees."""
    cards = [remblai.load(runs / name).run.metrics() for name in ("scores", "standard")]
    for name in ("energy_distance_squared", "w2", "nearest_neighbour_accuracy", "sliced_w2_squared"):
        assert cards[0][name]["floor"] == pytest.approx(cards[1][name]["floor"], abs=1e-6)
    assert cards[0]["reconstruction_mse"]["floor"] == pytest.approx(cards[1]["reconstruction_mse"]["floor"], abs=1e-6)


def test_other_rows_are_seen_as_the_run_sees_its_own(runs: Path) -> None:
    trained = remblai.load(runs / "scores")
    own = trained.encode(table())
    assert np.array_equal(own, trained.encode(table().iloc[::-1])[::-1])
    rows = data_like(trained.run.settings, trained.units, table())
    assert rows.units == trained.units and rows.seen.units == trained.units.visible
