"""Whose parameters and buffers are whose."""

import pytest
import torch
from torch import Tensor, nn

from remblai.critics import Adversarial, Logistic
from remblai.objectives import Objective
from remblai.training.players import critics_of, model_state, player, sides
from remblai.training.schedules import LearningRate


class TwoCritics(Objective):
    """A model with batch norm, and two critics of which one has batch norm too."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        plain = nn.Linear(2, 1)
        self.first = Adversarial(plain, Logistic())
        self.others = nn.ModuleList(
            [Adversarial(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)), Logistic())]
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"discrepancy": self.first(x, self.model(x))}


def test_each_parameter_and_buffer_has_one_owner() -> None:
    objective = TwoCritics()
    assert set(critics_of(objective)) == {"first", "others.0"}
    critics, model = sides(objective)
    assert set(critics) == {name for name, _ in objective.named_parameters() if ".critic." in name}
    assert set(model) == {"model.0.weight", "model.0.bias", "model.1.weight", "model.1.bias"}
    assert model_state(objective) == [name for name in objective.state_dict() if name.startswith("model.")]
    assert "model.1.running_mean" in model_state(objective)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_rule_moves_against_the_gradient_at_the_players_rate(optimiser: str) -> None:
    place = nn.Parameter(torch.tensor([3.0]))
    side = player([place], LearningRate(0.1, "constant", (), ()), optimiser, (0.0, 0.0), 0.0)  # type: ignore[arg-type]
    place.grad = torch.tensor([2.0])
    side.optimiser.step()
    expected = 3.0 - 0.1 * (2.0 if optimiser == "sgd" else 1.0)  # the others divide by the gradient's size
    assert place.item() == pytest.approx(expected, abs=1e-5)
