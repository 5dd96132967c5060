"""Models of data in other units, held against the same data: their figures are in the units of these."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

import remblai
from remblai.compare.models import compare_models
from remblai.data import load
from remblai.runs.common_units import in_units_of

SMALL = {"steps": 2, "latent": 2, "batch_size": 20, "quiet": True, "evaluate_every": 0}


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    """Points, ten times these, and a model of each."""
    folder = tmp_path_factory.mktemp("units")
    points = np.random.default_rng(0).normal(size=(200, 3)) * [1.0, 4.0, 0.2] + 2.0
    for name, factor in {"once": 1.0, "tenfold": 10.0}.items():
        np.save(folder / f"{name}.npy", factor * points)
        remblai.train("ae", data=str(folder / f"{name}.npy"), out=folder / name, **SMALL)
    return folder


def test_figures_of_runs_of_other_units_are_in_those_of_the_data(scaled):
    """W2 by an assignment of the samples, as people are given them, in the standard deviations of the data."""
    place = str(scaled / "once.npy")
    found = compare_models([str(scaled / "once"), str(scaled / "tenfold")], data=place, by="w2", out=scaled / "out")
    units, test = load(place).units, load(place).test[:].numpy()
    for row in found.rows:
        trained = remblai.load(scaled / row.label)
        samples = (np.asarray(trained.sample(len(test))) - np.array(units.mean)) / np.array(units.deviation)
        squares = ((test[:, None] - samples[None]) ** 2).sum(2)
        assert row.figures["w2"].mean == pytest.approx(squares[linear_sum_assignment(squares)].mean() ** 0.5, rel=1e-4)
    once, tenfold = ({row.label: row for row in found.rows}[name].figures for name in ("once", "tenfold"))
    assert tenfold["w2"].floor == pytest.approx(once["w2"].floor)
    assert tenfold["reconstruction_mse"].floor == pytest.approx(once["reconstruction_mse"].floor, rel=1e-5)
    assert tenfold["w2"].mean > 5 * once["w2"].mean


def test_a_model_of_other_data_is_named(scaled):
    runs = [str(scaled / "once"), str(scaled / "tenfold")]
    found = compare_models(runs, data=str(scaled / "once.npy"), out=scaled / "noted")
    said = [note for note in found.notes if "trained on other data" in note]
    assert len(said) == 1 and said[0].startswith("tenfold was trained on other data (tenfold, fingerprint ")
    with pytest.warns(UserWarning, match="the model was trained on other data"):
        remblai.evaluate(scaled / "tenfold", data=str(scaled / "once.npy"))


def test_a_model_of_the_same_data_is_not(scaled, recwarn):
    remblai.evaluate(scaled / "once", data=str(scaled / "once.npy"))
    assert not any("other data" in str(warning.message) for warning in recwarn)


def test_figures_that_a_run_keeps_are_not_taken_again(scaled, monkeypatch):
    """Of the same data in the same units: the run of normal scores too, whose figures are in standard deviations."""
    table = scaled / "table.csv"
    np.savetxt(table, np.load(scaled / "once.npy"), delimiter=",", header="a,b,c", comments="")
    for seed in (0, 1):
        remblai.train("ae", data=str(table), seed=seed, out=scaled / f"scores-{seed}", **SMALL)
    assert json.loads((scaled / "scores-0" / "run.json").read_text())["data"]["options"]["scaling"] == "normal-scores"
    monkeypatch.setattr("remblai.compare.trials.figures_of", None)
    found = compare_models([str(scaled / f"scores-{s}") for s in (0, 1)], data=str(table), out=scaled / "kept")
    assert not any("other data" in note for note in found.notes)


def test_columns_are_matched_by_their_names_and_others_are_refused(scaled):
    rows = np.random.default_rng(1).normal(size=(120, 3)) * [1.0, 5.0, 0.3]

    def table(name: str, columns: list[int]) -> str:
        head = ",".join("abc"[column] for column in columns)
        np.savetxt(scaled / name, rows[:, columns], delimiter=",", header=head, comments="")
        return str(scaled / name)

    every, turned, two = table("every.csv", [0, 1, 2]), table("turned.csv", [2, 0, 1]), table("two.csv", [1, 0])
    for name, data in {"run-every": every, "run-turned": turned, "run-two": two, "again-two": two}.items():
        remblai.train("ae", data=data, out=scaled / name, **SMALL)
    common, own = load(every).seen.units, remblai.load(scaled / "run-turned").units.visible
    x = torch.randn(20, 3)
    expected = common.scale(own.restore(x)[:, [1, 2, 0]])
    assert torch.allclose(in_units_of(common, own, x), expected, atol=1e-5)
    runs = [str(scaled / name) for name in ("run-every", "run-turned")]
    first, second = compare_models(runs, data=every, out=scaled / "by-name").rows
    assert first.figures["sliced_w2_squared"].floor == pytest.approx(second.figures["sliced_w2_squared"].floor)
    with pytest.raises(
        ValueError, match=r"run-two: expected models of the columns of the data.*have c in the place of"
    ):
        compare_models([runs[0], str(scaled / "run-two")], data=every, out=scaled / "other-columns")
    narrow = [str(scaled / name) for name in ("run-two", "again-two")]
    assert len(compare_models(narrow, data=every, out=scaled / "narrow").rows) == 2
    refused = scaled / "other-columns"  # where nothing was kept of a comparison: other data may be compared there
    assert len(compare_models(narrow, data=two, out=refused).rows) == 2


def test_images_of_other_ranges_are_on_the_range_of_the_data():
    common = load(np.random.default_rng(0).uniform(0, 4, (20, 8, 8)).astype(np.float32), range=(0, 4)).units
    own = replace(common, limits=(-1.0, 1.0))
    x = torch.rand(5, 1, 8, 8)
    expected = common.restore(in_units_of(common, own, x).clamp(0, 1))
    assert expected == pytest.approx(own.restore(x).clip(0, 4), abs=1e-6)
    assert in_units_of(common, common, x) is x
