"""A run that version 0.1 made, before the files moved, still loads, samples and reports."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import remblai
from remblai.laws.fitted import Mixture

HERE = Path(__file__).parent / "run-0.1"


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HERE, tmp_path / "run", symlinks=True))


def test_its_samples_and_codes_are_those_of_its_own_version(earlier: Path) -> None:
    run = remblai.load(earlier)
    expected = np.load(HERE / "expected.npz")
    samples = run.sample(4, seed=0)
    assert np.abs(samples.astype(int) - expected["samples"].astype(int)).max() <= 1  # another CPU may round otherwise
    assert run.encode(expected["samples"], seed=0) == pytest.approx(expected["codes"], abs=1e-4)


def test_the_law_that_it_kept_as_one_file_is_read_and_gives_way_to_a_new_one(earlier: Path) -> None:
    law = remblai.load(earlier).law()
    kept = load_file(HERE / "samplers" / "mixture-00000040.safetensors")
    assert isinstance(law, Mixture)
    assert (law.name, law.options) == ("mixture", {"components": 10, "seed": 0})
    assert all(torch.equal(value, kept[name]) for name, value in law.state()[1].items())
    shown = remblai.load(earlier).sample(4)
    remblai.fit(earlier)
    assert np.abs(remblai.load(earlier).sample(4).astype(int) - shown.astype(int)).max() <= 1  # the same codes, fitted
    (earlier / "samplers" / "mixture-00000040.safetensors").write_bytes(b"no more of use")
    assert np.array_equal(remblai.load(earlier).sample(4), remblai.load(earlier).sample(4, sampler="mixture"))


def test_an_option_that_its_version_did_not_have_is_no_difference(earlier: Path) -> None:
    words = {"data": "digits", "latent": 2, "network": {"name": "mlp", "width": 8, "depth": 1}, "seed": 3}
    run_file = earlier / "run.json"
    settings = json.loads(run_file.read_text())
    del settings["loop"]["accumulate"]
    run_file.write_text(json.dumps(settings))
    quiet = {"quiet": True, "evaluate_every": 0}
    run = remblai.train("rae", out=earlier, steps=41, resume=True, **words, **quiet)
    assert run.step == 41
    settings = json.loads(run_file.read_text())
    del settings["loop"]["accumulate"]
    run_file.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="accumulate was None, now 2"):
        remblai.train("rae", out=earlier, steps=42, resume=True, accumulate=2, **words, **quiet)


def test_its_settings_repeat(earlier: Path, tmp_path: Path) -> None:
    again = remblai.train(from_run=earlier, out=tmp_path / "again", steps=2, quiet=True, evaluate_every=0)
    assert again.run.settings["loop"]["critic_steps"] == 1
    assert again.run.settings["arguments"] == remblai.load(earlier).run.settings["arguments"]


@pytest.mark.parametrize("network", ["auto", "dcgan", "resnet"])
def test_a_decoder_of_colour_images_has_the_last_layer_that_its_run_does_not_record(
    tmp_path: Path, network: str
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    small = {"batch_size": 5, "steps": 2, "quiet": True, "evaluate_every": 0}
    layer = {"network": network, "network.width": 2, "network.contrasts": False}
    expected = remblai.train("ae", data=images, out=tmp_path / "run", **layer, **small).reconstruct(images[:4])
    run_file = tmp_path / "run" / "run.json"
    settings = json.loads(run_file.read_text())
    assert settings["arguments"]["network"].pop("contrasts") is False
    run_file.write_text(json.dumps(settings))
    assert np.array_equal(remblai.load(tmp_path / "run").reconstruct(images[:4]), expected)


def test_a_generator_of_images_has_the_hidden_layer_that_its_run_does_not_record(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16), dtype=np.uint8)
    small = {"network.width": 2, "critic.width": 2, "batch_size": 5, "steps": 2, "quiet": True, "evaluate_every": 0}
    trained = remblai.train("gan", data=images, out=tmp_path / "run", **{"network.hidden": 256}, **small)
    expected = trained.sample(4, seed=0)
    run_file = tmp_path / "run" / "run.json"
    settings = json.loads(run_file.read_text())
    assert settings["arguments"]["network"].pop("hidden") == 256
    run_file.write_text(json.dumps(settings))
    assert np.array_equal(remblai.load(tmp_path / "run").sample(4, seed=0), expected)
    again = remblai.train(from_run=tmp_path / "run", data=images, out=tmp_path / "again", quiet=True, evaluate_every=0)
    assert again.run.settings["arguments"]["network"]["hidden"] == 256
