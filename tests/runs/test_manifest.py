"""What a run is made with: repeated, resumed, refused."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small import SMALL, last, train

import remblai
from remblai.data import load as load_data
from remblai.objectives import Objective
from remblai.recipes import recipe
from remblai.runs.folder import Run
from remblai.runs.manifest import describe
from remblai.runs.resolve import resolve


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that no test changes."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("measure", "write_report"):
            patch.setattr(f"remblai.runs.train.{name}", lambda *_: None)
        train(folder, threads=1)
    return folder


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"latent": 3}, "latent was 2, now 3"),
        ({"network": {"name": "mlp", "width": 8}}, "network.width was 16, now 8"),
        ({"lr": 1e-4}, r"lr was 0.\d+, now 0.0001"),
        ({"seed": 5}, "seed was 0, now 5"),
        ({"steps": 10}, "steps was 20, now 10"),
        ({"data": "ring"}, "data spec was digits, now ring"),
        ({"penalty": "adversarial"}, "penalty was mmd, now adversarial"),
        ({"recipe": "wae-gan"}, "recipe was wae-mmd, now wae-gan"),
        ({"latent": 3, "seed": 5}, "latent was 2, now 3; seed was 0, now 5"),
    ],
)
def test_other_settings_are_refused_by_name(finished: Path, other: dict[str, Any], words: str) -> None:
    before = last(finished), (finished / "run.json").read_bytes()
    with pytest.raises(ValueError, match=f"cannot be resumed: .*{words}"):
        train(finished, resume=True, **other)
    assert before == (last(finished), (finished / "run.json").read_bytes())


@pytest.mark.usefixtures("bare")
def test_an_option_of_the_data_that_differs_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for place, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (40, 12, 12), dtype=np.uint8)):
        Image.fromarray(pixels).save(tmp_path / "images" / f"{place}.png")
    given = {"data": str(tmp_path / "images")}
    train(tmp_path / "run", data_options={"size": 8}, **given)
    with pytest.raises(ValueError, match=r"data size was 8, now None; data fingerprint was"):
        train(tmp_path / "run", resume=True, **given)


@pytest.mark.usefixtures("bare")
def test_from_repeats_a_run_with_overrides(tmp_path: Path) -> None:
    train(tmp_path / "a", weight=7.0, penalty={"name": "mmd", "biased": True}, seed=5)
    quiet = {"quiet": True, "device": "cpu", "evaluate_every": 0}
    remblai.train(from_run=tmp_path / "a", out=tmp_path / "b", **quiet)
    assert last(tmp_path / "a") == last(tmp_path / "b")
    a, b = (Run.open(tmp_path / name).settings for name in "ab")
    for name in ("recipe", "arguments", "loop", "data", "seed", "precision", "compile"):
        assert a[name] == b[name], name
    remblai.train(
        from_run=tmp_path / "a", out=tmp_path / "c", weight=1.0, penalty={"name": "adversarial", "width": 8}, **quiet
    )
    c = Run.open(tmp_path / "c").settings
    assert c["arguments"]["weight"] == 1.0
    assert c["arguments"]["latent"] == 2
    assert c["arguments"]["penalty"]["width"] == 8
    assert "biased" not in c["arguments"]["penalty"]
    remblai.train("wae-mmd", from_run=tmp_path / "a", out=tmp_path / "d", data="ring", **quiet)
    assert Run.open(tmp_path / "d").settings["data"]["spec"] == "ring"
    with pytest.raises(ValueError, match="made by wae-mmd: leave the recipe out"):
        remblai.train("wae-gan", from_run=tmp_path / "a", out=tmp_path / "e", **quiet)


@pytest.mark.usefixtures("bare")
def test_a_live_part_is_trained_saved_repeated_and_loaded_when_it_is_passed(tmp_path: Path) -> None:
    part = remblai.recipes.wae_mmd((1, 8, 8), latent=2, network="mlp").penalty
    train(tmp_path / "a", penalty=part)
    with pytest.raises(ValueError, match="pass it as penalty="):
        remblai.load(tmp_path / "a")
    assert remblai.load(tmp_path / "a", penalty=part).sample(2).shape == (2, 8, 8)
    quiet = {"quiet": True, "device": "cpu", "evaluate_every": 0}
    with pytest.raises(ValueError, match="pass it as penalty="):
        remblai.train(from_run=tmp_path / "a", out=tmp_path / "b", **quiet)
    remblai.train(from_run=tmp_path / "a", out=tmp_path / "b", penalty=part, **quiet)
    remblai.train(from_run=tmp_path / "a", out=tmp_path / "c", penalty="mmd", **quiet)
    assert Run.open(tmp_path / "c").settings["arguments"]["penalty"]["name"] == "mmd"


@pytest.mark.usefixtures("bare")
def test_options_of_the_data_are_kept_and_repeated(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number, image in enumerate(np.random.default_rng(0).integers(0, 256, (40, 20, 20), dtype=np.uint8)):
        Image.fromarray(image).save(tmp_path / f"images/{number}.png")
    spec, options = str(tmp_path / "images"), {"size": 10}
    train(tmp_path / "a", data=spec, data_options=options)
    quiet = {"quiet": True, "device": "cpu", "evaluate_every": 0}
    remblai.train(from_run=tmp_path / "a", out=tmp_path / "b", **quiet)
    for name in "ab":
        assert Run.open(tmp_path / name).settings["data"]["options"] == options
        assert remblai.load(tmp_path / name).sample(1).shape == (1, 10, 10)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"latent": 0}, "latent"),
        ({"weight": -1.0}, "weight"),
        ({"batch_size": 5000}, "larger than the train split"),
        ({"batch_size": 1}, "at least 2 points"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 0, "steps": None, "epochs": 1}, "batch_size"),
        ({"accumulate": 0, "steps": None, "epochs": 1}, "accumulate"),
        ({"steps": 0}, "steps"),
        ({"epochs": 2}, "give one of them"),
        ({"steps": None, "epochs": 0}, "epochs"),
        ({"steps": None, "epochs": math.nan}, "epochs"),
        ({"steps": None, "epochs": math.inf}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"threads": 0}, "threads"),
        ({"keep": 0}, "keep"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
        ({"evaluate_every": -1}, "evaluate_every"),
        ({"precision": "float16"}, "precision"),
        ({"compile": "maybe"}, "compile"),
        ({"device": "tpu"}, "device"),
        ({"overwrite": True, "resume": True}, "give one of them"),
        ({"data": 7}, "expected an array, a tensor"),
        ({"data": "digts"}, "Did you mean 'digits'"),
        ({"data": "digits:test"}, "--data digits"),
        ({"data": "nowhere/at/all"}, "no file or folder"),
        ({"recipe": "wae-mdm"}, "Did you mean 'wae-mmd'"),
        ({"latnet": 3}, "Did you mean 'latent'"),
        ({"recipe": None}, "recipe: expected a name"),
        ({"recipe": "vae", "warm_start": 5, "penalty": "mmd"}, "unknown option of vae"),
        ({"network": "wae"}, "28 x 28 or 64 x 64"),
        ({"decoder": "bernoulli"}, "choose the deterministic or gaussian decoder"),
    ],
)
def test_bad_input_is_met_before_anything_is_written(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    given = {key: value for key, value in (SMALL | options).items() if value is not None}
    name = options.get("recipe", "wae-mmd")
    given.pop("recipe", None)
    if options.get("network") == "wae":
        given["network"] = "wae"
    with pytest.raises(ValueError, match=words):
        remblai.train(name, out=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("bare")
def test_a_run_in_the_way_survives_bad_input_with_overwrite(tmp_path: Path) -> None:
    train(tmp_path / "run")
    before = last(tmp_path / "run")
    with pytest.raises(ValueError, match="at least 2 points"):
        train(tmp_path / "run", overwrite=True, batch_size=1)
    with pytest.raises(ValueError, match="not empty"):
        train(tmp_path / "run")
    assert last(tmp_path / "run") == before
    train(tmp_path / "run", overwrite=True, seed=9)
    assert last(tmp_path / "run") != before


@pytest.mark.usefixtures("bare")
def test_the_default_batch_shrinks_to_small_data(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(30, 2)))
    options = {key: value for key, value in SMALL.items() if key != "batch_size"}
    remblai.train("wae-mmd", data=str(tmp_path / "few.npy"), out=tmp_path / "run", **options)
    assert Run.open(tmp_path / "run").settings["loop"]["batch_size"] == 24


@pytest.mark.usefixtures("bare")
def test_epochs_become_steps(tmp_path: Path) -> None:
    options = {key: value for key, value in SMALL.items() if key != "steps"}
    remblai.train("wae-mmd", out=tmp_path / "run", **options | {"batch_size": 100, "epochs": 1.5, "accumulate": 2})
    per_epoch = len(load_data("digits").train) // 100
    assert Run.open(tmp_path / "run").settings["loop"]["steps"] == int(1.5 * per_epoch / 2)


@recipe(lr=1e-3)
def endless(shape: tuple[int, ...]) -> Objective:
    """Says not how long."""
    return remblai.recipes.ae(shape, latent=2, network="mlp")


@pytest.mark.usefixtures("bare")
def test_a_recipe_without_steps_needs_them_given(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give steps or epochs"):
        remblai.train(endless, out=tmp_path / "run", quiet=True)
    assert remblai.train(endless, out=tmp_path / "run", quiet=True, steps=3, evaluate_every=0).sample(2).shape == (
        2,
        8,
        8,
    )


def test_run_json_says_all_that_is_needed(finished: Path) -> None:
    settings = json.loads((finished / "run.json").read_text())
    assert settings["schema"] == 1
    assert (settings["recipe"], settings["status"], settings["seed"]) == ("wae-mmd", "complete", 0)
    assert (settings["device"], settings["precision"], settings["compile"], settings["threads"]) == (
        "cpu",
        "float32",
        False,
        1,
    )
    assert settings["arguments"]["penalty"]["kernel"]["name"] == "imq"
    assert settings["arguments"]["network"] == {"name": "mlp", "width": 16, "depth": 2}
    assert settings["loop"]["batch_size"] == 20
    assert set(settings["data"]) >= {"spec", "options", "name", "fingerprint", "shape", "units", "splits", "split_note"}
    assert settings["started"] <= settings["ended"]
    assert {"remblai", "python", "torch", "numpy"} <= settings["versions"].keys()


@pytest.mark.parametrize(("major", "precision"), [(7, "float32"), (8, "bfloat16")])
def test_precision_auto_is_bfloat16_only_where_the_card_has_it(
    major: int, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A V100 or T4 emulates it, which torch counts as support."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (major, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a card")
    device = torch.device("cuda", 0)
    found = describe(resolve("wae-mmd", {}), "ring", load_data("ring"), {}, 0, device, "auto", "off")
    assert found["precision"] == precision
