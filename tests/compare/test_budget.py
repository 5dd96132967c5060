import pytest

import remblai
from remblai.compare.budget import steps_for_images, steps_for_seconds
from remblai.runs.resolve import resolve


@pytest.fixture(scope="module")
def ring():
    return remblai.data.load("ring")


@pytest.mark.parametrize("recipe", ["wae-mmd", "wgan"])
def test_so_many_steps_see_so_many_images_critics_included(ring, recipe, tmp_path, bare):
    images, small = 3000, {"batch_size": 20}
    count = steps_for_images(resolve(recipe, small), ring, images)
    run = remblai.train(recipe, data="ring", steps=count, out=tmp_path, quiet=True, evaluate_every=0, **small)
    seen = [line["images"] for line in run.run.terms() if "images" in line]
    assert seen[-1] <= images
    assert count == 150 if recipe == "wae-mmd" else seen[-1] > 0.9 * images or count == 1


def test_a_warm_start_may_be_longer_than_an_epoch(ring):
    how = resolve("wae-mmd", {"batch_size": 20, "warm_start": 5000})
    assert steps_for_images(how, ring, 200_000) == 10_000


def test_twice_the_time_fits_twice_the_steps(ring, monkeypatch):
    """By a clock of which each step takes a tenth of a second."""
    ticks = iter(range(10**6))
    monkeypatch.setattr("remblai.runs.measure.time.perf_counter", lambda: next(ticks) / 20)
    one, two = (steps_for_seconds(resolve("ae", {"latent": 1}), ring, s, "cpu", 1) for s in (60.0, 120.0))
    assert two == pytest.approx(2 * one, rel=0.01) and one > 100
