import math

import pytest
import torch

from remblai import data
from remblai.gallery.entry import Entry
from remblai.gallery.wgan import watched
from remblai.gallery.wgan.images import digits
from remblai.gallery.wgan.robust_generators import (
    CLIPPED,
    FREE,
    GAN,
    R1,
    WAYS,
    WGAN,
    checks,
    classes,
    findings,
    robust_generators,
)
from remblai.gallery.wgan.watched import GENERATORS, SIDE
from remblai.report import Picture, grid

NAMES = list(GENERATORS)
NEAR = {
    CLIPPED: (0.48, 0.57, 0.89),
    WGAN: (0.17, 0.24, 0.20),
    FREE: (0.6, 0.9, 4.0),
    R1: (0.35, 0.34, 0.19),
    GAN: (0.23, 0.26, 0.61),
}


def table(rows):
    return {(way, name): value for way, row in rows.items() for name, value in zip(NAMES, row, strict=True)}


def missed(rows):
    return {check.what for check in checks(table(rows)) if not check.holds}


def test_as_many_classes_are_counted_as_there_are_evenly():
    train = data.load("digits").train
    images, labels = digits(SIDE).split("train"), train.labels
    one = images[labels == 3]
    assert classes(one) == pytest.approx(1.0)
    pair = torch.cat([images[labels == 3][:50], images[labels == 8][:50]])
    assert classes(pair) == pytest.approx(2.0)
    uneven = torch.cat([images[labels == 3][:75], images[labels == 8][:25]])
    assert classes(uneven) == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_held_out_digits_have_about_ten_classes_and_one_image_again_and_again_one():
    held = digits(SIDE).split("test")
    assert 9.7 < classes(held) <= 10.0
    assert classes(held[:1].expand(64, -1, -1, -1)) == pytest.approx(1.0)


def test_checks_hold_for_the_figures_that_the_findings_describe():
    assert list(NEAR) == list(WAYS)
    assert missed(NEAR) == set()
    assert all(shown for _, shown in robust(NEAR).conclusions)


def test_a_gan_that_trains_the_mlp_unconstrained_is_no_effect_of_the_constraint():
    assert "GAN unconstrained over penalised, MLP" in missed(NEAR | {FREE: NEAR[GAN]})


def test_a_game_without_an_effect_is_not_credited_with_one():
    assert missed(NEAR | {GAN: NEAR[WGAN]}) == {"GAN over WGAN, both penalised, MLP 512 × 4"}


def test_a_finding_whose_check_misses_is_not_said():
    shown = dict(robust(NEAR | {GAN: NEAR[WGAN]}).conclusions)
    assert next(says for says, holds in shown.items() if not holds).startswith("This run does not show it")


def robust(rows):
    near = table(rows)
    picture = grid(torch.zeros(1, 1, 4, 4), 1)
    return Entry("", "", checks(near), (Picture("", "", "", "", picture),), "", findings(near))


def test_a_short_version_runs_and_shows_every_way(monkeypatch):
    monkeypatch.setattr(watched, "LONG", 1)
    entry = robust_generators(rounds=1, seeds=1)
    assert [picture.name for picture in entry.pictures] == ["robust-generators", "robust-generators-distances"]
    assert all(math.isfinite(check.found) for check in entry.checks)
