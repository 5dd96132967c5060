"""Models of classes leave their folder: a class goes in as its number, and a sample of a class is one."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.small import SMALL

import remblai
from remblai import data
from remblai.deploy import check, files
from remblai.deploy.card import hub_card
from remblai.deploy.parts import CLASS, parts_of
from remblai.features import make_features

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
ort = pytest.importorskip("onnxruntime")

EACH = 30
"""Samples of each class."""


def quick(folder: Path, recipe: str, **options: Any) -> remblai.Trained:
    """A run by classes of digits, without figures and report."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("write_report", "measure"):
            patch.setattr(f"remblai.runs.train.{name}", lambda *_: None)
        chosen = {name: value for name, value in (SMALL | options).items() if value is not None}
        return remblai.train(recipe, out=folder / recipe, conditional=True, **chosen)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[remblai.Trained, Path, dict[str, Any]]:
    """A model with a random encoder that has learned the digits' classes, and its export."""
    folder = tmp_path_factory.mktemp("classes")
    run = quick(
        folder, "wae-mmd", steps=250, batch_size=100, lr=3e-3, encoder="gaussian", network={"name": "mlp", "width": 64}
    )
    return run, folder / "out", remblai.export(run, folder / "out")


def classes_read(images: NDArray[Any]) -> NDArray[Any]:
    """The class that the shipped classifier reads in images (n, 8, 8) of digits, uint8."""
    features = make_features("digits", data.load("digits"))
    assert features.logits is not None
    logits: torch.Tensor = features.logits(features.of(torch.from_numpy(images)[:, None] / 255.0))
    return logits.argmax(1).numpy()


def test_samples_of_a_class_are_of_that_class(exported: Any) -> None:
    run, out, _ = exported
    asked = np.arange(10).repeat(EACH)
    session = ort.InferenceSession(out / "sampler.onnx", providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).standard_normal((len(asked), 2), np.float32)
    (from_file,) = session.run(None, {"noise": noise, CLASS: asked})
    for images in (run.sample(len(asked), labels=asked), from_file):
        assert (classes_read(images) == asked).mean() > 0.7, "chance is a tenth"
    # a model that ignores its class fails: samples of one class, asked for as all
    (ignoring,) = session.run(None, {"noise": noise, CLASS: asked[::-1].copy()})
    assert (classes_read(ignoring) == asked).mean() < 0.1
    ignoring = run.sample(len(asked), labels=np.random.default_rng(1).permutation(asked))
    assert (classes_read(ignoring) == asked).mean() < 0.3


def test_each_file_takes_the_number_of_a_class_and_names_them(exported: Any) -> None:
    run, out, record = exported
    assert record["classes"] == run.classes
    wanted = {"encoder": ["images", CLASS, "noise"], "decoder": ["codes", CLASS], "sampler": ["noise", CLASS]}
    for name, inputs in wanted.items():
        for end in (".onnx", ".pt2"):
            file = record["files"][f"{name}{end}"]
            assert list(file["inputs"]) == inputs
            assert file["inputs"][CLASS] == {"shape": ["n"], "type": "int64"}
        archived = {"classes": ""}
        torch.export.load(out / f"{name}.pt2", extra_files=archived)
        assert json.loads(archived["classes"]) == run.classes == named(out / f"{name}.onnx")


def named(path: Path) -> list[str]:
    """The names of the classes in the metadata of an ONNX file."""
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: list[str] = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    return found


def test_rounded_weights_take_classes_too(exported: Any, tmp_path: Path) -> None:
    run, out, _ = exported
    part, digits = parts_of(run)[0][1], data.load("digits")
    files.write_int8(out / "decoder.onnx", tmp_path / "int8.onnx", check.inputs_of(part, run, digits, "train", 1))
    files.write_float16(out / "decoder.onnx", tmp_path / "float16.onnx")
    inputs = check.inputs_of(part, run, digits)
    expected = check.expected_of(part, run, inputs)
    for precision in ("int8", "float16"):
        found = check.run_onnx(tmp_path / f"{precision}.onnx", inputs)
        away = check.difference(part, found, expected, run.units)
        assert away.largest > 0 and away.within(precision)
        assert named(tmp_path / f"{precision}.onnx") == run.classes


