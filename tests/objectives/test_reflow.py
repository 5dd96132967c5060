"""Reflow and distillation against closed forms: from a Gaussian to a Gaussian every map is linear."""

import copy

import pytest
import torch
from torch import Tensor, nn

from remblai.objectives import COUPLINGS, Flow
from remblai.objectives.reflow import Ends, Reflow

MEAN, DEVIATION = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.5])


class Rectified(nn.Module):
    """The velocity of independent pairs of N(0, I) and N(m, s^2), whose paths end at m + s x_0 and are curved."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        t = t[:, None]
        slope = (t * DEVIATION**2 - (1 - t)) / (t**2 * DEVIATION**2 + (1 - t) ** 2)
        return MEAN + slope * (x - t * MEAN)


class Straight(nn.Module):
    """The velocity of the pairs (x_0, m + s x_0): constant on each path."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        t = t[:, None]
        return MEAN + (DEVIATION - 1) * (x - t * MEAN) / (1 - t + t * DEVIATION)


class Jump(nn.Module):
    """The straight velocity at time 0, whatever the time."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return MEAN + (DEVIATION - 1) * x


def teacher() -> Ends:
    flow = Flow(Rectified(), (2,), COUPLINGS["independent"](), sampling_steps=40, method="dopri5")
    return Ends(flow, {"run": "first"})


def test_partners_are_the_ends_of_paths() -> None:
    noise = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    found = Reflow(teacher())(noise, torch.zeros(50, 2))  # type: ignore[arg-type]  # a text or the part itself
    torch.testing.assert_close(found, MEAN + DEVIATION * noise, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("velocity", "coupling", "distilled", "exact"),
    [
        (Straight(), "reflow", 0, True),
        (Rectified(), "reflow", 0, False),
        (Straight(), "independent", 0, False),
        (Jump(), "reflow", 1, True),
        (Jump(), "reflow", 0, False),
        (Straight(), "reflow", 4, True),
        (Jump(), "reflow", 4, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_the_loss_is_0_for_the_velocity_of_the_pairs_alone(
    velocity: nn.Module, coupling: str, distilled: int, exact: bool
) -> None:
    torch.manual_seed(0)
    part = Reflow(teacher()) if coupling == "reflow" else COUPLINGS[coupling]()  # type: ignore[arg-type]
    flow = Flow(velocity, (2,), part, distilled=distilled)
    loss = float(flow(MEAN + DEVIATION * torch.randn(500, 2))["velocity"])
    assert (loss < 1e-6) if exact else (loss > 0.01)


def test_a_straight_path_takes_one_step_and_a_curved_one_many() -> None:
    z = torch.randn(20, 2, generator=torch.Generator().manual_seed(1))
    truth = MEAN + DEVIATION * z
    one = {"sampling_steps": 1, "method": "euler"}
    torch.testing.assert_close(Flow(Straight(), (2,), Reflow(), **one).decode(z), truth)  # type: ignore[arg-type]
    torch.testing.assert_close(Flow(Jump(), (2,), Reflow(), distilled=1).decode(z), truth)
    assert (Flow(Rectified(), (2,), Reflow(), **one).decode(z) - truth).abs().max() > 0.5  # type: ignore[arg-type]


def test_a_distilled_model_keeps_its_steps() -> None:
    flow = Flow(Jump(), (2,), Reflow(), sampling_steps=20, distilled=2)
    assert (flow.sampling_steps, flow.method) == (2, "euler")
    with pytest.raises(ValueError, match="expected 2, the steps that this model was distilled to, got 4"):
        flow.take_sampling_steps(4)
    with pytest.raises(ValueError, match="distilled: expected steps of at least 1"):
        Flow(Jump(), (2,), Reflow(), distilled=-1)


def test_the_first_flow_is_shared_and_not_trained_and_its_weights_are_the_start() -> None:
    flow = Flow(nn.Linear(2, 2), (2,), COUPLINGS["independent"]())
    ends = Ends(flow)
    coupling = Reflow(ends)  # type: ignore[arg-type]
    assert copy.deepcopy(ends) is ends
    assert not list(coupling.parameters()) and not coupling.state_dict()
    alike, other = nn.Linear(2, 2), nn.Linear(2, 3)
    coupling.begin(alike)
    assert torch.equal(alike.weight, flow.velocity.weight)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a velocity of the kind and size of the run's"):
        coupling.begin(other)
    Reflow(ends, start=False).begin(other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected a trained flow, got 'runs/one'.*--coupling\.run RUN"):
        Reflow("runs/one")(torch.zeros(2, 2), torch.zeros(2, 2))
