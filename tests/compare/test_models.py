"""Comparisons trained for real, for a few steps: in processes of their own, resumed, with one that fails."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import remblai
from remblai.cli.main import main
from remblai.compare.jobs import Done
from remblai.compare.models import compare_models
from remblai.compare.notes import notes
from remblai.compare.request import request_of

SMALL = "--network.width 8 --latent 2 --batch-size 20"
FILE_RECIPE = """
import remblai
from remblai.recipes import wae_mmd

@remblai.recipe(steps=2)
def mine(*, shape):
    '''Fails.'''
    raise ValueError("shape: this recipe fails")
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two recipes that train and one that fails, once."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "mine.py").write_text(FILE_RECIPE)
    np.save(folder / "points.npy", np.random.default_rng(0).normal(size=(100, 2)))
    models = [f"wae-mmd {SMALL}", f"ae {SMALL}", f"{folder / 'mine.py'}:mine"]
    request = {
        "data": str(folder / "points.npy"),
        "steps": 3,
        "seeds": 1,
        "out": folder / "out",
        "jobs": 2,
        "threads": 1,
    }
    said: list[str] = []
    comparison = compare_models(models, **request, say=said.append)
    return models, request, comparison, said, comparison.page


def test_one_failure_does_not_lose_the_rest(compared):
    _, _, comparison, said, _ = compared
    trained = [row for row in comparison.rows if row.trials]
    assert len(trained) == 2 and len(said) == 3
    assert all(row.trials[0].steps == 3 and row.trials[0].images == 60 for row in trained)
    assert all(row.trials[0].memory > 2**20 for row in trained)
    assert re.fullmatch(r"shape: this recipe fails \(.*mine.py:\d+\)", comparison.rows[-1].failures[0])
    assert not comparison.pairs[0].over_seeds


def test_runs_of_recipes_of_ones_own_and_loaded_runs_are_taken(tmp_path, bare):
    (tmp_path / "own.py").write_text(
        FILE_RECIPE.replace('raise ValueError("shape: this recipe fails")', "return wae_mmd(shape)")
    )
    small = {"data": "ring", "steps": 2, "quiet": True, "evaluate_every": 0}
    recipe = f"{tmp_path / 'own.py'}:mine"
    remblai.train(recipe, out=tmp_path / "first", **small)
    other = remblai.train("ae", latent=1, out=tmp_path / "second", **small | {"steps": 3})
    found = compare_models([f"{tmp_path / 'first'} --recipe {recipe}", other], out=tmp_path / "out")
    assert {row.label for row in found.rows} == {"first", "second"}
    assert found.budget == "2 and 3 steps, as the runs had"
    with pytest.raises(ValueError, match=r"'FOLDER --recipe path/to/file.py:function'"):
        compare_models([tmp_path / "first", tmp_path / "second"], out=tmp_path / "again")
    with pytest.raises(ValueError, match=r"got function: a recipe of your own is 'path/to/file.py:function'"):
        compare_models([lambda shape: None, "ae"])


def test_it_prints_its_table_and_what_it_could_tell(compared):
    _, _, comparison, _, _ = compared
    heads, *rows = repr(comparison).splitlines()
    assert heads.split()[:3] == ["model", "group", "seeds"] and "sd over samples" in heads
    assert [row.split("  ")[0] for row in rows[:3]] == [row.label for row in comparison.rows]
    assert "seed 0, failed: shape: this recipe fails" in rows[4]
    assert rows[4].rstrip().endswith(")") and "--traceback" not in rows[4]  # this command has no way to show it


def test_the_page_and_the_files_hold_the_figures(compared):
    _, _, comparison, _, page = compared
    text = page.read_text()
    assert text.count("data:image/png") == 2 and "shape: this recipe fails" in text
    kept = json.loads((page.parent / "compare.json").read_text())["result"]
    assert kept["rows"][0]["figures"] == json.loads(json.dumps(comparison.to_json()))["rows"][0]["figures"]
    assert {"compare.csv", "compare.tex"} <= {path.name for path in page.parent.iterdir()}


