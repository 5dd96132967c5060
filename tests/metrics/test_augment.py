"""The figure of leaking on sets whose share of augmented images is known."""

import pytest
import torch

from remblai.data import load
from remblai.metrics.augment import figure_of_leak, figure_of_near
from remblai.metrics.sets import Sets
from remblai.networks.augment import augmented


@pytest.fixture(scope="module")
def parts():
    rows = load("digits").train[:]
    return rows[:800], rows[800:1000], rows[1000:1200]


def sets(parts, samples, names=("flip",)):
    train, test, _ = parts
    return Sets(train, test, samples, augmentations=names)


def test_a_share_of_augmented_samples_is_recovered(parts):
    fresh, recovered = parts[2], []
    for share in (0.0, 0.4, 1.0):
        cut = round(share * len(fresh))
        changed = augmented(fresh[:cut], ("flip",), 1.0)
        figure = figure_of_leak(sets(parts, torch.cat([changed, fresh[cut:]])))
        recovered.append((figure["value"] - figure["floor"]) / (figure["augmented"] - figure["floor"]))
    assert recovered == pytest.approx([0.0, 0.4, 1.0], abs=0.12)


@pytest.mark.parametrize("names", [("flip",), ("shift",), ("shift", "colour")])
def test_samples_far_from_the_data_are_not_judged(parts, names):
    noise = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    mush = (parts[2] + noise) / 2
    for samples in (noise, mush):
        assert figure_of_leak(sets(parts, samples, names)) is None
        assert figure_of_near(sets(parts, samples, names))["value"] < 0.4
    clean = figure_of_near(sets(parts, parts[2], names))
    assert clean["value"] > 0.85 and clean["floor"] > 0.85


def test_blurred_samples_are_not_read_as_augmented(parts):
    blurred = torch.nn.functional.avg_pool2d(parts[2], 3, 1, 1)
    assert figure_of_near(sets(parts, blurred, ("shift", "colour")))["value"] > 0.9
    assert figure_of_leak(sets(parts, blurred, ("shift", "colour"))) is None
    assert figure_of_leak(sets(parts, augmented(parts[2], ("shift", "colour"), 1.0), ("shift", "colour"))) is not None
