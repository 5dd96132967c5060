"""Sinkhorn's iteration by streaming kernels against the forms in torch: on a GPU, or by Triton's interpreter."""

import pytest
import torch

from remblai.discrepancies import Entropic
from remblai.distances import transport
from remblai.distances.entropic import gibbs, schedule
from remblai.distances.entropic.fused import Fused, iterate_fused
from remblai.distances.entropic.soft_transforms import SoftTransforms
from remblai.distances.entropic.softmin import Exponents
from remblai.distances.problem import Problem


def points(d, device, n=21, m=19):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(size, d, generator=generator) for size in (n, m))
    return x.to(device).requires_grad_(), (0.8 * y + 0.5).to(device).requires_grad_()


@pytest.fixture
def streamed(kernels_on, monkeypatch):
    """No pairs are few: the kernels serve all problems."""
    for module in (schedule, gibbs):
        monkeypatch.setattr(module, "DENSE", 0)
    monkeypatch.setattr(schedule, "SMALL", 0)
    return kernels_on


def dense_error(plan, a, b):
    coupling = plan.block(0, plan.f.shape[0])
    return float((coupling.sum(1) - a).abs().sum() + (coupling.sum(0) - b).abs().sum())


@pytest.mark.parametrize(("d", "cost", "epsilon"), [(3, "square", 0.3), (20, "square", 0.3), (3, "euclidean", 0.3)])
def test_the_plan_is_that_of_the_stored_kernel(streamed, monkeypatch, d, cost, epsilon):
    """Value, potentials, gradients and the marginal error, against float64 on the CPU at a fine tolerance."""
    x, y = points(d, streamed)
    plan = transport(x, y, cost, epsilon=epsilon, relative=True, tolerance=1e-3)
    assert plan.method.startswith("sinkhorn (fused float32")
    monkeypatch.setattr(gibbs, "DENSE", 2**20)
    u, v = (one.detach().cpu().double().requires_grad_() for one in (x, y))
    exact = transport(u, v, cost, epsilon=plan.epsilon, tolerance=1e-12, form="log")
    assert plan.value.item() == pytest.approx(exact.value.item(), rel=1e-5)
    assert plan.converged
    assert plan.marginal_error == pytest.approx(dense_error(plan, 1.0 / 21, 1.0 / 19), rel=1e-3, abs=1e-9)
    gap = plan.f.cpu() - exact.f
    assert float((gap - gap.mean()).abs().max()) < 5e-3 * plan.epsilon
    found, expected = torch.autograd.grad(plan.value, (x, y)), torch.autograd.grad(exact.value, (u, v))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        assert one.device == x.device
        torch.testing.assert_close(one.cpu().double(), other, rtol=5e-3, atol=5e-3 * float(other.abs().max()))


def test_sweeps_and_steps_are_those_of_the_formula(kernels_on):
    x, y = points(3, kernels_on)
    given, epsilon = Problem.of_points(x, y, "square"), 2.0
    costs, a, b = given.geometry.matrix(), given.a, given.b
    one, many = (Fused(given.geometry, a, b, torch.float32) for _ in range(2))
    g = torch.zeros_like(b)
    for form in (one, many):
        form.begin(Exponents(given.geometry, epsilon, torch.float32), g)
    expected = []
    for _ in range(3):
        f = -epsilon * torch.logsumexp(b.log() + (g - costs) / epsilon, 1)
        back = -epsilon * torch.logsumexp(a.log()[:, None] + (f[:, None] - costs) / epsilon, 0)
        expected.append(float((b * ((g - back) / epsilon).expm1()).abs().sum()))
        assert one.sweep(1.0) == pytest.approx(expected[-1], rel=1e-4)
        judged, error = one.measured()
        torch.testing.assert_close(judged, f, rtol=0.0, atol=1e-5)
        assert error == pytest.approx(expected[-1], rel=1e-5)
        one.step(1.0)
        g = back
    torch.testing.assert_close(one.potentials(), g, rtol=0.0, atol=1e-5)
    assert many.sweeps(3, 1.0) == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(many.potentials(), g, rtol=0.0, atol=1e-5)
    torch.testing.assert_close(
        many.transform(g), -epsilon * torch.logsumexp(b.log() + (g - costs) / epsilon, 1), rtol=0.0, atol=1e-5
    )


def test_products_of_one_pass_give_way_to_accurate_ones(kernels_on):
    x, y = points(20, kernels_on)
    given = Problem.of_points(x, y, "square")
    form = Fused(given.geometry, given.a, given.b, torch.float32)
    form.begin(Exponents(given.geometry, 8.0, torch.float32), torch.zeros_like(given.b))
    assert form.current.single
    error, iterations = iterate_fused(form, 1e-4, 60)
    assert not form.current.single
    assert error <= 1e-4
    assert form.measured()[1] <= 2e-4
    assert iterations <= 60


def test_exponents_too_large_for_float32_are_computed_in_float64(kernels_on):
    x, y = points(3, kernels_on)
    given = Problem.of_points(100.0 * x, 100.0 * y, "square")
    form = Fused(given.geometry, given.a, given.b, torch.float32)
    form.begin(Exponents(given.geometry, 10.0, torch.float32), torch.zeros_like(given.b))
    assert form.current.dtype == torch.float64


def test_the_divergence_of_equal_samples_is_0_with_gradient_0(streamed):
    x, _ = points(3, streamed)
    y = x.detach().clone().requires_grad_()
    value = Entropic("square", epsilon=1.0, tolerance=1e-2)(x, y)
    (gradient,) = torch.autograd.grad(value, y)
    assert abs(value.item()) < 1e-2
    assert float(gradient.abs().max()) < 1e-2


def test_torch_answers_where_a_kernel_fails(streamed, monkeypatch):
    def broken(*_):
        raise RuntimeError("the launch failed")

    x, y = points(3, streamed)
    monkeypatch.setattr(SoftTransforms, "run", broken)
    with pytest.warns(UserWarning, match="got RuntimeError: the launch failed"):
        plan = transport(x, y, epsilon=0.5, relative=True, tolerance=1e-3)
    assert "fused" not in plan.method
    assert plan.marginal_error <= 1e-3


@pytest.mark.cuda
@pytest.mark.parametrize("d", [2, 64, 784])
@pytest.mark.parametrize("cost", ["square", "euclidean"])
def test_many_points_on_a_gpu(cuda, d, cost):
    x, y = points(d, cuda, 3000, 2500)
    plan = transport(x, y, cost, epsilon=0.05, relative=True, tolerance=1e-3)
    assert "fused" in plan.method
    u, v = (one.detach().double().requires_grad_() for one in (x, y))
    exact = transport(u, v, cost, epsilon=plan.epsilon, tolerance=1e-8, form="kernel")
    assert plan.value.item() == pytest.approx(exact.value.item(), rel=1e-4)
    for one, other in zip(
        torch.autograd.grad(plan.value, (x, y)), torch.autograd.grad(exact.value, (u, v)), strict=True
    ):
        torch.testing.assert_close(one.double(), other, rtol=1e-2, atol=1e-2 * float(other.abs().max()))
