"""What is logged: terms and scores."""

import time

import pytest
import torch
from tests.small import settled

from remblai.data import load
from remblai.metrics import SCORED, energy_distance, latent_mmd_squared
from remblai.runs import log
from remblai.runs.load import averaged_copy
from remblai.runs.resolve import resolve
from remblai.runtime.rng import seeded
from remblai.training import State, Step, gradient_norms, steps


def test_the_logged_estimate_is_of_the_weights_that_the_critic_plays_against() -> None:
    dataset = load("ring")
    how = resolve("gan", {"network.width": 16, "critic.width": 16, "average": 0.99, "lr": 1e-2, "steps": 40})
    torch.manual_seed(0)
    state = State(how.build(dataset.shape), **how.loop)
    for _ in steps(state, dataset.train.batches(state.batch_size, 0)):
        pass
    assert state.average is not None
    model = averaged_copy(state)
    found = log.validation_scores(state, model, dataset)
    x = dataset.validation[: min(SCORED, len(dataset.validation))]
    averaged = averaged_copy(state)
    with seeded(0):
        samples = averaged.sample(len(x))
        expected = state.objective.estimate(x)
        other = averaged.estimate(x)
    assert found["energy_distance_squared"] == pytest.approx(energy_distance(x, samples))
    assert found["estimate"] == pytest.approx(float(expected), rel=1e-5)
    assert abs(float(other) - float(expected)) > 1e-3
    assert not model.training
    torch.testing.assert_close(dict(model.state_dict()), dict(averaged.state_dict()), rtol=0, atol=0)


def test_the_time_in_which_the_device_is_waited_for_is_trained_in(monkeypatch: pytest.MonkeyPatch) -> None:
    how = resolve("ae", {"latent": 1, "steps": 3})
    state = State(how.build((2,)), **how.loop)
    monkeypatch.setattr(state.guard, "first_bad", lambda: time.sleep(0.3))
    for _ in steps(state, [torch.randn(20, 2)]):
        pass
    assert state.seconds > 0.3
    assert log.log_line(state, Step(3, {}, 0.0))["seconds"] == pytest.approx(state.seconds, abs=1e-3)


def test_critics_that_rested_have_no_gradient() -> None:
    how = settled("ot-gan", {"steps": 4, "batch_size": 20})
    state = State(how.build((2,)), **how.loop)
    rested = [
        ("critics" in gradient_norms(state)) == bool(state.critic_steps(step.number))
        for step in steps(state, [torch.randn(20, 2)])
    ]
    assert all(rested) and not all(state.critic_steps(number) for number in (1, 2, 3, 4))


@pytest.mark.parametrize(("recipe", "scored"), [("wae-mmd", True), ("ae", False), ("gmmn-ae", False), ("gmmn", False)])
def test_codes_in_evaluation_mode_are_scored_against_the_prior_that_they_should_follow(
    recipe: str, scored: bool
) -> None:
    dataset = load("digits")
    how = settled(recipe, {"network": "dcgan", "network.norm": "batch", "network.width": 4, "latent": 2, "steps": 3})
    torch.manual_seed(0)
    state = State(how.build(dataset.shape), **how.loop)
    for _ in steps(state, dataset.train.batches(50, 0)):
        pass
    before = torch.get_rng_state()
    scores = log.validation_scores(state, averaged_copy(state), dataset, how.latent_law())
    assert torch.equal(torch.get_rng_state(), before)
    assert ("latent_mmd_squared" in scores) == scored
    if scored:
        assert state.average is not None
        x = dataset.validation[: min(SCORED, len(dataset.validation))]
        model = averaged_copy(state)
        assert scores["latent_mmd_squared"] == pytest.approx(latent_mmd_squared(model.encode(x).z, model.prior))
        with_batch_statistics = latent_mmd_squared(model.train().encode(x).z, model.prior)
        assert abs(scores["latent_mmd_squared"] - with_batch_statistics) > 1e-3
