"""What holds for every feature map, and for callables and modules of one's own."""

import hashlib

import pytest
import torch

from remblai.data import load
from remblai.features import FEATURES, default_features, make_features, own_features

PUBLISHED = {"inception", "dinov2", "clip"}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.mark.parametrize("name", sorted(set(FEATURES) - PUBLISHED - {"mnist", "stacked-mnist", "classifier"}))
def test_a_map_gives_rows_of_finite_numbers_with_a_checksum_and_a_gradient(name, digits):
    features = make_features(name, digits)
    found = features.of(digits.test[:30])
    assert found.shape[0] == 30 and found.ndim == 2 and torch.isfinite(found).all()
    assert len(features.sha256) == 64 and features.used == {"name": features.name, "sha256": features.sha256}
    assert make_features(name, digits).sha256 == features.sha256
    assert torch.allclose(found[3:5], features.of(digits.test[3:5]), atol=1e-5)
    x = digits.test[:2].requires_grad_()
    features(x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert not any(part.requires_grad for part in features.parameters()) and not features.training


def test_checksums_are_distinct(digits):
    names = sorted(set(FEATURES) - PUBLISHED - {"mnist", "stacked-mnist", "classifier"})
    assert len({make_features(name, digits).sha256 for name in names}) == len(names)
    assert make_features({"name": "random-convolutions", "seed": 1}, digits).sha256 != (
        make_features("random-convolutions", digits).sha256
    )


def test_a_module_is_copied_and_frozen_and_a_callable_is_known_by_what_it_gives(digits):
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    features = own_features(module, digits.shape)
    assert module.training and module[1].weight.requires_grad
    with torch.no_grad():
        before, module[1].bias[0] = features.of(digits.test[:4]), 7.0
    assert torch.equal(features.of(digits.test[:4]), before)
    assert own_features(module, digits.shape).sha256 != features.sha256
    means = own_features(lambda x: x.mean((2, 3)), digits.shape)
    assert means.of(digits.test[:4]).shape == (4, 1)
    assert own_features(lambda x: x.mean((2, 3)), digits.shape).sha256 == means.sha256
    assert own_features(lambda x: 2 * x.mean((2, 3)), digits.shape).sha256 != means.sha256


def test_modules_that_differ_in_what_they_do_have_other_checksums(digits):
    two, again, four = (own_features(torch.nn.AvgPool2d(size), digits.shape) for size in (2, 2, 4))
    assert two.name == four.name and two.sha256 == again.sha256 and two.sha256 != four.sha256


def test_points_have_no_default_and_unlabelled_images_have_random_convolutions():
    assert default_features(load("ring")) is None
    assert default_features(load(torch.rand(40, 1, 8, 8).numpy())).name == "random-convolutions"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda d: make_features("digits", d).of(torch.rand(2, 1, 9, 9)),
            r"images of shape \(1, 8, 8\), got \(1, 9, 9\)",
        ),
        (lambda d: make_features("pixels", d).of(torch.full((2, 1, 8, 8), torch.nan)), "NaN or infinity"),
        (lambda d: make_features("pixels", d).of(torch.rand(0, 1, 8, 8)), "at least one row"),
        (lambda d: make_features(lambda x: x.mean(), d), r"a tensor \(4, k\)"),
        (lambda d: make_features(lambda x: x.flatten(1) / 0, d), "the map gives NaN or infinity"),
        (lambda d: make_features(3, d), "a torch module or a callable"),
        (lambda d: make_features("pixel", d), "pixels"),
        (lambda d: make_features("pca", load(torch.ones(30, 1, 8, 8).numpy())), "all equal"),
        (
            lambda d: make_features("random-convolutions", load("ring")),
            r"got points of shape \(2,\)",
        ),
        (lambda d: make_features("classifier", load("ring")), "expected images, ring holds points"),
    ],
)
def test_bad_input_is_refused(digits, call, words):
    with pytest.raises(ValueError, match=words):
        call(digits)


def test_a_part_of_a_set_is_read_by_slices(digits):
    """Rows that are no tensor: the training split itself."""
    whole = make_features("pca", digits).of(digits.train)
    assert torch.equal(whole[:7], make_features("pca", digits).of(digits.train[:7]))
    assert hashlib.sha256(whole.numpy().tobytes()).hexdigest()
