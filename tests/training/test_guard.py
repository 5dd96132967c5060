"""The guard against a search through every term."""

import math
import random

import pytest
import torch

from remblai.training.guard import NonFiniteGuard


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rate", [0.0, 0.004, 0.2])
def test_it_names_the_first_bad_step_and_term_of_any_sequence(seed: int, rate: float) -> None:
    draw, guard, first = random.Random(seed), NonFiniteGuard(), None
    for step in range(1, 150):
        values = {
            name: draw.choice([math.nan, math.inf, -math.inf]) if draw.random() < rate else draw.random()
            for name in draw.sample(["transport", "penalty", "adversary"], draw.randint(1, 3))
        }
        guard.observe(step, {name: torch.tensor(value) for name, value in values.items()})
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        first = first or ((step, bad[0]) if bad else None)
        if draw.random() < 0.05:
            assert guard.first_bad() == first
    assert guard.first_bad() == first
