"""The settings of a run that are refused."""

from typing import Any

import pytest

from remblai import recipes
from remblai.training import State


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"precision": "float64"}, "precision"),
        ({"precision": "fp32"}, "precision"),
        ({"precision": "half"}, "precision"),
        ({"steps": 2.5}, "steps: expected a whole number"),
        ({"batch_size": 1.5}, "batch_size: expected a whole number"),
        ({"accumulate": True}, "accumulate: expected a whole number"),
        ({"lr": True}, "lr: expected a number above 0"),
        ({"schedule": "cosine"}, "schedule: 'cosine' falls"),
        ({"schedule": "step"}, "schedule: 'step' falls"),
        ({"critic_schedule": "cosine"}, "critic_schedule: 'cosine' falls"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        State(recipes.wae_mmd((2,)), **setting)


def test_a_constant_rate_needs_no_number_of_steps() -> None:
    assert State(recipes.wae_mmd((2,)), lr=1, schedule="constant").steps is None