def test_the_same_call_goes_on_and_another_is_refused(compared, monkeypatch):
    models, request, comparison, _, _ = compared
    trained: list[str] = []

    def run_jobs(jobs, _):
        trained.extend(job.label for job in jobs)
        return [(job, Done(0, "again")) for job in jobs]

    monkeypatch.setattr("remblai.compare.models.run_jobs", run_jobs)
    with pytest.raises(ValueError, match="holds another comparison: budget"):
        compare_models(models, **request | {"steps": 4})
    other = Path(request["out"]).parent / "other.npy"
    np.save(other, np.random.default_rng(1).normal(size=(100, 2)))
    with pytest.raises(ValueError, match="holds another comparison: data"):
        compare_models(models, **request | {"data": str(other)})
    again = compare_models(models, **request)
    assert again.rows[-1].failures == {0: "again"}
    assert trained == [row.label for row in comparison.rows if not row.trials]
    assert [row.figures for row in again.rows] == [row.figures for row in comparison.rows]


def test_more_seeds_and_models_go_on_in_whatever_order(compared, monkeypatch):
    """Only what is not there yet is trained."""
    models, request, comparison, _, _ = compared
    wanted: list[tuple[str, int]] = []

    def run_jobs(jobs, _):
        wanted.extend((job.label, job.seed) for job in jobs)
        return [(job, Done(0, "later")) for job in jobs]

    monkeypatch.setattr("remblai.compare.models.run_jobs", run_jobs)
    more = f"vae {SMALL}"
    found = compare_models([more, *models[1::-1]], **request | {"seeds": 2})
    labels = [row.label for row in comparison.rows if row.trials]
    assert {(row.label, seed) for row in found.rows for seed in row.failures} == {*wanted}
    (added,) = {row.label for row in found.rows} - {*labels}
    assert sorted(wanted) == sorted([(label, 1) for label in labels] + [(added, 0), (added, 1)])
    kept = {row.label: row.figures for row in comparison.rows if row.trials}
    assert {row.label: row.figures for row in found.rows if row.trials} == kept


def test_a_result_stays_until_there_is_another(compared, monkeypatch):
    models, request, *_ = compared
    place = Path(request["out"]) / "compare.json"
    before = json.loads(place.read_text())["result"]

    def stopped(jobs, _):
        raise KeyboardInterrupt

    monkeypatch.setattr("remblai.compare.models.run_jobs", stopped)
    with pytest.raises(KeyboardInterrupt):
        compare_models(models, **request)
    assert json.loads(place.read_text())["result"] == before


