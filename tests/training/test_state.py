"""The settings of a run that are refused."""

from typing import Any

import pytest
import torch
from torch import nn

from remblai import recipes
from remblai.training import State
from remblai.training.state import generators, restore_generators


def two_rates(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD([{"params": parameters[:1], "lr": 1.0}, {"params": parameters[1:], "lr": 2.0}])


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
        ({"schedule": lambda done: 1.0}, "schedule: a function changes with the share"),
        (
            {"optimiser": torch.optim.Adam([nn.Parameter(torch.ones(1))])},
            "got a ready Adam: pass torch.optim.Adam itself",
        ),
        ({"steps": 9, "schedule": lambda done: -1.0}, "factor of at least 0 from the function at the share 0 of"),
        ({"steps": 9, "schedule": lambda done: None}, "factor of at least 0 .* got None"),
        ({"steps": 9, "schedule": torch.optim.lr_scheduler.StepLR}, r"a name \(constant, .* got StepLR"),
        ({"steps": 9, "schedule": 0.5}, "a function from the share of the run that is done, .* got float"),
        ({"optimiser": "adan"}, "Did you mean 'adam'"),
        ({"optimiser": lambda parameters: parameters}, "expected a torch.optim.Optimizer from <lambda>, got list"),
        ({"optimiser": torch.optim.LBFGS}, "steps by gradients, got LBFGS"),
        ({"optimiser": torch.optim.Rprop, "weight_decay": 0.1}, "weight_decay: expected 0, for the optimiser Rprop"),
        ({"optimiser": two_rates}, "expected one learning rate in two_rates, .* got several"),
    ],
)
def test_settings_that_mean_nothing_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        State(recipes.wae_mmd((2,)), **setting)


@pytest.mark.parametrize("what", [nn.Linear(2, 2), recipes.wae_mmd, None])
def test_what_is_no_objective_is_refused(what: Any) -> None:
    with pytest.raises(ValueError, match=f"objective: expected an Objective, got {type(what).__name__}: call a recipe"):
        State(what)


def test_a_constant_rate_needs_no_number_of_steps() -> None:
    assert State(recipes.wae_mmd((2,)), lr=1, schedule="constant").steps is None


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> dict[int, torch.Tensor]:
    """The state of the generator of each of two GPUs, of which torch knows no more."""
    found = {index: torch.full((16,), index, dtype=torch.uint8) for index in range(2)}
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: found[torch.device(device).index].clone())
    monkeypatch.setattr(
        torch.cuda, "set_rng_state", lambda state, device: found.__setitem__(torch.device(device).index, state)
    )
    return found


@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 1), (1, 0), (0, 1)])
def test_the_generator_of_the_models_gpu_goes_on_whatever_its_number(
    before: int, after: int, cards: dict[int, torch.Tensor]
) -> None:
    cards[before] = torch.full((16,), 7, dtype=torch.uint8)
    saved = generators(torch.device("cuda", before))
    for index in cards:
        cards[index] = torch.full((16,), 100 + index, dtype=torch.uint8)
    restore_generators([saved], 10, torch.device("cuda", after))
    assert {index: int(state[0]) for index, state in cards.items()} == {after: 7, 1 - after: 101 - after}


@pytest.mark.parametrize(("visible", "used", "taken"), [(4, 1, 1), (4, 0, 0), (1, 1, 0)])
def test_the_states_of_an_earlier_version_that_kept_those_of_all_gpus_are_read(
    visible: int, used: int, taken: int, cards: dict[int, torch.Tensor]
) -> None:
    saved = generators(torch.device("cpu"))
    assert saved["cuda"] == []
    saved["cuda"] = [torch.full((16,), 50 + index, dtype=torch.uint8) for index in range(visible)]
    restore_generators([saved], 10, torch.device("cuda", used))
    assert {index: int(state[0]) for index, state in cards.items()} == {used: 50 + taken, 1 - used: 1 - used}
    restore_generators([saved], 10, torch.device("cpu"))
