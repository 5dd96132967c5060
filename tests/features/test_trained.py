"""Shipped classifiers are what their files say; others are trained for labels and kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from remblai.data import load
from remblai.features import default_features, make_features, trained
from remblai.features.small_classifier import Classifier, accuracy, labelled_batches, train_classifier
from remblai.features.weights import digest_of, read_classifier, write_classifier

FOLDER = Path(trained.__file__).parent


@pytest.fixture
def bars():
    """160 labelled images of 10 x 12: bars along one axis or the other."""
    draws = np.random.default_rng(0)
    labels = draws.integers(0, 2, 160)
    line = draws.random((160, 12)) > 0.5
    images = np.where(labels[:, None, None] == 1, line[:, None, :].repeat(10, 1), line[:, :10, None].repeat(12, 2))
    return load({"images": (255 * images).astype(np.uint8)[..., None], "labels": labels})


def read_right(name, dataset):
    model = read_classifier(FOLDER / f"{name}.safetensors").model
    return accuracy(model, dataset.test[:], dataset.test.labels)


def test_the_shipped_classifier_of_digits_reads_97_in_100():
    facts = read_classifier(FOLDER / "digits.safetensors").facts
    assert read_right("digits", load("digits")) == pytest.approx(facts["accuracy"], abs=1e-9)
    assert facts["accuracy"] >= 0.97 and facts["rows"] == 360


def test_the_shipped_classifier_of_mnist_reads_992_in_1000(real_data):
    facts = read_classifier(FOLDER / "mnist.safetensors").facts
    assert read_right("mnist", load(str(real_data / "mnist"))) == pytest.approx(facts["accuracy"], abs=2e-4)
    assert facts["accuracy"] >= 0.992 and facts["rows"] == 10_000


def test_shipped_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 1_000_000


def test_training_is_a_function_of_its_arguments_and_leaves_the_global_generator_alone(bars):
    def trained_once():
        batches = labelled_batches(bars.train[:], bars.train.labels, size=32)
        return digest_of(train_classifier(batches, bars.shape, 2, steps=5).state_dict())

    before = torch.get_rng_state()
    assert trained_once() == trained_once()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_labelled_set_gets_a_classifier_of_its_own_which_is_kept(bars, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trained, "STEPS", 40)
    first = default_features(bars)
    (kept,) = tmp_path.rglob("*.safetensors")
    facts = read_classifier(kept).facts
    assert facts["accuracy"] > 0.9 and facts["rows"] == len(bars.test)
    monkeypatch.setattr(trained, "train_classifier", None)  # it is not trained again
    again = make_features("classifier", bars)
    assert again.sha256 == first.sha256 and again.name == first.name
    assert again.logits(again.of(bars.test[:5])).shape == (5, 2)


def test_a_classifier_at_chance_is_no_default_and_its_name_says_what_it_reads(bars, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trained, "STEPS", 40)
    draws = np.random.default_rng(0)
    noise = {"images": draws.integers(0, 256, (400, 8, 8, 1), dtype=np.uint8), "labels": draws.integers(0, 4, 400)}
    data = load(noise)
    assert default_features(data).name == "random-convolutions"
    own = make_features("classifier", data)
    assert own.accuracy < 0.5 and f"reads {own.accuracy:.1%} of held-out labels" in own.name
    assert trained.learned(make_features("classifier", bars), bars) and not trained.learned(own, data)


def test_a_damaged_file_of_the_cache_is_made_anew(bars, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trained, "STEPS", 3)
    first = make_features("classifier", bars).sha256
    (kept,) = tmp_path.rglob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:100])
    assert make_features("classifier", bars).sha256 == first


def test_digits_take_the_shipped_classifier_and_other_images_of_that_size_do_not():
    assert default_features(load("digits")).name == "digits"
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    other = load({"images": images, "labels": np.arange(60) % 10})
    assert default_features(other).name == "random-convolutions"  # too few for a classifier, and not read by digits'


def test_mnist_takes_the_shipped_classifier(real_data):
    assert default_features(load(str(real_data / "mnist"))).name == "mnist"


@pytest.mark.parametrize(
    ("labels", "words"),
    [(None, "has none"), (np.zeros(200, int), "of 2 to 1,000"), (np.arange(200) % 40, "at least 8")],
)
def test_labels_that_no_classifier_can_learn_are_refused(labels, words):
    images = np.zeros((200, 8, 8, 1), np.uint8)
    data = load(images if labels is None else {"images": images, "labels": labels})
    with pytest.raises(ValueError, match=words):
        make_features("classifier", data)


def test_a_file_that_is_not_what_it_says_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    write_classifier(path, Classifier((1, 8, 8), 3), {"data": "x", "accuracy": 1.0, "rows": 1})
    assert read_classifier(path).model.classes == 3
    tensors = load_file(path)
    save_file(tensors, path)
    with pytest.raises(ValueError, match="in its metadata"):
        read_classifier(path)
    write_classifier(path, Classifier((1, 8, 8), 3), {})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="the file is damaged"):
        read_classifier(path)
    path.write_text("nonsense")
    with pytest.raises(ValueError, match="no file of a classifier's weights"):
        read_classifier(path)
