"""Flow matching: couplings against assignments, samples of a known velocity, a Gaussian that is learned."""

import itertools

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from remblai.networks.velocity import Perceptron
from remblai.objectives import COUPLINGS, Flow
from remblai.training import State, steps


class Straight(nn.Module):
    """dx/dt = 3: noise moves by 3."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return torch.full_like(x, 3.0)


def test_a_batch_is_coupled_by_the_assignment_of_least_cost() -> None:
    generator = torch.Generator().manual_seed(0)
    noise, data = torch.randn(20, 3, generator=generator), torch.randn(20, 3, generator=generator) + 2.0
    partners = COUPLINGS["batch"]()(noise, data)
    costs = torch.cdist(noise, data).square().numpy()
    rows, columns = linear_sum_assignment(costs)
    assert float((partners - noise).square().sum()) == pytest.approx(float(costs[rows, columns].sum()), rel=1e-5)
    assert torch.equal(partners.sort(0).values, data.sort(0).values)


def test_a_coupling_is_solved_once_when_its_atoms_are_there() -> None:
    generator = torch.Generator().manual_seed(0)
    coupling, noise = COUPLINGS["semi-discrete"](dimensions=2, atoms=10), torch.randn(6, 2, generator=generator)
    data = torch.randn(12, 2, generator=generator)
    for part in (data[:6], data[6:]):
        assert torch.equal(coupling(noise, part).sort(0).values, part.sort(0).values)
    assert torch.equal(coupling.solved.atoms, data[:10])
    later = coupling(noise, torch.full((6, 2), 100.0))
    assert torch.equal(later, coupling.solved.partners(noise))
    again = COUPLINGS["semi-discrete"](dimensions=2, atoms=10)
    again.load_state_dict(coupling.state_dict())
    assert torch.equal(again(noise, data[:6]), later)
    again.load_state_dict(COUPLINGS["semi-discrete"](dimensions=2, atoms=10).state_dict())
    assert torch.equal(again(noise, data[:6]).sort(0).values, data[:6].sort(0).values), "one that is not solved"


@pytest.mark.parametrize("method", ["euler", "heun", "dopri5"])
def test_a_sample_is_the_end_of_the_path_of_its_noise(method: str) -> None:
    flow = Flow(Straight(), (2,), COUPLINGS["independent"](), sampling_steps=3, method=method)  # type: ignore[arg-type]
    z = torch.randn(4, 2)
    torch.testing.assert_close(flow.decode(z), z + 3.0)
    images = Flow(Straight(), (1, 2, 2), COUPLINGS["independent"](), range=(0.0, 1.0))
    assert images.sample(3).shape == (3, 1, 2, 2)
    torch.testing.assert_close(images.decode(torch.full((1, 4), -3.5)), torch.full((1, 1, 2, 2), 0.25))


@pytest.mark.parametrize("name", sorted(set(COUPLINGS) - {"reflow"}))
def test_a_gaussian_is_learned(name: str) -> None:
    torch.manual_seed(0)
    options = {"dimensions": 2, "atoms": 256} if name == "semi-discrete" else {}
    flow = Flow(Perceptron((2,), 32, 2), (2,), COUPLINGS[name](**options))
    shift, spread = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 1.5])
    batches = (shift + spread * torch.randn(64, 2) for _ in itertools.count())
    for _ in itertools.islice(steps(State(flow, lr=5e-3, steps=400, schedule="cosine"), batches), 400):
        pass
    drawn = flow.eval().sample(4000)
    torch.testing.assert_close(drawn.mean(0), shift, atol=0.25, rtol=0)
    torch.testing.assert_close(drawn.std(0), spread, atol=0.25, rtol=0)


def test_what_cannot_be_integrated_is_refused() -> None:
    with pytest.raises(ValueError, match="sampling_steps: expected at least 1, got 0"):
        Flow(Straight(), (2,), COUPLINGS["batch"](), sampling_steps=0)
    with pytest.raises(ValueError, match="unknown method 'rk4'"):
        Flow(Straight(), (2,), COUPLINGS["batch"](), method="rk4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1 atom, got 0"):
        COUPLINGS["semi-discrete"](dimensions=2, atoms=0)


def test_a_range_that_it_does_not_scale_is_refused() -> None:
    with pytest.raises(ValueError, match=r"range: expected \(0, 1\), of images, or None"):
        Flow(Straight(), (1, 2, 2), COUPLINGS["independent"](), range=(-1.0, 1.0))


def test_what_is_only_looked_at_becomes_no_atom() -> None:
    coupling = COUPLINGS["semi-discrete"](2, atoms=20)
    coupling.eval()(torch.randn(16, 2), torch.randn(16, 2))
    assert int(coupling.gathered) == 0
    coupling.train()(torch.randn(16, 2), torch.randn(16, 2))
    assert int(coupling.gathered) == 16
