"""What each command writes, and that --data reads it again."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from tests.cli.conftest import Call

import remblai
from remblai.data import load
from remblai.recipes import RECIPES

OPTIONS: dict[str, Any] = {
    "latent": 2,
    "network": {"name": "mlp", "width": 16},
    "steps": 40,
    "batch_size": 20,
    "device": "cpu",
    "quiet": True,
    "evaluate_every": 0,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of an auto-encoder on grey images, on colour images, on points in units of their own, and of a generator."""
    folder = tmp_path_factory.mktemp("commands")
    rng = np.random.default_rng(0)
    np.savez(folder / "colour.npz", images=rng.integers(0, 256, (80, 9, 7, 3), dtype=np.uint8))
    np.save(folder / "points.npy", rng.normal([100, -5, 7], [10, 0.1, 1], (300, 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        for name, data in (("grey", "digits"), ("colour", "colour.npz"), ("points", "points.npy")):
            spec = data if name == "grey" else str(folder / data)
            remblai.train("wae-mmd", data=spec, out=folder / name, **OPTIONS)
        remblai.train("gmmn", data="digits", out=folder / "generator", prior="sphere", **OPTIONS)
    return {name: folder / name for name in ("grey", "colour", "points", "generator")}


def arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize(("name", "shape"), [("grey", (8, 8, 1)), ("colour", (9, 7, 3))])
@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_samples_of_images_are_read_again(
    call: Call, runs: dict[str, Path], tmp_path: Path, name: str, shape: tuple[int, ...], suffix: str
) -> None:
    out = tmp_path / f"s{suffix}"
    assert call("sample", runs[name], "-n", 20, "--out", out, "--seed", 3) == (0, f"{out}\n", "")
    images = arrays(out)["images"] if suffix == ".npz" else np.load(out)
    assert (images.shape, images.dtype) == ((20, *shape), np.uint8)
    assert np.array_equal(images.reshape(20, *shape), remblai.load(runs[name]).sample(20, seed=3).reshape(20, *shape))
    again = load(str(out))
    assert again.shape == (shape[2], *shape[:2])
    assert len(again.train) + len(again.validation) + len(again.test) == 20


def test_a_law_is_fitted_drawn_from_and_measured(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    run, out = runs["points"], tmp_path / "s.npz"
    code, told, err = call("fit", run, "--sampler", "mixture", "--sampler.components", 2)
    assert (code, err) == (0, ""), err
    assert f"remblai sample {run} --sampler mixture" in told
    assert call("sample", run, "-n", 20, "--sampler", "mixture", "--out", out)[0] == 0
    assert np.array_equal(arrays(out)["values"], remblai.load(run).sample(20, sampler="mixture"))
    assert len(remblai.load(run).law("mixture").weights) == 2
    cards = [json.loads(call("evaluate", run, "--json", *more)[1]) for more in ((), ("--sampler", "mixture"))]
    assert cards[0]["w2"]["value"] != cards[1]["w2"]["value"]
    one, other = (card["reconstruction_mse"] for card in cards)
    assert one == pytest.approx(other, rel=1e-6), "distances in float32 differ in the last digit by what is beside them"


def test_samples_of_points_are_in_the_datas_units_and_are_read_again(
    call: Call, runs: dict[str, Path], tmp_path: Path
) -> None:
    assert call("sample", runs["points"], "-n", 200, "--out", tmp_path / "s.npz")[0] == 0
    values = arrays(tmp_path / "s.npz")["values"]
    assert values.shape == (200, 3)
    assert np.allclose(values.mean(0), [100, -5, 7], atol=8)
    assert load(str(tmp_path / "s.npz")).shape == (3,)
    assert call("sample", runs["points"], "-n", 200, "--out", tmp_path / "s.csv")[0] == 0
    table = np.loadtxt(tmp_path / "s.csv", delimiter=",", skiprows=1)
    assert np.allclose(table, values, rtol=1e-6)


def test_pictures_that_are_left_out_are_told(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    for place in range(4):
        Image.fromarray(np.full((8, 8), 60 * place, np.uint8)).save(tmp_path / f"{place}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    given = ("--data", tmp_path, "--skip-broken", "--out", tmp_path / "codes.npz")
    code, _, told = call("encode", runs["grey"], *given)
    assert code == 0
    assert told.startswith("data: ") and "broken.png" in told and "grey images" not in told


def test_a_sheet_is_a_picture(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    assert call("sample", runs["colour"], "-n", 4, "--out", tmp_path / "s.png")[0] == 0
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.size[0] > 14
    assert call("sample", runs["grey"])[1] == f"{runs['grey'] / 'drawn.png'}\n"
    assert call("sample", runs["points"])[1] == f"{runs['points'] / 'drawn.npz'}\n"


@pytest.mark.parametrize("name", ["grey", "colour", "points"])
def test_codes_with_labels_split_and_index(call: Call, runs: dict[str, Path], tmp_path: Path, name: str) -> None:
    run = remblai.load(runs[name])
    spec = run.run.settings["data"]["spec"]
    assert call("encode", runs[name], "--data", spec, "--out", tmp_path / "z.npz")[0] == 0
    told, data = arrays(tmp_path / "z.npz"), load(spec)
    n = len(data.train) + len(data.validation) + len(data.test)
    labels = {} if data.classes is None else {"labels": (n,)}
    expected = {"codes": (n, 2), "split": (n,), "index": (n,)} | labels
    assert {key: value.shape for key, value in told.items()} == expected
    assert sorted(told["index"]) == list(range(n))
    for split in (data.train, data.validation, data.test):
        own = told["split"] == split.name
        assert np.array_equal(told["index"][own], split.index.numpy())
        assert np.allclose(told["codes"][own], run.code_means(split).numpy(), atol=1e-4)
        assert split.labels is None or np.array_equal(told["labels"][own], split.labels.numpy())
    assert call("encode", runs[name], "--data", f"{spec}:test", "--out", tmp_path / "t.npz")[0] == 0
    assert set(arrays(tmp_path / "t.npz")["split"]) == {"test"}


def test_new_points_are_seen_in_the_units_of_those_the_run_was_trained_on(
    call: Call, runs: dict[str, Path], tmp_path: Path
) -> None:
    points = np.random.default_rng(1).normal([130, -5.2, 9], [3, 0.2, 2], (50, 3))
    np.save(tmp_path / "new.npy", points)
    assert call("encode", runs["points"], "--data", tmp_path / "new.npy", "--out", tmp_path / "z.npz")[0] == 0
    told, run = arrays(tmp_path / "z.npz"), remblai.load(runs["points"])
    assert np.array_equal(told["index"], np.arange(50)) and "split" not in told
    assert np.allclose(told["codes"], run.encode(points), atol=1e-3)
    alone = np.concatenate([run.encode(point[None]) for point in points])  # whatever else is in the file
    assert np.allclose(told["codes"], alone, atol=1e-3)
    call("reconstruct", runs["points"], "--data", f"{tmp_path / 'new.npy'}:test", "--out", tmp_path / "r.npy")
    held = points[load(tmp_path / "new.npy").test.index.numpy()]
    assert np.allclose(np.load(tmp_path / "r.npy"), run.reconstruct(held), rtol=1e-3)


@pytest.mark.parametrize("name", ["grey", "colour", "points"])
def test_reconstructions_of_held_out_data(call: Call, runs: dict[str, Path], tmp_path: Path, name: str) -> None:
    run = remblai.load(runs[name])
    data = load(run.run.settings["data"]["spec"])
    assert call("reconstruct", runs[name], "--out", tmp_path / "r.npz")[0] == 0
    (values,) = arrays(tmp_path / "r.npz").values()
    expected = run.reconstruct(data.units.restore(data.test[:]))
    assert np.allclose(values.reshape(expected.shape).astype(float), expected.astype(float), atol=1.0)
    assert call("reconstruct", runs[name], "-n", 3, "--data", data.name if name == "grey" else
                run.run.settings["data"]["spec"], "--out", tmp_path / "few.npz")[0] == 0  # fmt: skip
    (few,) = arrays(tmp_path / "few.npz").values()
    assert len(few) == 3


def test_a_sheet_of_reconstructions_has_the_data_above(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    for n in (5, 40):
        assert call("reconstruct", runs["grey"], "-n", n, "--out", tmp_path / f"{n}.png")[0] == 0
        with Image.open(tmp_path / f"{n}.png") as sheet:
            across, rows = min(n, 16), 2 * -(-n // 16)
            assert sheet.width / sheet.height == pytest.approx(across / rows, rel=0.02), "data above, as many below"


def test_walks(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    told = call("interpolate", runs["grey"], "-n", 3, "--steps", 5, "--out", tmp_path / "w.npz")
    assert told[0] == 0
    images = arrays(tmp_path / "w.npz")["images"]
    assert images.shape == (15, 8, 8, 1)
    run, data = remblai.load(runs["grey"]), load("digits")
    ends = run.reconstruct(data.units.restore(data.test[:6]))
    assert np.allclose(images[::5, ..., 0].astype(float), ends[:3], atol=1)
    assert np.allclose(images[4::5, ..., 0].astype(float), ends[3:], atol=1)
    assert call("interpolate", runs["colour"], "--steps", 3, "--out", tmp_path / "w.npz")[0] == 0
    assert len(arrays(tmp_path / "w.npz")["images"]) == 3 * 4, "no number given, and 8 held-out images: 4 pairs"
    assert call("interpolate", runs["colour"], "-n", 2, "--out", tmp_path / "w.png")[0] == 0


def test_a_film_of_walks_plays_forth_and_back(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    words = ("interpolate", runs["grey"], "-n", 3, "--steps", 4)
    assert call(*words, "--out", tmp_path / "w.gif")[0] == 0
    assert call(*words, "--out", tmp_path / "w.npz")[0] == 0
    walks = arrays(tmp_path / "w.npz")["images"].reshape(3, 4, 8, 8).astype(float)
    with Image.open(tmp_path / "w.gif") as film:
        assert film.info["loop"] == 0
        frames = [np.asarray(frame.convert("L"), dtype=float) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 6
    assert np.allclose(frames[1], frames[5], atol=2)
    assert np.allclose(frames[2], frames[4], atol=2)
    for place in range(4):  # the first walk is at the upper left: its middle is that of its cell
        middle = frames[place][28:84, 28:84].mean()
        assert middle == pytest.approx(walks[0, place, 2:6, 2:6].mean(), abs=12)


def test_walks_between_draws_where_there_is_no_encoder(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    assert call("interpolate", runs["generator"], "-n", 3, "--steps", 4, "--out", tmp_path / "w.npz")[0] == 0
    images = arrays(tmp_path / "w.npz")["images"]
    assert images.shape == (12, 8, 8, 1)
    run = remblai.load(runs["generator"])
    assert np.allclose(images[::4, ..., 0].astype(float), run.decode(run.prior_sample(6)[:3]), atol=1)


def test_a_walk_of_a_split(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    assert call("interpolate", runs["grey"], "--data", "digits:train", "--out", tmp_path / "w.npy")[0] == 0


@pytest.mark.parametrize("more", [[], ["--data", "digits"]])
def test_figures_as_json_and_as_a_table(call: Call, runs: dict[str, Path], more: list[str]) -> None:
    code, out, err = call("evaluate", runs["grey"], "-n", 60, "--json", *more)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told.pop("schema") == 1
    assert told.keys() >= {"energy_distance_squared", "reconstruction_mse", "w2", "latent_mmd_squared"}
    assert all(figure.keys() >= {"value", "floor", "spread", "n"} for figure in told.values())
    more_keys = {key for figure in told.values() for key in figure} - {"value", "floor", "spread", "n"}
    assert more_keys <= {"sees", "by_axis", "dead", "spectrum", "features", "by_level", "full_rank", "sides"}
    assert remblai.load(runs["grey"]).run.metrics() == told
    (page := runs["grey"] / "report.html").write_text("")
    *table, last = call("evaluate", runs["grey"], "-n", 60)[1].splitlines()
    page.unlink()
    assert last == f"what each figure means: the table in {page}"
    assert table[0].split() == ["value", "floor", "std", "n"]
    assert [line.split()[0] for line in table[1:]] == [*told, "features:"]
    assert remblai.evaluate(runs["grey"], n=60) == told


def test_the_page_is_written_again(call: Call, runs: dict[str, Path]) -> None:
    page = runs["colour"] / "report.html"
    page.unlink(missing_ok=True)
    assert call("report", runs["colour"])[:2] == (0, f"{page}\n")
    assert page.is_file()
    page.unlink()
    assert remblai.write_report(runs["colour"]) == page
    assert page.is_file()


def test_lists_and_versions(call: Call) -> None:
    code, out, _ = call("list")
    assert code == 0
    for word in ("recipes", "wae-mmd", "digits", "imq", "gaussian", "dcgan"):
        assert f"{word} " in out or f"{word}\n" in out
    assert "wae-gan" in call("list", "recipes")[1]
    info = call("info")[1]
    assert re.search(rf"^torch +{re.escape(torch.__version__)}$", info, re.M)


def test_json_is_one_object_and_nothing_else(call: Call) -> None:
    code, out, err = call("list", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["recipes"].keys() == RECIPES.keys()
    assert json.loads(call("list", "recipes", "--json")[1]).keys() == RECIPES.keys()
    assert json.loads(call("info", "--json")[1])["threads"] >= 1


def test_a_recipes_steps_are_timed_by_each_choice(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remblai.runs.measure.timed.__defaults__", (0.01, None))
    words = ["info", "--measure", "wae-mmd", "--data", "ring", "--batch-size", "16", "--device", "cpu"]
    code, out, _ = call(*words)
    assert code == 0
    assert "wae-mmd on ring, batches of 16, cpu" in out
    assert [re.split(" +", line)[1] for line in out.splitlines()[2:]] == ["float32", "bfloat16"]
    assert out.splitlines()[2].split()[-1] == "1.00x"
    assert {row["choice"]["precision"] for row in json.loads(call(*words, "--json")[1])} == {"float32", "bfloat16"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sample", "grey", "-n", "0"], "expected a whole number, at least 1"),
        (["sample", "grey", "--out", "x.jpg"], r"ends in .png, .npz, .npy, .csv, .tsv or .parquet"),
        (["sample", "grey", "--out", "x.csv"], "images are no table: write x.npz"),
        (["sample", "points", "--out", "x.png"], "points cannot be drawn"),
        (["sample", "grey", "--which", "best"], "No such option"),
        (["sample", "grey", "--sampler", "gaussian"], "remblai fit .* --sampler gaussian"),
        (["sample", "grey", "--sampler", "gaussain"], "Did you mean 'gaussian'"),
        (["evaluate", "generator", "--sampler", "mixture"], "gmmn has no encoder"),
        (["fit", "generator"], "gmmn has no encoder"),
        (["fit", "grey", "--sampler", "prior"], "unknown sampler .prior.. Known: .*gaussian"),
        (["fit", "grey", "--sampler", "mixture", "--sampler.components", "0"], "at least 1 component"),
        (["fit", "grey"], "the prior is not fitted: name another"),
        (["fit", "grey", "--sampler", "gaussian", "--sampler.components", "3"], "No such option"),
        (["fit", "nowhere"], "not a run"),
        (["encode", "grey", "--data", "digits", "--out", "x.npy"], "ends in .npz, .csv, .tsv or .parquet"),
        (["encode", "grey", "--data", "digits", "--size", "16", "--out", "x.npz"], "--size does not apply"),
        (["sample", "grey", "--out", "cache/"], "ends in .png"),
        (["sample", "grey", "--out", "cache.npz"], "cache.npz is a folder: use another name"),
        (["sample", "grey", "--out", "x" * 300 + ".npz"], "File name too long"),
        (["sample", "grey", "--out", "~nouser/s.npz"], "no home folder here"),
        (["sample", "grey", "--out", "\udcff.npz"], r"expected a name in UTF-8, got b'\\xff.npz'"),
        (["encode", "grey", "--data", "ring", "--out", "x.npz"], "use data of that shape"),
        (["reconstruct", "grey", "--data", "nowhere/x", "--out", "x.npz"], "no file or folder"),
        (["reconstruct", "grey", "--out", "x.csv"], "images are no table: write x.npz"),
        (["reconstruct", "grey", "-n", "0", "--out", "x.npz"], "expected"),
        (["reconstruct", "grey", "-n", "-3", "--out", "x.npz"], "expected"),
        (["interpolate", "grey", "-n", "5000", "--out", "x.npz"], "walks between"),
        (["interpolate", "grey", "-n", "0", "--out", "x.npz"], "at least 1 walk"),
        (["interpolate", "generator", "--data", "digits", "--out", "x.npz"], "has no encoder"),
        (["interpolate", "generator", "--size", "8", "--out", "x.npz"], "leave --data and its options out"),
        (["interpolate", "grey", "--steps", "1", "--out", "x.npz"], "at least 2"),
        (["interpolate", "grey", "--classes", "a,b", "--data", "digits", "--out", "x.npz"], "leave --data and its"),
        (["interpolate", "grey", "--data", "", "--out", "x.npz"], "got an empty text"),
        (["reconstruct", "grey", "--data", "", "--out", "x.npz"], "got an empty text"),
        (["export", "grey", "--data", "", "--out", "x"], "got an empty text"),
        (["export", "generator", "--data", "digits", "--out", "x"], "has no encoder, .*leave --data"),
        (["report", "grey", "--recipe", "ae"], "this run was made by wae-mmd, .*got ae: leave it out"),
        (["evaluate", "grey", "-n", "100000"], "expected 1 to"),
        (["evaluate", "grey", "-n", "2"], "at least 4"),
        (["evaluate", "grey", "--data", "digits:test"], "--data digits"),
        (["evaluate", "points", "--data", "digits"], "use data of that shape"),
        (["report", "."], "not a run"),
        (["list", "recipies"], "Did you mean 'recipes'"),
        (["sample", "grey", "--device", "cuda:77"], "device"),
        (["sample", "grey", "--out", "/proc/x/s.npz"], "cannot be written"),
    ],
)
def test_bad_input_exits_with_2_and_writes_nothing(
    call: Call, runs: dict[str, Path], tmp_path: Path, words: list[str], told: str
) -> None:
    (tmp_path / "cache.npz").mkdir()
    code, out, err = call(*[runs.get(word, word) for word in words])
    assert (code, out) == (2, ""), err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(told, err)
    assert not [path for path in tmp_path.iterdir() if path.name not in {"cache", "cache.npz"}]


def test_a_write_that_fails_leaves_the_old_file(
    call: Call, runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "s.npz"
    call("sample", runs["grey"], "-n", 4, "--out", out)
    before = out.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    code, _, err = call("sample", runs["grey"], "-n", 9, "--out", out)
    assert (code, "No space left" in err) == (1, True)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["s.npz"]


def test_a_run_cut_short_is_refused_with_words(call: Call, runs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "run.json").write_bytes((runs["grey"] / "run.json").read_bytes())
    assert "no checkpoint yet" in call("sample", folder)[2]
    (folder / "run.json").write_text('{"schema": 1, "rec')
    assert "cannot be read" in call("sample", folder)[2]
