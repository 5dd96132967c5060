import pytest
import torch

from remblai.distances.entropic import soft_transforms
from remblai.distances.entropic.soft_transforms import Configuration, SoftTransforms, ready
from remblai.distances.geometry import Matrix, Points
from remblai.distances.pairwise.points import Tile

CHECK = Configuration.check
CASES = [
    (2, torch.float32, "square", False),
    (20, torch.float32, "square", False),
    (20, torch.float32, "square", True),
    (2, torch.float32, "euclidean", False),
    (20, torch.float32, "euclidean", False),
    (70, torch.float32, "square", False),
    (2, torch.float64, "square", False),
    (3, torch.float64, "euclidean", False),
]


def geometry(d, cost, device, n=21, m=19):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(size, d, generator=generator) + 3.0 for size in (n, m))
    y[3] = x[5]
    return Points(x.to(device), y.to(device), cost)


def masses(n, empty, device):
    found = torch.rand(n, generator=torch.Generator().manual_seed(n)).double() + 0.1
    found[empty] = 0.0
    return (found / found.sum()).to(device)


def soft(costs, h, weights, epsilon):
    return -epsilon * torch.logsumexp(weights.log() + (h - costs) / epsilon, 1)


@pytest.mark.parametrize(("d", "dtype", "cost", "single"), CASES)
def test_transforms_are_those_of_the_formula(kernels_on, d, dtype, cost, single):
    """Places without mass count nowhere; n and m fill no tile."""
    points = geometry(d, cost, kernels_on)
    a, b = masses(21, [0, 1], kernels_on), masses(19, [18], kernels_on)
    epsilon = 0.3 * d ** (1.0 if cost == "square" else 0.5)
    transforms = SoftTransforms(points, a, b, dtype, single).at(epsilon)
    f, g = (
        epsilon * torch.randn(n, generator=torch.Generator().manual_seed(n)).double().to(kernels_on) for n in (21, 19)
    )
    close = epsilon * (1e-9 if dtype == torch.float64 else 5e-3 if single else 2e-5)
    costs = points.matrix()
    torch.testing.assert_close(transforms.transform(g, 0), soft(costs, g, b, epsilon), rtol=0.0, atol=close)
    torch.testing.assert_close(transforms.transform(f, 1), soft(costs.T, f, a, epsilon), rtol=0.0, atol=close)


@pytest.mark.parametrize("omega", [1.0, 1.5])
@pytest.mark.parametrize("d", [2, 20])
def test_a_move_is_a_relaxed_step_with_its_error_and_the_next_bias(kernels_on, d, omega):
    points = geometry(d, "square", kernels_on)
    a, b = masses(21, [], kernels_on), masses(19, [], kernels_on)
    transforms = SoftTransforms(points, a, b, torch.float32).at(0.5 * d)
    f, g = torch.full_like(a, 0.3), torch.linspace(-1.0, 1.0, 19, device=kernels_on).double()
    target = soft(points.matrix(), g, b, 0.5 * d)
    errors, bias = torch.empty_like(a), torch.empty_like(a, dtype=torch.float32)
    before = f.clone()
    transforms.move(f, transforms.bias(g, 1), 0, errors, bias, omega)
    torch.testing.assert_close(f, before + omega * (target - before), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(errors, a * ((before - target) / (0.5 * d)).expm1().abs(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(bias, transforms.bias(f, 0), rtol=1e-6, atol=1e-6)


def test_the_check_passes_and_sees_what_is_wrong(kernels_on, monkeypatch):
    found = Configuration(3, torch.float32, False, "tf32x3", Tile(16, 16, 16, 4, 2))
    CHECK(found, kernels_on)

    def shifted(self, h, side, bias=SoftTransforms.bias):
        return bias(self, h, side) + 1e-3

    monkeypatch.setattr(SoftTransforms, "bias", shifted)
    with pytest.raises(ArithmeticError, match="is off by"):
        CHECK(found, kernels_on)


def test_what_the_kernels_are_ready_for(kernels_on):
    assert ready(geometry(2, "square", kernels_on), torch.float32)
    assert ready(geometry(2, "euclidean", kernels_on), torch.float64)
    assert not ready(geometry(2, "manhattan", kernels_on), torch.float32)
    assert not ready(Matrix(torch.eye(2, device=kernels_on)), torch.float32)


def test_a_cpu_is_not_ready():
    assert not soft_transforms.ready(geometry(2, "square", torch.device("cpu")), torch.float32)
