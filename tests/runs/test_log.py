"""What is logged: terms and scores."""

import pytest
import torch

from remblai.data import load
from remblai.metrics import SCORED, energy_distance
from remblai.runs import log
from remblai.runs.load import eval_copy
from remblai.runs.resolve import resolve
from remblai.runtime.rng import seeded
from remblai.training import State, steps


def test_the_logged_estimate_is_of_the_weights_that_the_critic_plays_against() -> None:
    dataset = load("ring")
    how = resolve("gan", {"network.width": 16, "critic.width": 16, "average": 0.99, "lr": 1e-2, "steps": 40})
    torch.manual_seed(0)
    state = State(how.build(dataset.shape), **how.loop)
    for _ in steps(state, dataset.train.batches(state.batch_size, 0)):
        pass
    assert state.average is not None
    found = log.validation_scores(state, dataset)
    x = dataset.validation[: min(SCORED, len(dataset.validation))]
    averaged = eval_copy(state.objective, state.average.values)
    with seeded(0):
        samples = averaged.sample(len(x))
        expected = state.objective.estimate(x)
        other = averaged.estimate(x)
    assert found["energy_distance_squared"] == pytest.approx(energy_distance(x, samples))
    assert found["estimate"] == pytest.approx(float(expected), rel=1e-5)
    assert abs(float(other) - float(expected)) > 1e-3
