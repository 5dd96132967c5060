"""The interface of objectives."""

import pytest
import torch

from remblai.objectives import Objective


def test_what_an_objective_does_not_say_is_that_there_is_none() -> None:
    objective, x = Objective(), torch.zeros(2, 2)
    assert objective.adversary_loss(x) is None
    assert objective.warm_start(x) is None
    assert objective.weights() == {}
    with pytest.raises(NotImplementedError):
        objective(x)
    with pytest.raises(NotImplementedError):
        objective.sample(1)
