import numpy as np
import pytest
import torch

from remblai.gallery.wgan import watched
from remblai.gallery.wgan.tracking import checks, fallen, kept, tracking
from remblai.gallery.wgan.watched import GENERATORS, SHAPE, Run

PLACES = np.arange(1, 41)


def run(estimates, distances):
    return Run(np.asarray(estimates, float), PLACES, np.asarray(distances, float), torch.zeros(1, *SHAPE))


def held(runs, failing):
    return {check.what: check.holds for check in checks(runs, failing)}


def test_checks_hold_for_curves_that_fall_together_and_a_run_that_stays():
    falling, flat = np.linspace(4.0, 0.4, 40), np.full(40, 4.0)
    assert all(held({name: run(falling, falling) for name in GENERATORS}, run(flat, flat)).values())


def test_checks_tell_an_estimate_that_rises_while_samples_improve():
    falling, flat = np.linspace(4.0, 0.4, 40), np.full(40, 4.0)
    found = held({name: run(falling[::-1], falling) for name in GENERATORS}, run(flat, flat))
    assert not any(holds for what, holds in found.items() if "rank correlation" in what)


def test_checks_tell_runs_that_have_stopped_and_a_failing_run_that_does_not_fail():
    falling, stopped = np.linspace(4.0, 0.4, 40), np.linspace(4.0, 3.9, 40)
    found = held({name: run(falling, stopped) for name in GENERATORS}, run(falling, falling))
    assert not any(holds for what, holds in found.items() if "end over middle" in what or "failing" in what)


def test_shares_are_of_the_ends():
    assert fallen(np.array([4.0, 9.0, 9.0, 9.0, 1.0])) == 0.25
    assert fallen(np.arange(10.0) + 1.0) == pytest.approx(9.5 / 1.5)
    curve = np.concatenate([np.full(20, 4.0), np.full(20, 1.0)])
    assert kept(run(curve, curve)) == 0.25


def test_a_short_version_runs_and_shows_every_run(monkeypatch):
    monkeypatch.setattr(watched, "LONG", 1)
    entry = tracking(rounds=4, evaluations=4)
    assert [picture.name for picture in entry.pictures] == ["tracking", "tracking-pooled", "tracking-samples"]
    assert len(entry.checks) == 10
    assert all(np.isfinite(check.found) for check in entry.checks if "energy distance" in check.what)
    assert entry.words.count(". ") >= 2
