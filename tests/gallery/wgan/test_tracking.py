import numpy as np
import pytest
import torch

from remblai.gallery.entry import Entry
from remblai.gallery.wgan import tracking
from remblai.gallery.wgan.images import digits
from remblai.gallery.wgan.tracking import CLIPPED, FREE, PENALISED, WAYS, checks, findings, moved, trained
from remblai.gallery.wgan.watched import Run
from remblai.report import Picture, grid

PLACES = np.arange(1, 41)
FALLING, RISING, STOPPED = np.linspace(4.0, 0.4, 40), np.linspace(0.4, 4.0, 40), np.linspace(4.0, 3.9, 40)


def run(estimates, distances):
    return Run(np.asarray(estimates, float), PLACES, np.asarray(distances, float), torch.zeros(1, 1, 28, 28))


GOOD = {CLIPPED: [run(FALLING, FALLING)] * 3, PENALISED: [run(FALLING, FALLING)] * 3, FREE: [run(RISING, FALLING)] * 3}


def missed(**runs):
    shown = GOOD | {{"clipped": CLIPPED, "penalised": PENALISED, "free": FREE}[key]: one for key, one in runs.items()}
    return [check.what for check in checks(shown) if not check.holds]


def test_checks_hold_where_two_estimates_fall_with_the_distance_and_the_third_rises():
    assert missed() == []


def test_checks_tell_an_estimate_that_rises_while_samples_improve():
    found = missed(clipped=[run(RISING, FALLING)] * 3)
    assert all(what.startswith(CLIPPED) for what in found)
    assert sum("rank correlation" in what or "pooled" in what for what in found) == 2
    assert f"{CLIPPED}: estimate, end over start" in found


def test_checks_tell_a_run_that_does_not_improve():
    assert missed(penalised=[run(FALLING, STOPPED)] * 3) == [f"{PENALISED}: energy distance, end over start"]


def test_checks_tell_a_failing_run_that_does_not_fail():
    assert missed(free=GOOD[CLIPPED]) == [
        f"{FREE}: rank correlation in the last half",
        f"{FREE}: estimate, end over start",
    ]


def test_runs_of_other_scales_do_not_make_one_curve():
    scaled = [run(FALLING, FALLING), run(0.1 * FALLING, FALLING), run(10.0 * FALLING, FALLING)]
    assert missed(clipped=scaled) == [f"{CLIPPED}: the same of all seeds, pooled"]


def test_a_curve_is_compared_with_its_value_at_the_first_evaluation():
    places = np.array([4, 8])
    one = Run(np.array([9.0, 9.0, 9.0, 8.0, 2.0, 2.0, 2.0, 4.0]), places, np.array([5.0, 1.0]), torch.zeros(1, 1, 2, 2))
    assert moved([one]) == pytest.approx(0.2)
    assert moved([one], "filtered") == pytest.approx(0.5)


def test_a_finding_whose_check_misses_is_not_said():
    runs = GOOD | {FREE: GOOD[CLIPPED]}
    picture = Picture("", "", "", "", grid(torch.zeros(1, 1, 4, 4), 1))
    said = Entry("", "", checks(runs), (picture,), "", findings(runs)).conclusions
    assert [holds for _, holds in said] == [True, False]


def test_ways_are_the_papers_and_the_failing_one_differs_from_the_first_in_the_constraint_alone(monkeypatch):
    clipped, penalised, free = WAYS.values()
    assert clipped.lipschitz == {"name": "clip", "bound": 0.01}
    loop = {**clipped.recipe.loop, **clipped.loop}
    assert (loop["optimiser"], loop["lr"], loop["batch_size"]) == ("rmsprop", 5e-5, 64)
    assert (free.recipe, free.loop) == (clipped.recipe, clipped.loop)
    loop = {**penalised.recipe.loop, **penalised.loop}
    assert (loop["lr"], loop["betas"], loop["batch_size"], penalised.lipschitz["weight"]) == (1e-4, (0.0, 0.9), 64, 10)
    assert [tracking.steps_of_critic(step) for step in (1, 2, 3, 100)] == [100, 100, 5, 5]


def test_a_short_version_runs_and_shows_every_way(monkeypatch):
    monkeypatch.setattr(tracking, "LONG", 1)
    monkeypatch.delenv("REMBLAI_DATA", raising=False)
    entry = tracking.tracking(rounds=4, evaluations=4, seeds=1)
    assert [picture.name for picture in entry.pictures] == ["tracking", "tracking-ranks", "tracking-samples"]
    assert len(entry.checks) == 11
    assert all(np.isfinite(check.found) for check in entry.checks if "energy distance" in check.what)
    assert "8 × 8 pixels, enlarged to 28 × 28" in entry.words


def test_the_clip_holds_in_a_run(monkeypatch):
    monkeypatch.setattr(tracking, "LONG", 1)
    steps = {way: trained(way, digits(28), 2, 1, 0) for way in (CLIPPED, FREE)}
    assert steps[CLIPPED].estimates[-1] < 0.5 * steps[FREE].estimates[-1]
