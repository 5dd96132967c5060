"""Feature maps that a model is trained through: noted, checked, kept where they are fitted, and never trained."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from tests.small import last, train

import remblai
from remblai.config.registry import flatten
from remblai.data import load as load_data
from remblai.deploy.hub import write_published
from remblai.features import make_features
from remblai.features.trained import shipped


def noted(folder):
    return json.loads((folder / "run.json").read_text())["features"]


@pytest.fixture(scope="module")
def perceptual(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "perceptual"
    with pytest.warns(UserWarning, match=r"trained through the features digits: .*--features random-convolutions"):
        return train(out, cost={"name": "perceptual", "features": "digits"}, steps=4)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "pca", "drifting", features="pca", schedule="constant", steps=4)


def test_a_run_notes_its_features_and_holds_no_weights_of_those_that_are_shipped(perceptual):
    assert noted(perceptual.folder) == {"cost.features": shipped("digits").used}
    assert not (perceptual.folder / "features").exists()
    for path in perceptual.folder.glob("checkpoints/last/*.safetensors"):
        assert not any("features" in name or "cost" in name for name in load_file(path))
    parts = {id(part) for part in perceptual.objective.parameters()}
    (map_,) = perceptual.objective.cost._maps.values()
    assert not parts & {id(part) for part in map_.features.parameters()}
    figures = json.loads((perceptual.folder / "metrics.json").read_text())
    assert figures["frechet"]["trained_through"] and "trained_through" not in figures["w2"]
    card = remblai.evaluate(perceptual.folder, n=40, features="random-convolutions")
    assert "trained_through" not in card["frechet"]


def test_training_through_features_moves_nothing_of_them(perceptual):
    (map_,) = perceptual.objective.cost._maps.values()
    fresh = shipped("digits").state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in map_.features.state_dict().items())


def test_a_run_with_other_features_than_it_was_trained_through_is_refused(perceptual, tmp_path):
    settings = json.loads((perceptual.folder / "run.json").read_text())
    settings["features"]["cost.features"]["sha256"] = "0" * 64
    (tmp_path / "run.json").write_text(json.dumps(settings))
    (tmp_path / "checkpoints").symlink_to(perceptual.folder / "checkpoints")
    with pytest.raises(ValueError, match=r"cost\.features digits with the sha256 000000000000.*, which the model"):
        remblai.load(tmp_path)


@pytest.mark.parametrize("kind", ["perceptual", "fitted"])
def test_a_loaded_run_has_the_same_objective(kind, request):
    trained = request.getfixturevalue(kind)
    again = remblai.load(trained.folder)
    x = load_data("digits").test[:20]
    values = []
    for model in (trained, again):
        torch.manual_seed(0)
        values.append(model.objective(x))
    assert values[0].keys() == values[1].keys()
    assert all(torch.equal(values[0][name], values[1][name]) for name in values[0])


def test_features_that_are_fitted_are_those_of_the_data_and_kept_with_the_run(fitted, tmp_path):
    truth = make_features("pca", load_data("digits"))
    assert noted(fitted.folder) == {"features": truth.used}
    assert flatten(fitted.run.settings["arguments"])["features"] == "pca"
    write_published(tmp_path, fitted, "alice/digits")
    there = remblai.load(tmp_path).objective.features.features
    x = load_data("digits").test[:5]
    assert torch.equal(there(x), truth(x))
    (tmp_path / "features" / "features.safetensors").unlink()
    with pytest.raises(ValueError, match=r"features\.safetensors: expected the features that the model was trained"):
        remblai.load(tmp_path)


def test_a_resumed_run_is_one_that_was_never_stopped(fitted, tmp_path):
    shutil.copytree(fitted.folder, tmp_path / "run", symlinks=True)
    train(tmp_path / "run", "drifting", features="pca", schedule="constant", steps=6, resume=True)
    train(tmp_path / "whole", "drifting", features="pca", schedule="constant", steps=6)
    assert last(tmp_path / "run") == last(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "ring", "features": "random-convolutions"}, r"expected images \(c, h, w\), got points"),
        ({"features": "mnist"}, r"images of shape \(1, 28, 28\), got \(1, 8, 8\)"),
        ({"features": "pixel"}, "unknown features 'pixel'"),
        ({"features": 3}, r"expected a name \(points, pixels.*got 3"),
        ({"features": lambda x: x.detach().flatten(1) * 1.0, "discrepancy": "mmd"}, "gradient"),
    ],
)
def test_features_that_a_model_cannot_be_trained_through_are_refused(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        train(tmp_path / "run", "gmmn", **options)
    assert not (tmp_path / "run").exists()
