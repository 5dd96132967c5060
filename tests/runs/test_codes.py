"""Runs on codes of a pretrained auto-encoder, by the command line: pictures go in and come out."""

import base64
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tests.small_codes import CHANNELS, SIDE, save_autoencoder, save_pictures

import remblai
from remblai import data
from remblai.cli.main import main
from remblai.config.registry import nest
from remblai.data import Units
from remblai.data.pretrained import WEIGHTS
from remblai.deploy import check, files
from remblai.deploy.card import model_card
from remblai.deploy.parts import parts_of
from remblai.explorer.explored import Explored
from remblai.explorer.queries import QUERIES
from remblai.networks.shapes import CodeShape
from remblai.recipes import RECIPES
from remblai.runs.data import data_like
from remblai.runs.published import public_settings
from remblai.runs.record import read_settings

pytest.importorskip("diffusers", reason="the package of the extra latents is not installed")
TINY = ("--velocity.width", 8, "--batch-size", 4, "--device", "cpu", "--quiet")
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return int(done.value.code or 0), out, err

    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an auto-encoder `vae`, pictures, and the runs `flow` of 3 steps and `wae` of 4."""
    folder = tmp_path_factory.mktemp("codes")
    save_autoencoder(folder / "vae")
    save_pictures(folder / "few", 12)
    save_pictures(folder / "pictures", 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        _train(folder, "flow-matching", "few", "flow", ["--codes-of", "vae", "--steps", 3, *TINY])
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        options = ["--codes-of", "vae", "--steps", 4, "--network", "mlp", "--network.width", 8, *TINY[2:]]
        _train(folder, "wae-mmd", "pictures", "wae", options)
    return folder


def _train(folder: Path, recipe: str, data: str, out: str, options: Sequence[object]) -> None:
    words = ["train", recipe, "--data", folder / data, "--out", folder / out, *options]
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in words])
    assert not done.value.code


def test_pictures_of_full_size_come_out(place: Path, call: Call, tmp_path: Path) -> None:
    code, _, err = call("sample", place / "flow", "-n", 5, "--out", tmp_path / "samples.npz", "--device", "cpu")
    assert code == 0, err
    with np.load(tmp_path / "samples.npz") as stored:
        assert stored["images"].shape == (5, SIDE, SIDE, 3) and stored["images"].dtype == np.uint8
        assert stored["images"].std() > 0
    assert call("interpolate", place / "flow", "-n", 2, "--steps", 3, "--out", tmp_path / "walk.png")[0] == 0
    assert Image.open(tmp_path / "walk.png").size[0] >= 3 * SIDE
    for name in ("samples.png", "walks.png"):
        assert (place / "flow" / name).is_file()


def test_run_json_keeps_the_autoencoder_and_the_standardisation(place: Path) -> None:
    data = read_settings(place / "flow")["data"]
    assert data["shape"] == [CHANNELS, SIDE // 2, SIDE // 2]
    assert data["options"]["codes_of"] == str(place / "vae")  # in full, though it was named by a relative path
    assert data["units"]["codes"]["kind"] == "AutoencoderKL"
    assert len(data["units"]["codes"]["sha256"]) == 64
    assert len(data["units"]["mean"]) == len(data["units"]["deviation"]) == CHANNELS
    public = json.dumps(public_settings(read_settings(place / "flow")))
    assert str(place) not in public and '"codes_of": "vae"' in public


def test_the_page_says_what_is_decoded(place: Path) -> None:
    page = (place / "flow" / "report.html").read_text()
    assert "codes of" in page and "AutoencoderKL" in page and "The frozen AutoencoderKL decodes them" in page
    assert "Trained on 10 codes of 2 x 8 x 8" in page


def test_figures_are_of_pictures(place: Path, call: Call) -> None:
    code, out, err = call("evaluate", place / "wae", "--device", "cpu")
    assert code == 0, err
    assert "of pictures, decoded by the frozen AutoencoderKL" in out
    trained = remblai.load(place / "wae", device="cpu")
    x = remblai.data.load(str(place / "pictures")).test[:]
    again = trained.reconstruct(trained.units.visible.restore(x)) / 255
    expected = ((x.permute(0, 2, 3, 1).numpy() - again) ** 2).mean()
    metrics = trained.run.metrics()
    assert metrics is not None
    assert metrics["reconstruction_mse"]["value"] == pytest.approx(expected, rel=0.02)  # bytes are rounded


def test_other_pictures_are_encoded_as_those_of_the_run(place: Path, call: Call, tmp_path: Path) -> None:
    save_pictures(tmp_path / "others", 40, seed=5)
    trained = remblai.load(place / "wae", device="cpu")
    code, _, err = call(
        "encode", place / "wae", "--data", tmp_path / "others", "--out", tmp_path / "z.npz", "--device", "cpu"
    )
    assert code == 0, err
    other = remblai.data.load(str(tmp_path / "others"))
    with np.load(tmp_path / "z.npz") as stored:
        first = stored["codes"][stored["split"] == "test"]
    assert np.allclose(first, trained.encode(other.units.restore(other.test[:])), atol=1e-3)
    one = tmp_path / "others" / "0.png"
    assert call("encode", place / "wae", "--data", one, "--out", tmp_path / "one.npz", "--device", "cpu")[0] == 0


def test_a_resumed_run_equals_one_that_was_not_stopped(
    place: Path, call: Call, tmp_path: Path, bare: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", "flow-matching", "--data", place / "few", "--codes-of", place / "vae", *TINY]
    words += ["--schedule", "constant", "--resume"]
    for out, steps in (("whole", 4), ("parts", 2), ("parts", 4)):
        code, _, err = call(*words, "--steps", steps, "--out", tmp_path / out)
        assert code == 0, err
    whole, parts = _weights(tmp_path / "whole"), _weights(tmp_path / "parts")
    assert all(whole[name].equal(parts[name]) for name in whole)
    monkeypatch.chdir(tmp_path)
    code, _, err = call("train", "--from", "whole", "--out", "again", "--quiet")
    assert code == 0, err
    assert all(whole[name].equal(of) for name, of in _weights(tmp_path / "again").items())


def _weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / "00000004" / "weights.safetensors")


def test_resuming_on_another_autoencoder(place: Path, call: Call, tmp_path: Path) -> None:
    words = ["train", "flow-matching", "--data", place / "few", *TINY, "--steps", 3]
    words += ["--out", place / "flow", "--resume"]
    shutil.copytree(place / "vae", tmp_path / "vae2")
    code, _, err = call(*words, "--codes-of", tmp_path / "vae2")
    assert code == 2 and "codes_of was AutoencoderKL of" in err and err.count("\n") == 1
    code, _, err = call(*words)
    assert code == 2 and "now none" in err and err.count("\n") == 1


def test_an_autoencoder_that_moved_or_changed(place: Path, call: Call, tmp_path: Path) -> None:
    run, vae = tmp_path / "run", tmp_path / "vae"
    shutil.copytree(place / "vae", vae)
    shutil.copytree(place / "flow", run)
    text = (run / "run.json").read_text().replace(str(place / "vae"), str(vae))
    (run / "run.json").write_text(text)
    weights = (vae / WEIGHTS).read_bytes()
    (vae / WEIGHTS).write_bytes(weights[:-4] + b"\0\0\0\1")
    for words in (["sample", run, "-n", 1], ["report", run]):
        code, _, err = call(*words)
        assert code == 2 and "holds another" in err and err.count("\n") == 1
    shutil.rmtree(vae)
    code, _, err = call("sample", run, "-n", 1)
    assert code == 2 and "put the auto-encoder back there" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--data", "grey"], "pictures of 3 channels"),
        (["--data", "ring"], "holds points"),
        (["--data", "table.csv"], "holds points"),
        (["--data", "few", "--size", "15"], "--size 14"),
        (["--data", "few", "--augment", "flip"], "trains on their codes"),
        (["--data", "few", "--codes-of", "nowhere"], "there is no folder nowhere"),
        (["--data", "few", "--codes-of", "few"], "has no config.json"),
    ],
)
def test_refusals_are_one_line(
    words: list[str], problem: str, place: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    if not (place / "grey").exists():
        save_pictures(place / "grey", 4, "L")
        (place / "table.csv").write_text("a,b\n" + "1.5,2\n2,3.5\n" * 10)
    code, _, err = call(
        "train", "flow-matching", "--codes-of", "vae", *words, *TINY, "--steps", 1, "--out", tmp_path / "r"
    )
    assert code == 2 and problem in err and err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_exported_files_take_and_give_pictures(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    run, pictures = remblai.load(place / "wae", device="cpu"), data.load(str(place / "pictures")).test
    parts, missing = parts_of(run)
    assert [part.name for part in parts] == ["encoder", "decoder", "sampler"] and not missing
    assert parts[0].inputs == {"images": (("n", SIDE, SIDE, 3), torch.uint8)}
    encoder, decoder, sampler = parts
    images = Units(pictures.shape, (0.0, 1.0)).restore(pictures[:])
    codes = run.codes(run.units.scale(images))
    assert (encoder.module(torch.from_numpy(images)) - codes).abs().max() < 1e-4 * codes.std()
    noise = torch.randn(70, run.objective.prior.latent)  # more rows than diffusers' own branches take as one case
    files.write_part(tmp_path, sampler, {"noise": noise.numpy()}, 18)
    expected = run.decode(run.objective.prior.scale * noise)
    found = check.run_onnx(tmp_path / "sampler.onnx", {"noise": noise.numpy()})
    assert found.dtype == np.uint8 and found.shape == (70, SIDE, SIDE, 3)
    assert np.abs(found.astype(int) - expected).max() <= 1 and expected.std() > 1
    archive = torch.export.load(tmp_path / "sampler.pt2").module()
    assert np.abs(archive(noise).numpy().astype(int) - expected).max() <= 1
    for part, other in ((encoder, "decoder"), (sampler, "encoder")):
        kept = part.module.state_dict()
        assert not [key for key in kept if f"network.{other}." in key], "the weights of the other half are left out"
    card = model_card(run, parts, {"files": {}, "missing": {}, "sampler": "prior", "classes": []})
    assert "codes 2 x 8 x 8 of the pretrained AutoencoderKL `vae`" in card and str(place) not in card
    for part in (encoder, decoder):
        inputs = check.inputs_of(part, run, data_like(run.run.settings, run.units))
        found = part.module(*map(torch.from_numpy, inputs.values())).numpy()
        assert check.difference(part, found, check.expected_of(part, run, inputs), run.units).within("float32")


def test_a_run_on_codes_is_explored_in_pictures(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    run = remblai.load(place / "wae", device="cpu")
    explored = Explored(run, data_like(run.run.settings, run.units))

    def shown(found: dict[str, Any]) -> np.ndarray:
        shape = (found["count"], found["height"], found["width"], 4)
        return np.frombuffer(base64.b64decode(found["rgba"]), np.uint8).reshape(shape)[..., :3]

    pictures = data.load(str(place / "pictures"))
    images = Units(pictures.shape, (0.0, 1.0)).restore(pictures.test[:])
    assert (shown(QUERIES["gallery"]([explored], {"start": 0})["data"]) == images).all(), "not what comes back of them"
    encoded = QUERIES["encode"]([explored], {"place": 1})
    again = run.decode(torch.tensor([encoded["code"]]))
    assert np.abs(shown(encoded["decoded"]).astype(int) - again).max() <= 1
    near = QUERIES["neighbours"]([explored], {"code": encoded["code"], "k": 2})
    train = Units(pictures.shape, (0.0, 1.0)).restore(pictures.train[near["places"]])
    assert (shown(near["data"]) == train).all() and "auto-encoder's codes" in near["unit"]
    for name, fields in (("facts", {}), ("sample", {"seed": 1}), ("copies", {}), ("law", {})):
        assert QUERIES[name]([explored], fields)


@pytest.mark.parametrize("name", ["wae-mmd", "gan", "drifting", "gmmn"])
def test_models_of_codes_are_not_confined_to_pixels(name: str) -> None:
    torch.manual_seed(0)
    options = nest({"latent": 2, "network": "mlp", "network.width": 8})
    pixels, codes = (
        RECIPES[name](shape=shape, **options).decode(50 * torch.randn(64, 2))
        for shape in ((2, 4, 4), CodeShape((2, 4, 4)))
    )
    assert pixels.min() >= 0 and pixels.max() <= 1
    assert codes.min() < 0 and codes.max() > 1