def test_another_file_of_a_recipe_s_name_is_no_other_training_of_it(compared, tmp_path, monkeypatch):
    own = FILE_RECIPE.replace('raise ValueError("shape: this recipe fails")', "return wae_mmd(shape, latent=1)")
    for name, text in {"a": own, "b": own + "# another"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(text)
    request = compared[1] | {"out": tmp_path / "out", "steps": 2}
    models = [f"ae {SMALL}", f"{tmp_path / 'a' / 'mine.py'}:mine"]
    compare_models(models, **request)
    monkeypatch.setattr("remblai.compare.models.run_jobs", lambda jobs, _: [])
    compare_models(models, **request)
    with pytest.raises(ValueError, match=r"mine\.py:mine was trained by a file with the sha256"):
        compare_models([models[0], f"{tmp_path / 'b' / 'mine.py'}:mine"], **request)


def test_figures_on_features_that_are_named_are_taken_anew(compared, tmp_path, capsys):
    _, request, comparison, _, _ = compared
    runs = [row.trials[0].folder for row in comparison.rows if row.trials]
    found = compare_models(runs, data=request["data"], features="pca", by="frechet", out=tmp_path / "out")
    assert all(row.figures["frechet"].features["name"] == "pca-2" for row in found.rows)
    words = ["compare", *runs, "--data", request["data"], "--by", "frechet", "--out", str(tmp_path / "command")]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--features", "pca", "--features.components", "1"])
    assert ended.value.code == 0 and "features: pca-1 (sha256 " in capsys.readouterr().out
    with pytest.raises(ValueError, match="features"):
        compare_models(runs, data=request["data"], features="pcaa", out=tmp_path / "again")


@pytest.mark.parametrize(("budget", "steps"), [({}, None), ({"steps": 7}, "7"), ({"images": 60}, "3")])
def test_each_recipe_has_its_own_steps_where_there_is_no_budget(compared, tmp_path, monkeypatch, budget, steps):
    models, request, *_ = compared
    given: list[tuple[str, ...]] = []

    def run_jobs(jobs, _):
        given.extend(job.words for job in jobs)
        return [(job, Done(0, "not trained")) for job in jobs]

    monkeypatch.setattr("remblai.compare.models.run_jobs", run_jobs)
    with pytest.raises(RuntimeError, match="not trained"):
        compare_models(models[:2], data=request["data"], seeds=1, out=tmp_path / "out", **budget)
    for words in given:
        assert (words[words.index("--steps") + 1] if "--steps" in words else None) == steps
    assert len(given) == 2


def test_codes_of_a_size_that_is_chosen_have_a_budget_of_images(compared, tmp_path, monkeypatch):
    models, request, *_ = compared
    monkeypatch.setattr("remblai.runs.latent.PROBE", 2)
    monkeypatch.setattr("remblai.compare.models.run_jobs", lambda jobs, _: [(job, Done(0, job.words)) for job in jobs])
    auto = models[0].replace("--latent 2", "--latent auto")
    with pytest.raises(RuntimeError, match="'--steps', '3'"):
        compare_models([auto, models[0]], data=request["data"], seeds=1, out=tmp_path / "out", images=60)


def test_runs_that_are_there_are_compared_with_each_other_only_on_one_data_set(compared):
    _, request, comparison, _, _ = compared
    runs = [row.trials[0].folder for row in comparison.rows if row.trials]
    found = compare_models(runs, out=Path(request["out"]).parent / "again")
    (note,) = found.notes
    assert note.endswith("each has its own budget and one seed, so a test of two speaks of these trained models alone")
    assert [row.figures for row in found.rows] == [row.figures for row in comparison.rows if row.trials]
    folder = Path(request["out"]).parent / "other"
    other = np.random.default_rng(1).normal(size=(100, 2))
    remblai.train("ae", data=other, steps=2, latent=2, batch_size=20, out=folder, quiet=True, evaluate_every=0)
    with pytest.raises(ValueError, match="expected runs of the same data"):
        compare_models([runs[0], str(folder)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"steps": 3, "epochs": 1}, "one budget"),
        ({"seeds": 0}, "above 0"),
        ({"minutes": -1}, "above 0"),
        ({"data": "digit"}, "digits"),
        ({"by": "energy_distanc_squared"}, "energy_distance_squared"),
        ({"by": "nope"}, "^by: unknown figure 'nope'"),
        ({"jobs": 0}, "^jobs: expected a number above 0, got 0"),
        ({"jobs": -1}, "^jobs: expected a number above 0, got -1"),
        ({"threads": 0}, "^threads: expected a number above 0, got 0"),
        ({"threads": -2}, "^threads: expected a number above 0, got -2"),
        ({"most": 1}, "^most: expected at least 2 models, which a comparison has, got 1"),
        ({"by": "frechet", "data": "ring"}, "frechet is a figure of images, and the data are a table"),
    ],
)
def test_bad_requests_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        compare_models(["gan", "wgan"], **given)


@pytest.mark.parametrize(
    ("seeds", "words"),
    [(1, "one seed each: a test speaks of these trained models"), (2, "it is not tested beside one")],
)
def test_notes_of_runs_beside_recipes_say_what_is_tested(compared, seeds, words):
    models, request, comparison, _, _ = compared
    run = next(row.trials[0].folder for row in comparison.rows if row.trials)
    asked = request_of([run, models[0]], None, 100, {}, data=request["data"], seeds=seeds)
    (said,) = [note for note in notes(asked, [], 1, 1) if "test" in note]
    assert words in said


def test_a_configuration_with_unknown_keys_is_refused(tmp_path):
    path = tmp_path / "compare.yaml"
    path.write_text("data: digits\nseed: 3\nruns: [gan, wgan]\n")
    with pytest.raises(ValueError, match="seeds"):
        compare_models(config=path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis").write_text("mine")
    with pytest.raises(ValueError, match="holds no comparison"):
        compare_models(["gan", "wgan"], steps=1, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]
