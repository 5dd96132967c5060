"""Whose parameters and buffers are whose."""

import pytest
import torch
from torch import Tensor, nn

from remblai.critics import Adversarial, Logistic
from remblai.discrepancies import Discrepancy
from remblai.objectives import Objective, Penalty
from remblai.training import State, steps
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


class Learner(Discrepancy):
    """A discrepancy with a weight, which could be made small."""

    def __init__(self, shared: nn.Module) -> None:
        super().__init__()
        self.scale, self.shared = nn.Linear(1, 1), shared

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.scale.weight * (x.mean(0) - y.mean(0))).square().sum()


class Watched(Penalty):
    """A penalty with a weight and a critic."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.critic = nn.Linear(1, 1), Adversarial(nn.Linear(2, 1), Logistic())


class Measured(Objective):
    """A model that is measured by parts with parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Linear(2, 2)
        self.discrepancy, self.penalty = Learner(self.model), Watched()

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        return {"discrepancy": self.discrepancy(x, self.model(x) + 1.0)}

    def adversary_loss(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.penalty.critic.adversary_loss(x, self.model(x))


def test_the_model_does_not_train_what_measures_it() -> None:
    objective = Measured()
    critics, model = sides(objective)
    assert set(critics) == {"penalty.critic.critic.weight", "penalty.critic.critic.bias"}
    assert set(model) == {"model.weight", "model.bias"}  # which the discrepancy reads, too
    before = objective.discrepancy.scale.weight.clone()
    for _ in steps(State(objective, lr=0.1, steps=3), [torch.randn(8, 2)]):
        pass
    assert torch.equal(objective.discrepancy.scale.weight, before)
