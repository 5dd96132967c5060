"""Classes' histogram, classifier score and stacked modes against closed forms and published code."""

import math

import numpy as np
import pytest
import torch
from tests.metrics.test_featured import published_pair
from torch.nn.functional import one_hot

from remblai.features import Features, own_features, shipped
from remblai.features.stacked import stacked_mnist as make_stacked
from remblai.metrics.classes import (
    class_histogram_kl,
    classifier_score,
    figure_of_classes_covered,
    stacked_modes,
)
from remblai.metrics.sets import Sets

ISC = 1.552304479979867
"""By torch-fidelity 0.4.0 on the second of `published_pair()`: isc_features_to_metric in one split."""


def certain(classes):
    return 50 * torch.nn.functional.one_hot(torch.as_tensor(classes), 4).float()


def test_the_score_is_that_of_torch_fidelity_and_counts_certain_classes():
    assert classifier_score(published_pair()[1]) == pytest.approx(ISC, abs=1e-6)
    assert classifier_score(certain([0, 1, 2, 3])) == pytest.approx(4.0)
    assert classifier_score(certain([2, 2, 2])) == pytest.approx(1.0)
    assert classifier_score(torch.zeros(5, 4)) == pytest.approx(1.0)


def test_the_histogram_s_divergence_is_the_formula():
    samples, real = certain([0, 0, 0, 1]), certain([0, 0, 1, 1, 2, 3])
    shares, counts = np.array([0.75, 0.25]), np.array([2.5, 2.5])
    assert class_histogram_kl(samples, real) == pytest.approx((shares * np.log(shares / (counts / 8))).sum())
    assert class_histogram_kl(samples, certain([1, 1]), smoothing=0.0) == math.inf
    assert class_histogram_kl(samples, certain([0, 0, 0, 1] * 5000)) == pytest.approx(0, abs=1e-3)


def constant_reader():
    """Reads the class of an image off its mean: round(9 mean)."""
    return Features(
        "mean", lambda x: x.mean((1, 2, 3))[:, None], "0", shape=(1, 28, 28),
        logits=lambda z: -((9 * z - torch.arange(10.0)) ** 2),
    )  # fmt: skip


def test_stacked_modes_count_triples():
    digits = torch.tensor([[0, 0, 0], [1, 2, 3], [1, 2, 3], [9, 9, 9]]).float()
    images = (digits / 9)[:, :, None, None].expand(-1, -1, 28, 28)
    found = stacked_modes(images, constant_reader())
    assert found["modes"] == 3
    assert found["kl"] == pytest.approx(math.log(1000) + 2 * 0.25 * math.log(0.25) + 0.5 * math.log(0.5), abs=1e-6)
    every = torch.cartesian_prod(*[torch.arange(10.0)] * 3)
    assert stacked_modes((every / 9)[:, :, None, None].expand(-1, -1, 28, 28), constant_reader()) == pytest.approx(
        {"modes": 1000, "kl": 0.0}, abs=1e-9
    )


def test_images_and_features_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"images \(n, c, 8, 8\)"):
        stacked_modes(torch.rand(4, 3, 9, 9), shipped("digits"))
    with pytest.raises(ValueError, match="features of a classifier"):
        stacked_modes(torch.rand(4, 3, 8, 8), own_features(torch.nn.Flatten(), (3, 8, 8)))


def test_stacked_features_read_each_channel_and_their_classes_are_triples():
    x = torch.rand(3, 3, 28, 28)
    stacked, reader = make_stacked(), shipped("mnist")
    features = stacked.of(x)
    assert torch.equal(features[:, 64:128], reader.of(x[:, 1:2]))
    digits = torch.stack([reader.logits(reader.of(x[:, c : c + 1])).argmax(1) for c in range(3)], 1)
    logits = stacked.logits(features)
    assert torch.equal(logits.argmax(1), (digits * torch.tensor([100, 10, 1])).sum(1))
    assert logits.exp().sum(1).tolist() == pytest.approx([1.0] * 3, abs=1e-5)


def test_perfect_samples_cover_as_many_classes_as_expected():
    """Classes of share .005, four of them, at n = 100: the number shown varies, and stays in its range."""
    shares = torch.tensor([0.49, 0.49, 0.005, 0.005, 0.005, 0.005])
    read = Features("labels", torch.nn.Flatten(), "0", logits=lambda x: one_hot(x[:, 0].long(), 6))
    outside = 0
    for seed in range(60):
        draws = torch.Generator().manual_seed(seed)
        train, test, samples = (
            torch.multinomial(shares, n, replacement=True, generator=draws).float().reshape(n, 1, 1, 1)
            for n in (900, 100, 100)
        )
        figure = figure_of_classes_covered(Sets(train, test, samples, features=read, image=False, seed=seed))
        outside += abs(figure["value"] - figure["floor"]) > 2 * figure["spread"]
        common = figure_of_classes_covered(Sets(train, test, samples * 0, features=read, image=False, seed=seed))
        assert common["value"] == 1 < common["floor"] - 2 * common["spread"]
    assert outside <= 8


@pytest.mark.parametrize(("train", "n"), [(500, 500), (4000, 1000)])
def test_of_many_rare_classes_perfect_samples_are_in_range_and_dropped_classes_are_not(train, n):
    """1,000 classes of shares 1 / k: of 20 perfect sets at most 4 are outside; all are that lack 650 classes."""
    shares = 1.0 / torch.arange(1.0, 1001.0)
    few = torch.where(torch.arange(1000) < 350, shares, 0.0)
    read = Features("labels", torch.nn.Flatten(), "0", logits=lambda x: one_hot(x[:, 0].long(), 1000))

    def away(law, seed):
        draws = torch.Generator().manual_seed(seed)
        parts = [torch.multinomial(of, m, True, generator=draws) for of, m in ((shares, train), (shares, n), (law, n))]
        sets = Sets(*(part.float().reshape(-1, 1, 1, 1) for part in parts), features=read, image=False, seed=seed)
        figure = figure_of_classes_covered(sets)
        return (figure["value"] - figure["floor"]) / figure["spread"]

    assert sum(abs(away(shares, seed)) > 2 for seed in range(20)) <= 4
    assert all(away(few, seed) < -2 for seed in range(5))
