import math

import numpy as np
import pytest
import torch

from remblai.gallery.wgan import watched
from remblai.gallery.wgan.js_estimate import CEILING, ROUNDING, checks, js_estimate
from remblai.gallery.wgan.watched import GENERATORS, SHAPE, Run, rank_correlation

PLACES = np.arange(1, 41)


def run(estimates, distances):
    return Run(np.asarray(estimates, float), PLACES, np.asarray(distances, float), torch.zeros(1, *SHAPE))


RISING, FALLING = CEILING * np.linspace(0.97, 0.99, 40), CEILING * np.linspace(0.99, 0.95, 40)
BETTER, WORSE, CONSTANT = np.linspace(4.0, 1.0, 40), np.linspace(6.0, 2.0, 40), np.linspace(1.01, 1.0, 40)
GOOD = {"DCGAN": run(RISING, BETTER), "no batch norm": run(RISING, WORSE), "MLP 512 × 4": run(0.5 * RISING, WORSE)}


def missed(**runs):
    shown = GOOD | {
        {"dcgan": "DCGAN", "plain": "no batch norm", "mlp": "MLP 512 × 4"}[key]: one for key, one in runs.items()
    }
    return [check.what for check in checks(shown, rank_correlation(*shown.values())) if not check.holds]


def test_checks_hold_for_a_saturated_estimate_over_distances_that_move():
    assert list(GOOD) == list(GENERATORS)
    assert missed() == []


def test_checks_tell_an_estimate_far_below_log_2():
    assert "the same in the last half: no batch norm" in missed(plain=run(0.3 * RISING, WORSE))


def test_checks_tell_an_estimate_above_log_2():
    assert "the same in the last half: DCGAN" in missed(dcgan=run(1.05 * RISING, BETTER))


def test_checks_tell_an_estimate_that_tracks_the_distance():
    found = missed(dcgan=run(FALLING, BETTER), plain=run(FALLING, BETTER), mlp=run(0.5 * FALLING, BETTER / 8.0))
    assert len([what for what in found if "rank correlation" in what]) == 2


def test_checks_tell_a_quality_that_does_not_move():
    found = missed(dcgan=run(RISING, CONSTANT))
    assert "spread of the energy distance there, over its mean (0.07 of redraws): DCGAN" in found


def test_checks_tell_an_order_that_is_right():
    assert "and their energy distances" in missed(mlp=run(0.5 * RISING, 0.5 * BETTER))


def test_the_ceiling_is_log_2_and_no_estimate_of_a_short_run_passes_it(monkeypatch):
    monkeypatch.setattr(watched, "LONG", 1)
    assert pytest.approx(math.log(2.0)) == CEILING
    entry = js_estimate(rounds=4, evaluations=4)
    (share,) = (check.found for check in entry.checks if "all rounds of all runs" in check.what)
    assert 0.0 < share <= 1.0 + ROUNDING
    assert [picture.name for picture in entry.pictures] == ["js-estimate", "js-estimate-pooled", "js-estimate-samples"]
