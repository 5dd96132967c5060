"""Stacked MNIST, of the real files where they are."""

from pathlib import Path

import numpy as np
import pytest
import torch

from remblai.data import load
from remblai.features import default_features
from remblai.metrics import METRICS
from remblai.metrics.sets import Sets


def test_three_digits_of_the_split_make_an_image_and_its_label(real_data: Path) -> None:
    folder = str(real_data / "mnist")
    data, source = load({"name": "stacked-mnist", "folder": folder}), load(folder)
    assert data.shape == (3, 28, 28)
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert data.train.labels is not None and source.train.labels is not None
    assert np.bincount(data.train.labels.numpy(), minlength=1000).min() > 20
    rows = {row.numpy().tobytes(): int(label) for row, label in zip(source.test[:], source.test.labels, strict=True)}
    for image, label in zip(data.test[:20], data.test.labels[:20], strict=True):
        assert [rows[channel.numpy().tobytes()] for channel in image] == [int(digit) for digit in f"{int(label):03d}"]


def test_its_features_read_the_triples_and_the_card_counts_them(real_data: Path) -> None:
    data = load({"name": "stacked-mnist", "folder": str(real_data / "mnist")})
    features = default_features(data)
    assert features is not None and features.logits is not None
    logits = features.logits(features.of(data.test[:200]))
    assert float((logits.argmax(1) == data.test.labels[:200]).double().mean()) > 0.95
    one = data.test[:1].expand(60, -1, -1, -1) + 0.0
    sets = Sets(data.train[:200], data.test[:60], torch.as_tensor(one), features=features, repeats=4)
    figure = METRICS["classes_covered"].compute(sets)
    assert figure is not None
    assert figure["value"] == 1.0
    assert 50 <= figure["floor"] <= 60


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_folder_without_its_files_is_refused(folder: str) -> None:
    with pytest.raises(ValueError, match=r"--data\.folder PATH"):
        load({"name": "stacked-mnist", "folder": folder})
