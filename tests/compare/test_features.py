"""Distances on features, in Python and on the command line, where errors are one line."""

import hashlib
import json

import pytest
import torch
from tests.inception import install

from remblai.cli.main import main
from remblai.compare.datasets import distance
from remblai.data import load
from remblai.discrepancies import Frechet
from remblai.features import make_features, published
from remblai.metrics.featured import kernel_distance

FAST = {"n": 60, "repeats": 0, "permutations": 9}


@pytest.fixture
def installed(monkeypatch):
    install(monkeypatch)


def call(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["distance", *words])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_a_distance_on_features_is_that_of_the_features_and_says_which():
    found = distance("digits:train", "digits:test", "frechet", features="digits", **FAST)
    features = make_features("digits", load("digits"))
    assert found.x.shape == (60, 64) and found.points.features == features.used
    assert found.value == pytest.approx(float(Frechet()(found.x, found.y)), rel=1e-5)
    pixels = distance("digits:train", "digits:test", "frechet", features="pixels", **FAST)
    assert torch.equal(pixels.x, distance("digits:train", "digits:test", "frechet", **FAST).x)
    assert torch.allclose(features.of(pixels.x.reshape(-1, 1, 8, 8)), found.x, atol=1e-5)
    kernel = distance("digits:train", "digits:test", "kernel-distance", features="digits", **FAST)
    assert kernel.value == pytest.approx(kernel_distance(found.x, found.y), rel=1e-6)


def test_the_command_takes_features_and_their_options(capsys):
    words = ("digits:train", "digits:test", "--metric", "mmd", "--kernel", "polynomial", "-n", "40", "--json")
    more = ("--repeats", "0", "--permutations", "5", "--features", "pca", "--features.components", "4")
    code, out, _ = call(capsys, *words, *more)
    told = json.loads(out)
    assert (
        code == 0 and told["d"] == 4 and told["features"]["name"] == "pca-4" and len(told["features"]["sha256"]) == 64
    )
    code, out, _ = call(capsys, *words[:2], "-n", "40", "--repeats", "0", "--permutations", "0", "--features", "digits")
    assert code == 0 and "features digits, sha256 " in out


def test_fid_and_kid_are_of_the_published_inception_weights_in_a_file_that_is_named(
    installed, tmp_path, monkeypatch, capsys
):
    path, two = tmp_path / "weights.pth", ("digits:train", "digits:test", "-n", "60")
    torch.manual_seed(0)
    torch.save(torch.nn.ModuleDict({"linear": torch.nn.Linear(3, 4)}).state_dict(), path)
    features = ("--features", "inception", "--features.weights", str(path))
    fast = ("--repeats", "0", "--permutations", "0", "--json")
    code, _, err = call(capsys, *two, "--metric", "fid", *features, *fast)
    assert code == 2 and "expected the published Inception features" in err
    monkeypatch.setattr(published, "INCEPTION_SHA256", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    found = {}
    for metric in ("fid", "kid", "kernel-distance"):
        code, out, _ = call(
            capsys, *two, "--metric", metric, *features[2:] if metric in ("fid", "kid") else features, *fast
        )
        found[metric] = json.loads(out)
        assert code == 0 and found[metric]["features"]["name"] == "inception" and found[metric]["d"] == 4
    pixels = distance("digits:train", "digits:test", "frechet", **FAST)
    network = make_features({"name": "inception", "weights": str(path)}, load("digits"))
    x, y = (network.of(part.reshape(-1, 1, 8, 8)).double() for part in (pixels.x, pixels.y))
    # grey images have features on a line: the root of the product of two covariances of rank one is known
    first, second = (part.T.cov() for part in (x, y))
    root = (first @ second).trace().sqrt()
    truth = float((x.mean(0) - y.mean(0)).square().sum() + first.trace() + second.trace() - 2 * root)
    assert found["fid"]["value"] == pytest.approx(truth, rel=1e-5)
    assert found["kid"]["value"] == found["kernel-distance"]["value"] == pytest.approx(kernel_distance(x, y), rel=1e-6)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("digits", "digits", "--features", "pixel"), "pixels"),
        (("digits", "digits", "--features", "mnist"), "images of shape (1, 28, 28), got (1, 8, 8)"),
        (("ring", "ring", "--features", "random-convolutions"), "leave out --features"),
        (("ring", "ring", "--features", "pca"), "leave out --features"),
        (("digits", "digits", "--features", "inception", "--features.weights", "/none.pth"), "features inception"),
        (("digits", "digits", "--metric", "fid", "--features", "digits"), "use --metric frechet, which is the same"),
        (("digits", "digits", "--metric", "kid", "--features", "pixels"), "use --metric kernel-distance, which"),
        (("digits", "digits", "--metric", "fid", "--features.weights", "/none.pth"), "features inception: "),
    ],
)
def test_bad_choices_are_one_line(capsys, words, expected):
    code, out, err = call(capsys, *words)
    assert code == 2 and not out
    assert expected in err and err.startswith("error: ") and err.count("\n") == 1
