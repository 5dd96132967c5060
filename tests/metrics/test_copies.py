"""Copies of training data among samples: seen whatever the other samples are, and not seen where there are none."""

import numpy as np
import pytest
import torch

from remblai.metrics import fidelity_card
from remblai.metrics.copies import figure_of_copies
from remblai.metrics.reading import BAND
from remblai.metrics.sets import Sets

LAWS = {
    "normal": lambda rng, n: rng.normal(size=(n, 3)),
    "heavy tails": lambda rng, n: np.exp(2 * rng.normal(size=(n, 3))),
    "whole numbers": lambda rng, n: rng.poisson(3, (n, 3)),
    "true and false": lambda rng, n: rng.integers(0, 2, (n, 5)),
}


def drawn(law, seed, n=150):
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(LAWS[law](rng, m).astype(np.float32)) for m in (3 * n, n, n)]


def off(figure):
    return abs(figure["value"] - figure["floor"]) > BAND * figure["spread"]


@pytest.mark.parametrize("law", LAWS)
def test_perfect_samples_are_at_the_floor(law):
    """Outside of the band by chance in about 1 of 20: at most 14 of 100 with probability .9999."""
    found = [off(figure_of_copies(Sets(*drawn(law, seed), image=False, seed=seed))) for seed in range(100)]
    assert sum(found) <= 14


@pytest.mark.parametrize("law", ["normal", "heavy tails"])
def test_copies_beside_noise_are_seen_where_the_ratio_is_blind(law):
    seen, by_ratio = 0, 0
    for seed in range(10):
        train, test, samples = drawn(law, seed)
        samples[:50], samples[50:100] = train[:50], samples[50:100] + 2.0
        card = fidelity_card(train, test, samples, image=False, power=False, seed=seed)
        seen += off(card["next_to_training_share"])
        by_ratio += card["memorisation_ratio"]["value"] < 0.5
    assert (seen, by_ratio) == (10, 0)


def test_of_rows_that_repeat_the_share_of_training_rows_is_shown():
    train, test, _ = drawn("true and false", 0)
    card = fidelity_card(train[:40], test, train[:40].repeat(4, 1)[:150], image=False, power=False)
    figure = card["next_to_training_share"]
    known = {tuple(row) for row in train[:40].tolist()}
    assert figure["value"] == 1.0
    assert figure["floor"] < 1.0 and off(figure)
    held_out = [tuple(row) in known for row in test[:40].tolist()]
    assert 0.5 < sum(held_out) / 40 < 1.0


def test_its_power_is_that_of_copies():
    card = fidelity_card(*drawn("normal", 1), image=False)
    assert card["next_to_training_share"]["sees"]["copies"] > 3
    assert "copies" not in card["w2"]["sees"]
