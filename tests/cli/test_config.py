"""`train --config`: what a run writes trains the same again, and what is typed comes before it."""

import json

import numpy as np
import pytest
from tests.small import train

import remblai
from remblai.cli.config import with_config
from remblai.cli.main import main


@pytest.fixture
def config(tmp_path, bare):
    train(tmp_path / "first", average=None, weight=3.0, steps=2, penalty={"name": "mmd", "kernel": "gaussian"})
    return tmp_path / "first" / "config.yaml"


def call(*words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


def test_a_run_s_file_trains_the_same_model(config, tmp_path):
    assert call("train", "--config", config, "--out", tmp_path / "again", "--quiet", "--device", "cpu") == 0
    one, two = (json.loads((folder / "run.json").read_text()) for folder in (config.parent, tmp_path / "again"))
    for part in ("recipe", "arguments", "loop", "seed", "precision", "compile"):
        assert one[part] == two[part]


def test_what_is_typed_comes_before_the_file(config):
    words = with_config(["--config", str(config), "--penalty", "sliced", "--epochs", "2", "--weight=4"])
    assert words[0] == "wae-mmd"
    assert not {"--penalty.kernel", "--steps"} & set(words)
    assert words.count("--penalty") == 1 and "--weight" not in words
    with pytest.raises(ValueError, match="is of the recipe wae-mmd, not gan"):
        with_config(["gan", "--config", str(config)])


def test_data_in_memory_are_not_taken_for_the_default(tmp_path, bare, capsys):
    train(tmp_path / "r", data=np.random.default_rng(0).normal(size=(60, 2)), network="mlp", steps=2)
    assert call("train", "--config", tmp_path / "r" / "config.yaml", "--out", tmp_path / "again", "--quiet") == 2
    assert "custom:ndarray" in capsys.readouterr().err
    assert isinstance(remblai.load(tmp_path / "r"), remblai.Trained)
