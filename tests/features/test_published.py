"""Inception, DINOv2 and CLIP: what is said without packages and weights, and what is fed to the extractors."""

import hashlib
import sys
import types
import urllib.error

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.inception import install

from remblai.data import load
from remblai.features import Features, make_features, published
from remblai.metrics import fidelity_card


@pytest.fixture
def installed(monkeypatch):
    install(monkeypatch)


@pytest.mark.parametrize("name", ["inception", "dinov2", "clip"])
def test_without_its_packages_it_says_what_to_install_and_what_to_use_meanwhile(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(ValueError, match=r"pip install 'remblai\[features\]'.*random-convolutions") as refused:
        make_features(name, load("digits"))
    assert "\n" not in str(refused.value)


def test_without_weights_it_says_where_they_are(installed, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(ValueError, match=r"no route.*weights-inception-2015-12-05-6726825d.pth.*--features.weights"):
        make_features("inception", load("digits"))


def test_weights_of_a_named_file_carry_its_checksum_and_are_fid_only_where_it_is_the_published_one(
    installed, tmp_path, monkeypatch
):
    digits = load("digits")
    path = tmp_path / "weights.pth"
    torch.save(torch.nn.ModuleDict({"linear": torch.nn.Linear(3, 4)}).state_dict(), path)
    features = make_features({"name": "inception", "weights": str(path)}, digits)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert features.sha256 == sha256 and not features.standard
    grey = digits.test[:3]
    truth = features.network.network((255 * grey).round().byte().expand(-1, 3, -1, -1))[0]
    assert torch.allclose(features.of(grey), truth)
    monkeypatch.setattr(published, "INCEPTION_SHA256", sha256[:8])
    assert make_features({"name": "inception", "weights": str(path)}, digits).standard


def test_a_file_of_something_else_is_refused_and_code_in_it_is_not_run(installed, tmp_path):
    class Evil:
        def __reduce__(self):
            return (sys.modules["pathlib"].Path.touch, (tmp_path / "ran",))

    wrong, code, text = (tmp_path / name for name in ("wrong.pth", "code.pth", "text.pth"))
    torch.save({"other": torch.zeros(2)}, wrong)
    torch.save({"linear.weight": Evil()}, code)
    text.write_text("hello")
    for path in (wrong, code, text):
        with pytest.raises(ValueError, match="holds something else"):
            make_features({"name": "inception", "weights": str(path)}, load("digits"))
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ValueError, match="expected a file of weights"):
        make_features({"name": "inception", "weights": str(tmp_path / "none.pth")}, load("digits"))


def test_fid_and_kid_are_of_the_published_features_and_nothing_else():
    rows = load("digits").train[:90]

    def card(standard):
        features = Features("map", torch.nn.Flatten(), "0" * 64, standard=standard)
        return fidelity_card(rows[:30], rows[30:60], rows[60:], features=features, power=False, repeats=2)

    plain, inception = card(False), card(True)
    assert {"frechet", "kernel_distance"} <= set(plain) and not {"fid", "kid"} & set(plain)
    assert {"fid", "kid"} <= set(inception) and not {"frechet", "kernel_distance"} & set(inception)
    assert inception["fid"]["value"] == plain["frechet"]["value"]
    assert inception["fid"]["features"] == {"name": "map", "sha256": "0" * 64}


def test_a_timm_network_sees_resized_normalised_colour(monkeypatch):
    seen = {}

    class Network(torch.nn.Linear):
        pretrained_cfg = types.MappingProxyType({"mean": (0.5,) * 3, "std": (0.25,) * 3})

        def forward(self, x):
            seen["x"] = x
            return super().forward(x.mean((2, 3)))

    def create_model(name, pretrained, num_classes, img_size):
        assert (pretrained, num_classes, img_size) == (True, 0, 224)
        return Network(3, 5)

    monkeypatch.setitem(sys.modules, "timm", types.SimpleNamespace(create_model=create_model))
    features = make_features({"name": "clip", "model": "small"}, load("digits"))
    assert features.name == "clip (small)" and len(features.sha256) == 64
    assert features.of(torch.full((2, 1, 8, 8), 0.75)).shape == (2, 5)
    assert seen["x"].shape == (2, 3, 224, 224)
    assert torch.allclose(seen["x"], torch.ones(()), atol=1e-5)


def test_timm_reads_a_named_file_and_weights_that_it_lacks_are_an_error(monkeypatch, tmp_path):
    class Network(torch.nn.Linear):
        pretrained_cfg = types.MappingProxyType({"mean": (0.5,) * 3, "std": (0.25,) * 3})

    def create_model(name, pretrained, num_classes, img_size, pretrained_cfg_overlay):
        network = Network(3, 5)
        network.load_state_dict(load_file(pretrained_cfg_overlay["file"]), strict=False)  # as timm does
        return network

    monkeypatch.setitem(sys.modules, "timm", types.SimpleNamespace(create_model=create_model))
    weights = {"weight": torch.ones(5, 3), "bias": torch.zeros(5), "head.weight": torch.zeros(2, 5)}
    save_file(weights, tmp_path / "all.safetensors")
    save_file({"bias": torch.zeros(5)}, tmp_path / "part.safetensors")
    features = published.dinov2(str(tmp_path / "all.safetensors"))
    assert features.sha256 == published.dinov2(str(tmp_path / "all.safetensors")).sha256
    with pytest.raises(ValueError, match=r"features dinov2: expected the network's weights, .*it lacks some of them"):
        published.dinov2(str(tmp_path / "part.safetensors"))
