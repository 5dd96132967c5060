import math

import numpy as np
import pytest
import torch

from remblai import data
from remblai.gallery.wgan import watched
from remblai.gallery.wgan.robust_generators import WAYS, checks, classes, robust_generators
from remblai.gallery.wgan.watched import GENERATORS, digits, enlarged

NAMES = list(GENERATORS)
FAR = {
    "WGAN": ((0.1, 0.2, 0.3), (0.2, 0.3, 0.2), (0.2, 0.2, 0.3)),
    "GAN": ((0.2, 1.0, 0.8), (0.9, 0.9, 1.4), (6.0, 4.0, 3.7)),
    "GAN, 1 turn": ((0.5, 0.4, 1.3), (0.8, 0.8, 0.7), (5.8, 3.7, 4.9)),
}
KINDS = {
    "WGAN": ((9.6, 9.5, 9.0), (9.0, 9.3, 9.4), (9.2, 8.2, 9.1)),
    "GAN": ((9.0, 8.5, 8.3), (4.8, 4.9, 3.9), (2.0, 1.0, 1.0)),
    "GAN, 1 turn": ((9.5, 9.0, 8.6), (7.2, 6.4, 7.8), (1.1, 1.7, 2.8)),
}


def table(rows):
    return {(way, name): np.array(values) for way, row in rows.items() for name, values in zip(NAMES, row, strict=True)}


def missed(far=FAR, kinds=KINDS):
    return [check.what for check in checks(table(far), table(kinds)) if not check.holds]


def test_as_many_classes_are_counted_as_there_are_evenly():
    train = data.load("digits").train
    images, labels = digits()[0], train.labels
    one = images[labels == 3]
    assert classes(one) == pytest.approx(1.0)
    pair = torch.cat([images[labels == 3][:50], images[labels == 8][:50]])
    assert classes(pair) == pytest.approx(2.0)
    uneven = torch.cat([images[labels == 3][:75], images[labels == 8][:25]])
    assert classes(uneven) == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_held_out_digits_have_about_ten_classes_and_one_image_again_and_again_one():
    held = enlarged(data.load("digits").test[:])
    assert 9.7 < classes(held) <= 10.0
    assert classes(held[:1].expand(64, -1, -1, -1)) == pytest.approx(1.0)


def test_checks_hold_where_only_wgan_trains_every_generator():
    assert list(FAR) == list(WAYS)
    assert missed() == []


def test_checks_tell_a_gan_that_trains_the_mlp():
    found = missed(FAR | {"GAN": FAR["WGAN"]}, KINDS | {"GAN": KINDS["WGAN"]})
    assert {what for what in found if "MLP" in what} == {
        "energy distance over WGAN's, GAN: MLP 512 × 4",
        "least of GAN, any seed, over WGAN's largest: MLP 512 × 4",
        "classes, GAN: MLP 512 × 4",
    }
    assert "classes over WGAN's, GAN: no batch norm" in found


def test_checks_tell_a_wgan_that_fails():
    found = missed(FAR | {"WGAN": FAR["GAN"]}, KINDS | {"WGAN": KINDS["GAN"]})
    assert {"energy distance, WGAN: MLP 512 × 4", "classes, WGAN: no batch norm"} <= set(found)


def test_one_lucky_seed_of_the_gan_is_told():
    lucky = (FAR["GAN"][0], (0.1, 0.9, 1.4), FAR["GAN"][2])
    assert missed(FAR | {"GAN": lucky}) == ["least of GAN, any seed, over WGAN's largest: no batch norm"]


def test_a_short_version_runs_and_shows_every_way(monkeypatch):
    monkeypatch.setattr(watched, "LONG", 1)
    entry = robust_generators(rounds=1, seeds=1)
    assert [picture.name for picture in entry.pictures] == ["robust-generators", "robust-generators-distances"]
    assert all(math.isfinite(check.found) for check in entry.checks)