def test_files_do_for_each_class_what_the_run_does(exported: Any) -> None:
    run, out, _ = exported
    split = data.load("digits").test
    x, labels = split[:40], split.labels[:40]
    images, noise = run.units.restore(x), np.random.default_rng(1).standard_normal((40, 2), np.float32)
    inputs = {"images": images, CLASS: labels.numpy(), "noise": noise}
    law = run.objective.encode(x, labels).law.base_dist
    codes = (law.loc + law.scale * torch.from_numpy(noise)).numpy()
    for found in (check.run_onnx(out / "encoder.onnx", inputs), check.run_archive(out / "encoder.pt2", inputs)):
        assert np.abs(found - codes).max() < 1e-4
    other = check.run_onnx(out / "encoder.onnx", inputs | {CLASS: (labels.numpy() + 1) % 10})
    assert np.abs(other - codes).max() > 1e-2, "the encoder reads the class"
    decoded = {
        number: check.run_onnx(out / "decoder.onnx", {"codes": codes, CLASS: np.full(40, number)}) for number in (3, 8)
    }
    for number, found in decoded.items():
        assert np.abs(found.astype(int) - run.decode(codes, labels=number)).max() <= 1
    assert np.abs(decoded[3].astype(int) - decoded[8]).max() > 50


@pytest.mark.parametrize("unknown", [-1, 10])
def test_a_number_that_no_class_has_is_an_error(exported: Any, unknown: int) -> None:
    _, out, _ = exported
    inputs = {"codes": np.zeros((2, 2), np.float32), CLASS: np.array([3, unknown])}
    with pytest.raises(Exception, match="out of data bounds"):
        check.run_onnx(out / "decoder.onnx", inputs)
    with pytest.raises(IndexError, match="out of range"):
        check.run_archive(out / "decoder.pt2", inputs)


def test_the_lines_of_the_card_run_and_it_says_how_a_class_is_given(exported: Any) -> None:
    run, out, _ = exported
    card = (out / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code is not None and len(code[1].splitlines()) <= 5
    without = "import sys; sys.modules['remblai'] = sys.modules['torch'] = None\n"
    shown = f"{without}{code[1]}print(classes.dtype, images.shape, codes.shape)"
    done = subprocess.run([sys.executable, "-I", "-c", shown], cwd=out, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "int64 (16, 8, 8) (16, 2)"
    assert "number of a class for each row: 0 is `0`, 1 is `1`" in card
    published = re.search(r"```python\n(.*?)```", hub_card(run, "alice/digits"), re.DOTALL)
    assert published is not None
    names: dict[str, Any] = {"remblai": SimpleNamespace(load=lambda _: run)}
    exec(published[1].replace("import remblai\n", ""), names)  # what the hub's card says
    assert names["z"].shape == (64, 2)


FLOW = {
    "network": None,
    "latent": None,
    "sampling_steps": 1,
    "method": "euler",
    "velocity": {"name": "mlp", "width": 8, "depth": 1},
}


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        ("gan", {"critic": {"name": "mlp", "width": 8}}),
        ("gmmn-ae", {}),
        ("ae", {"sampler": {"name": "gaussian"}}),
        ("flow-matching", FLOW),
    ],
)
def test_samplers_of_other_recipes(tmp_path: Path, recipe: str, options: dict[str, Any]) -> None:
    run = quick(tmp_path, recipe, steps=2, **options)
    if recipe == "flow-matching":
        run.take_guidance(2.0)
    part = parts_of(run)[0][-1]
    inputs = check.inputs_of(part, run, data.load("digits") if run.encodes else None)
    assert set(inputs[CLASS].tolist()) == set(range(10))
    noise, numbers = (torch.from_numpy(of) for of in inputs.values())
    expected = check.expected_of(part, run, inputs)
    found = part.module(noise, numbers).numpy()
    assert check.difference(part, found, expected, run.units).within("float32")
    others = part.module(noise, (numbers + 1) % 10).numpy()
    assert not check.difference(part, others, expected, run.units).within("float32")
    if recipe == "flow-matching":
        files.write_part(tmp_path, part, inputs, 18)
        away = check.difference(part, check.run_onnx(tmp_path / "sampler.onnx", inputs), expected, run.units)
        assert away.within("float32")
