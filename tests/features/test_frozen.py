"""A frozen map: in float32 or better, on the device and in the type of its input, shared by copies, never trained."""

import copy

import pytest
import torch
from torch import nn

from remblai.costs import Perceptual
from remblai.data import load
from remblai.features import Frozen, features_of_shape, make_features
from remblai.features.fitted import read_fitted, write_fitted
from remblai.features.small_classifier import Classifier
from remblai.features.trained import of_classifier
from remblai.features.weights import Stored, digest_of


def test_a_module_is_copied_and_frozen_and_follows_its_input():
    part = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 2))
    frozen = Frozen(part)
    assert copy.deepcopy(frozen) is frozen
    assert part.training and part[2].weight.requires_grad
    x = torch.rand(5, 4, requires_grad=True)
    (found,) = frozen(x)
    found.sum().backward()
    assert x.grad is not None and all(parameter.grad is None for parameter in frozen.features.parameters())
    assert torch.equal(found, part.eval()(x))
    (wide,) = frozen(x.detach().double())
    assert wide.dtype == torch.float64 and torch.allclose(wide.float(), found, atol=1e-6)
    with torch.autocast("cpu", torch.bfloat16):
        (again,) = frozen(x.bfloat16())
    assert again.dtype == torch.float32


def test_features_of_others_are_never_moved():
    features = make_features("digits", load("digits"))
    cost = Perceptual(features)
    images = torch.rand(3, 1, 8, 8)
    before = features.of(images)
    exact = cost(images.double(), images.double() + 0.1)
    assert exact.dtype == torch.float64
    assert torch.equal(features.of(images), before)
    torch.testing.assert_close(cost(images, images + 0.1).double(), exact, rtol=1e-4, atol=1e-6)


def test_a_function_may_give_several_features():
    first, second = Frozen(lambda x: (x, 2 * x))(torch.ones(2, 3, dtype=torch.float16))
    assert first.dtype == torch.float32 and torch.equal(second, 2 * first)


@pytest.mark.parametrize("name", ["pca", "classifier"])
def test_fitted_features_are_read_as_they_were_written(name, tmp_path):
    digits = load("digits")
    model = Classifier((1, 8, 8), 3, channels=2).eval()
    stored = Stored(model, digest_of(model.state_dict()), {"accuracy": 0.5})
    features = of_classifier("classifier of three", stored) if name == "classifier" else make_features("pca", digits)
    write_fitted(tmp_path / "a.safetensors", features)
    again = read_fitted(tmp_path / "a.safetensors")
    x = digits.test[:4]
    assert torch.equal(again(x), features(x))
    assert (again.used, again.shape, again.accuracy) == (features.used, features.shape, features.accuracy)
    assert (again.logits is None) == (name == "pca")
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="the features that the model was trained through"):
        read_fitted(tmp_path / "b.safetensors")


def test_features_of_a_shape_need_no_data():
    assert features_of_shape({"name": "random-convolutions", "seed": 2}, (3, 8, 8)).name == "random-convolutions"
    with pytest.raises(ValueError, match="features pca: they are fitted to data"):
        features_of_shape({"name": "pca", "components": 2}, (1, 8, 8))
