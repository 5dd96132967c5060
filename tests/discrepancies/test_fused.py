"""Sums of radial kernels by the GPU's kernel against the plain formula: on a GPU, or by Triton's interpreter."""

from types import SimpleNamespace

import pytest
import torch

from remblai.config.registry import make
from remblai.discrepancies import MMD, CramerWold, gram
from remblai.discrepancies.cramer_wold import Projected
from remblai.discrepancies.fused import PROFILES, fused_sums
from remblai.discrepancies.gram import mean_across, mean_within
from remblai.distances.pairwise.sums import Configuration
from remblai.kernels import KERNELS, Energy, Gaussian

CHECK = Configuration.check
RADIAL = ["gaussian", "imq", "laplacian", "energy"]


def samples(d, device, n=21, m=19):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(size, d, generator=generator) for size in (n, m))
    y[3] = x[5]  # a pair of equal points
    return x.to(device).requires_grad_(), (1.2 * y).to(device).requires_grad_()


@pytest.fixture
def many(kernels_on, monkeypatch):
    """No pairs are few, and blocks in torch are an error: every sum goes through the kernel."""
    monkeypatch.setattr(gram, "PAIRS", 0)
    monkeypatch.setattr(gram, "blocks", lambda *_: pytest.fail("blocks in torch"))
    return kernels_on


def kernel_of(name, d):
    if name == "cramer-wold":
        return Projected(d, 0.3)
    return make(KERNELS, name, prior=SimpleNamespace(square_distance=2.0 * d))


@pytest.mark.parametrize("name", [*RADIAL, "cramer-wold"])
@pytest.mark.parametrize("d", [3, 20])
def test_means_and_gradients_are_those_of_the_plain_formula(many, name, d):
    kernel = kernel_of(name, d).to(many)
    x, y = samples(d, many)
    u, v = (one.detach().double().requires_grad_() for one in (x, y))
    matrix = kernel(u, u)
    within = (matrix.sum() - matrix.diagonal().sum()) / (21 * 20)
    for found, expected, over, exact in (
        (mean_across(kernel, x, y), kernel(u, v).mean(), (x, y), (u, v)),
        (mean_within(kernel, x, diagonal=False), within, (x,), (u,)),
    ):
        assert found.item() == pytest.approx(expected.item(), rel=2e-6)
        for one, other in zip(torch.autograd.grad(found, over), torch.autograd.grad(expected, exact), strict=True):
            torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_more_dimensions_than_one_program_keeps(many):
    """d = 150: products of several chunks, and gradients divided between two programs."""
    kernel = Gaussian(150.0)
    x, y = samples(150, many)
    u, v = (one.detach().double().requires_grad_() for one in (x, y))
    for one, other in zip(
        torch.autograd.grad(mean_across(kernel, x, y.detach()), x),
        torch.autograd.grad(kernel(u, v).mean(), u),
        strict=True,
    ):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


def test_only_the_gradients_that_are_wanted(many):
    x, y = samples(3, many)
    kernel = Gaussian(2.0)
    (gradient,) = torch.autograd.grad(mean_across(kernel, x.detach(), y), y)
    torch.testing.assert_close(gradient, torch.autograd.grad(mean_across(kernel, x, y), y)[0], rtol=1e-5, atol=1e-7)
    assert not mean_across(kernel, x.detach(), y.detach()).requires_grad


def test_bfloat16_samples_and_points_far_from_the_origin(many):
    x, y = samples(3, many)
    low = [(one.detach() + 8.0).bfloat16() for one in (x, y)]
    value = MMD(Gaussian(2.0))(*low)
    assert value.dtype == torch.float32
    u, v = (one.double() for one in low)
    kernel = Gaussian(2.0)
    n, m = len(u), len(v)
    expected = (
        (kernel(u, u).sum() - n) / (n * (n - 1)) + (kernel(v, v).sum() - m) / (m * (m - 1)) - 2 * kernel(u, v).mean()
    )
    assert value.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-6)


def test_the_cramer_wold_distance(many):
    x, y = samples(5, many)
    found = CramerWold(smoothing=0.4)(x, y)
    u, v = x.detach().double(), y.detach().double()
    kernel = Projected(5, 0.4)
    expected = kernel(u, u).mean() + kernel(v, v).mean() - 2.0 * kernel(u, v).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_what_the_kernel_does_not_know_is_for_torch(kernels_on):
    class Doubled(Gaussian):
        def terms(self, x, y):
            value, slope = super().terms(x, y)
            return 2.0 * value, 2.0 * slope

    x, y = (one.detach() for one in samples(3, kernels_on))
    wide = torch.zeros(4, 300, device=kernels_on)
    assert Doubled not in PROFILES
    for kernel, one, other in (
        (Doubled(1.0), x, y),
        (make(KERNELS, "polynomial", prior=None), x, y),
        (Projected(2, 0.3), x[:, :2], y[:, :2]),
        (Energy(), x.double(), y.double()),
        (Gaussian(1.0), wide, wide),
    ):
        assert fused_sums(kernel, one, other, gradient=True, same=False) is None


def test_the_first_use_compares_with_torch(kernels_on, monkeypatch):
    monkeypatch.setattr(Configuration, "check", CHECK)
    x, y = (one.detach() for one in samples(2, kernels_on))
    assert fused_sums(Gaussian(1.0), x, y, gradient=False, same=False) is not None
    monkeypatch.setattr(Energy, "terms", lambda *_: Gaussian(1.0).terms(*_[1:]))
    with pytest.warns(UserWarning, match="are off by"):
        assert fused_sums(Energy(), x, y, gradient=False, same=False) is None


@pytest.mark.cuda
@pytest.mark.parametrize("name", [*RADIAL, "cramer-wold"])
@pytest.mark.parametrize("d", [2, 64, 200])
def test_many_points_on_a_gpu(cuda, name, d):
    kernel = kernel_of(name, d).to(cuda)
    x, y = samples(d, cuda, 3001, 2503)
    u, v = (one.detach().double().requires_grad_() for one in (x, y))
    found, expected = mean_across(kernel, x, y), kernel(u, v).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    for one, other in zip(torch.autograd.grad(found, (x, y)), torch.autograd.grad(expected, (u, v)), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))


@pytest.mark.cuda
def test_nothing_waits_for_the_gpu(cuda):
    x, y = samples(8, cuda, 700, 600)
    discrepancies = [MMD(Gaussian(2.0)), MMD(Energy()), CramerWold(smoothing=0.3)]
    for discrepancy in discrepancies:  # the first call compiles, and compares with torch
        discrepancy(x, y).backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for discrepancy in discrepancies:
            discrepancy(x, y).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
