import pytest
import torch
from torch import nn

from remblai.critics import Adversarial, Clip, Kantorovich
from remblai.gallery.descent import ascent, descent


def test_descent_tells_each_step_before_it_and_finds_the_minimum():
    place, seen = torch.zeros(2, requires_grad=True), []
    goal = torch.tensor([1.0, -2.0])
    for step in descent([place], lambda: (place - goal).square().sum(), 300, 0.1):
        seen.append((step, float((place - goal).detach().norm())))
    assert [step for step, _ in seen] == list(range(301))
    assert seen[0][1] == pytest.approx(5**0.5)
    assert seen[-1][1] < 1e-3


def test_the_first_step_has_the_rate_and_the_rate_falls_on_a_line():
    place, places = torch.zeros(1, requires_grad=True), []
    for _ in descent([place], place.sum, 4, 0.1):
        places.append(float(place.detach()))
    assert places == pytest.approx([0.0, -0.1, -0.175, -0.225, -0.25], abs=1e-6)


def test_ascent_trains_the_critic_on_each_batch_and_holds_it_after_each_turn():
    torch.manual_seed(0)
    critic, drawn = nn.Linear(1, 1), []

    def batch():
        drawn.append(None)
        return torch.ones(3, 1), torch.zeros(3, 1)

    for _ in ascent(Adversarial(critic, Kantorovich(), Clip(0.5)), batch, 20, 0.2):
        assert float(critic.weight.detach().abs()) <= 0.5
    assert len(drawn) == 20
    assert float(critic.weight.detach()) == pytest.approx(0.5)
