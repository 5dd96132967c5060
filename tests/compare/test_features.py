"""Distances on features, in Python and on the command line, where errors are one line."""

import json

import pytest
import torch

from remblai.cli.main import main
from remblai.compare.datasets import distance
from remblai.data import load
from remblai.discrepancies import Frechet
from remblai.features import make_features
from remblai.metrics.featured import kernel_distance

FAST = {"n": 60, "repeats": 0, "permutations": 9}


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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("digits", "digits", "--features", "pixel"), "pixels"),
        (("digits", "digits", "--features", "mnist"), "images of shape (1, 28, 28), got (1, 8, 8)"),
        (("ring", "ring", "--features", "random-convolutions"), "leave out --features"),
        (("ring", "ring", "--features", "pca"), "leave out --features"),
        (("digits", "digits", "--features", "inception", "--features.weights", "/none.pth"), "features inception"),
        (("digits", "digits", "--metric", "fid"), "--metric frechet --features inception"),
        (("digits", "digits", "--metric", "kid"), "--features inception"),
    ],
)
def test_bad_choices_are_one_line(capsys, words, expected):
    code, out, err = call(capsys, *words)
    assert code == 2 and not out
    assert expected in err and err.startswith("error: ") and err.count("\n") == 1
