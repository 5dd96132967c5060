"""The interface of objectives."""

from typing import Any

import numpy as np
import pytest
import torch

from remblai.objectives import Objective
from remblai.recipes import wae_mmd


def test_what_an_objective_does_not_say_is_that_there_is_none() -> None:
    objective, x = Objective(), torch.zeros(2, 2)
    assert objective.adversary_loss(x) is None
    assert objective.warm_start(x) is None
    assert objective.weights() == {}
    with pytest.raises(NotImplementedError):
        objective(x)
    with pytest.raises(NotImplementedError):
        objective.sample(1)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((4, 1, 8, 8), np.float32), "of floating point, .* got ndarray: use torch.as_tensor"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), "got torch.uint8"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.float64), r"got torch.float64: use x.to\(torch.float32\)"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.float16), r"got torch.float16: use x.to\(torch.float32\)"),
        (torch.zeros(4, 64), r"expected x \(n, 1, 8, 8\), .* got \(4, 64\)"),
        (torch.zeros(4, 1, 8, 8, device="meta"), "expected x on cpu, as the model is, got meta"),
    ],
)
def test_what_is_no_batch_is_refused_in_a_loop_of_ones_own(x: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wae_mmd(shape=(1, 8, 8), latent=3)(x)


def test_an_objective_takes_batches_of_its_own_precision() -> None:
    objective = wae_mmd(shape=(2,), latent=2).double()
    assert set(objective(torch.zeros(5, 2, dtype=torch.float64))) == {"transport", "penalty"}
