"""What is exported does what the run does, without remblai; what cannot be exported is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.small import SMALL, train

import remblai
from remblai.cli.main import main
from remblai.data.pixels import pixels
from remblai.deploy import check, files
from remblai.deploy.parts import parts_of
from remblai.deploy.place import OWN, RECORD

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
ort = pytest.importorskip("onnxruntime")

SIZE = 16


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Smooth colour photographs of several sizes in two class folders."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for number in range(40):
        place = folder / "photos" / ("cats" if number % 2 else "dogs") / f"{number:02d}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        colours = rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((30 + number % 5, 24), Image.Resampling.BICUBIC).save(place)
    return folder / "photos"


def untold(folder: Path, name: str, recipe: str, data: Any, **options: Any) -> remblai.Trained:
    """A run without figures and report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        return train(folder / name, recipe, data=data, **options)


@pytest.fixture(scope="module")
def exported(
    photographs: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[remblai.Trained, Path, dict[str, Any]]:
    """A run on photographs, resized when read, and its export with int8."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        run = untold(folder, "run", "wae-mmd", str(photographs), data_options={"size": SIZE}, encoder="deterministic")
        run.run.write_metrics({"energy_distance_squared": {"value": 0.5, "floor": 0.25, "spread": 0.1, "n": 12}}, 20)
        return run, folder / "out", remblai.export(run, folder / "out", quantise="int8")


def test_the_card_says_what_figures_mean_and_what_the_encoder_takes(exported: Any) -> None:
    _, out, _ = exported
    card = (out / "README.md").read_text()
    assert (
        "| Squared energy distance | 0.500 | 0.250 | 12 | 0.500 from the data; real data are 0.250 from other" in card
    )
    assert "2.5 standard deviations above the floor. |" in card
    assert "Images of any size go in: the middle square is cut out and resized in the graph." in card
    assert card.count("80/10/10") == card.count(" validation") == 1


def test_the_folder_has_its_files_and_the_record_says_what_each_is(exported: Any) -> None:
    run, out, record = exported
    names = {path.name for path in out.iterdir()}
    assert names <= OWN
    assert names >= {f"{part}{end}" for part in ("encoder", "decoder", "sampler") for end in (".onnx", ".pt2")}
    assert json.loads((out / RECORD).read_text()) == record
    assert set(record["files"]) | set(record["missing"]) >= {"encoder.int8.onnx", "sampler.int8.onnx"}
    for name, file in record["files"].items():
        kind = "largest" if file["precision"] == "float32" else "root_mean_square"
        assert file["difference"][kind] <= next(iter(file["bound"].values()))
        assert file["opset"] == (None if name.endswith(".pt2") else 18)
    encoder = record["files"]["encoder.onnx"]
    assert encoder["inputs"] == {"images": {"shape": ["n", "height", "width", 3], "type": "uint8"}}
    public = json.loads((out / "run.json").read_text())
    assert public["arguments"] == run.run.settings["arguments"]
    assert str(Path(run.run.settings["data"]["spec"]).parent) not in (out / "run.json").read_text()


def test_the_encoder_takes_photographs_of_any_size_and_number(exported: Any, photographs: Path) -> None:
    run, out, _ = exported
    session = ort.InferenceSession(out / "encoder.onnx", providers=["CPUExecutionProvider"])
    for path in sorted(photographs.rglob("*.png"))[:5]:
        with Image.open(path) as image:
            whole, read = np.asarray(image.convert("RGB")), pixels(image, 3, SIZE, None)
        found = session.run(None, {"images": whole[None]})[0]
        assert np.allclose(found, run.encode(read[None]), atol=2e-3), "a pixel in 200 is rounded to the next level"
    images = run.sample(7)
    codes = session.run(None, {"images": images})[0]
    assert codes.shape == (7, 2)
    assert np.abs(codes - run.encode(images)).max() < 1e-4
    archive = torch.export.load(out / "encoder.pt2").module()
    assert np.abs(archive(torch.from_numpy(images[:1])).numpy() - codes[:1]).max() < 1e-4


def test_decoder_and_sampler_give_the_datas_own(exported: Any) -> None:
    run, out, _ = exported
    z = np.random.default_rng(1).standard_normal((9, 2), np.float32)
    decoded = check.run_onnx(out / "decoder.onnx", {"codes": z})
    assert decoded.dtype == np.uint8
    assert decoded.shape == (9, SIZE, SIZE, 3)
    assert np.abs(decoded.astype(int) - run.decode(z)).max() <= 1
    sampled = check.run_onnx(out / "sampler.onnx", {"noise": z})  # the prior is standard normal: noise is the code
    assert np.abs(sampled.astype(int) - decoded).max() <= 1


def test_float16_keeps_the_types_of_inputs_and_outputs(exported: Any, tmp_path: Path) -> None:
    run, out, _ = exported
    images, noise = run.sample(20), np.random.default_rng(3).standard_normal((20, 2), np.float32)
    for name, inputs in (("encoder", {"images": images}), ("sampler", {"noise": noise})):
        files.write_float16(out / f"{name}.onnx", tmp_path / f"{name}.onnx")
        found, full = (check.run_onnx(folder / f"{name}.onnx", inputs) for folder in (tmp_path, out))
        assert found.dtype == full.dtype
        away = (found.astype(float) - full) / (full.std() if name == "encoder" else 255)
        assert 0 < np.abs(away).max() < 0.05
        assert np.sqrt(np.square(away).mean()) < 1e-2


def test_the_lines_of_the_card_run_without_remblai_and_torch(exported: Any) -> None:
    _, out, _ = exported
    card = (out / "README.md").read_text()
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code is not None
    assert len(code[1].splitlines()) <= 5
    without = "import sys; sys.modules['remblai'] = sys.modules['torch'] = None\n"
    shown = f"{without}{code[1]}print(images.shape, images.dtype, codes.shape)"
    done = subprocess.run([sys.executable, "-I", "-c", shown], cwd=out, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"(16, {SIZE}, {SIZE}, 3) uint8 (16, 2)"
    assert "| 0.500 | 0.250 | 12 |" in card
    assert "cats" in card


def test_a_file_that_is_off_is_not_kept(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, out, _ = exported
    part = next(part for part in parts_of(run)[0] if part.name == "decoder")
    inputs = {"codes": np.zeros((4, 2), np.float32)}
    expected = check.expected_of(part, run, inputs)
    found = check.run_onnx(out / "decoder.onnx", inputs)
    assert check.difference(part, found, expected, run.units).within("float32")
    assert check.difference(part, found + np.uint8(1), expected, run.units).largest > 1e-3
    assert not check.difference(part, found, expected + 2.0, run.units).within("float32")
    assert not check.difference(part, found, np.full_like(expected, np.nan), run.units).within("int8")

    def other(folder: Path, part: Any, *_: Any) -> None:
        for end in (".onnx", ".pt2"):
            (folder / f"{part.name}{end}").write_bytes((out / f"encoder{end}").read_bytes())

    monkeypatch.setattr("remblai.deploy.folder.write_part", other)
    shifted = remblai.load(run.folder)
    shifted.objective.encoder.body[-1].bias += 1.0
    with pytest.raises(RuntimeError, match=r"encoder.onnx: its largest difference .* above 0.0001"):
        remblai.export(shifted, tmp_path / "off")
    assert [path.name for path in tmp_path.iterdir()] in ([], ["cache"])


def test_points_are_standardised_in_the_graph_and_a_random_encoder_takes_noise(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "t.csv").write_text(
        "height,weight,age\n"
        + "\n".join(f"{a},{b},{round(c)}" for a, b, c in rng.normal([1.7, 70, 40], [0.1, 9, 12], (80, 3)))
    )
    run = untold(tmp_path, "run", "vae", str(tmp_path / "t.csv"))
    part = parts_of(run)[0][0]
    assert (part.name, list(part.inputs)) == ("encoder", ["points", "noise"])
    inputs = check.inputs_of(part, run, remblai.data.load(str(tmp_path / "t.csv")))
    files.write_part(tmp_path, part, inputs, 18)
    assert inputs["points"].dtype == np.float64
    assert 1.0 < inputs["points"][:, 0].mean() < 2.4, "the table's own units"
    law = run.objective.encode(run.units.scale(inputs["points"])).law.base_dist
    expected = law.loc.numpy() + law.scale.numpy() * inputs["noise"]
    assert np.abs(check.run_onnx(tmp_path / "encoder.onnx", inputs) - expected).max() < 1e-4
    files.write_float16(tmp_path / "encoder.onnx", tmp_path / "half.onnx")
    half = check.difference(part, check.run_onnx(tmp_path / "half.onnx", inputs), expected, run.units)
    assert half.within("float16")
    decoder, sampler = parts_of(run)[0][1:]
    z = np.random.default_rng(2).standard_normal((6, 2), np.float32)
    decoded = decoder.module(torch.from_numpy(z)).numpy()
    assert np.allclose(decoded[:, :2], run.decode(z)[:, :2], rtol=1e-5)
    assert np.array_equal(np.round(decoded[:, 2]), run.decode(z)[:, 2])
    assert sampler.output_shape == ("n", 3)
    from remblai.deploy.card import model_card

    record = {"files": {}, "missing": {}, "sampler": "prior", "classes": []}
    card = model_card(run, parts_of(run)[0], record, "")
    assert "`height`, `weight`, `age`" in card
    assert '"noise": noise[:, :2]' in card
    assert "with decimals: round `age`." in card


def test_refusals(exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    run, out, _ = exported
    with pytest.raises(ValueError, match=r"expected 18 to 23, .* got 11"):
        remblai.export(run, tmp_path / "x", opset=11)
    with pytest.raises(ValueError, match="unknown quantise 'int4'"):
        remblai.export(run, tmp_path / "x", quantise="int4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"holds an export already: .* --overwrite"):
        remblai.export(run, out)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match=r"holds thesis.tex, which is no export"):
        remblai.export(run, tmp_path / "other", overwrite=True)
    with pytest.raises(ValueError, match="is no export"):
        remblai.export(run, run.folder, overwrite=True)
    with pytest.raises(ValueError, match="no law 'gaussian' has been fitted"):
        remblai.export(run, tmp_path / "x", sampler="gaussian")
    monkeypatch.setattr("remblai.runs.train.write_report", lambda *_: None)
    monkeypatch.setattr("remblai.runs.train.measure", lambda *_: None)
    options = {name: SMALL[name] for name in ("steps", "batch_size", "quiet", "device", "evaluate_every")}
    machine = remblai.train("rbm", data="digits", out=tmp_path / "m", binarise="threshold", hidden=4, **options)
    with pytest.raises(SystemExit) as ended:
        main(["export", str(machine.folder), "--out", str(tmp_path / "x")])
    told = capsys.readouterr().err
    assert (ended.value.code, told.count("\n")) == (2, 1)
    assert "error: rbm has neither an encoder nor a decoder to export" in told
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ValueError, match=r"pip install 'remblai\[export\]'"):
        remblai.export(run, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_generator_has_no_encoder_file(tmp_path: Path) -> None:
    run = untold(tmp_path, "run", "gan", "digits", **{"critic": "mlp"})
    parts, missing = parts_of(run)
    assert [part.name for part in parts] == ["decoder", "sampler"]
    assert missing == {"encoder": "gan has no encoder"}
    assert not [name for name in dict(parts[0].module.named_parameters()) if "critic" in name]
    assert SMALL["latent"] == parts[1].inputs["noise"][0][1]
