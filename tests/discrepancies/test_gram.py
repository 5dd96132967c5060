from types import SimpleNamespace

import pytest
import torch

from remblai.config.registry import make
from remblai.discrepancies import gram
from remblai.discrepancies.gram import mean_across, mean_within
from remblai.kernels import KERNELS, Energy, Gaussian


@pytest.fixture(params=list(KERNELS))
def kernel(request):
    return make(KERNELS, request.param, prior=SimpleNamespace(square_distance=6.0))


@pytest.fixture
def blocks(monkeypatch):
    """Few points make many blocks, the last ones not full."""
    monkeypatch.setattr(gram, "PAIRS", 0)
    monkeypatch.setattr(gram, "BLOCK", 16)


def samples(dtype, n=45, m=38, d=3, away=0.0):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (n, m))
    return (x + away).to(dtype).requires_grad_(), (1.2 * y + away).to(dtype).requires_grad_()


def whole(kernel, x, y, diagonal):
    """By the plain formula, recorded by torch."""
    if y is not None:
        return kernel(x, y).mean()
    matrix = kernel(x, x)
    apart = matrix.sum() - matrix.diagonal().sum()
    n = len(x)
    return (apart + kernel.diagonal(x).sum()) / n**2 if diagonal else apart / (n * (n - 1))


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("d", [1, 3])
def test_blocks_equal_the_plain_formula_with_its_gradient(blocks, kernel, d, diagonal, dtype, close):
    x, y = samples(dtype, d=d)
    for found, expected, over in (
        (mean_within(kernel, x, diagonal), whole(kernel, x, None, diagonal), (x,)),
        (mean_across(kernel, x, y), whole(kernel, x, y, False), (x, y)),
    ):
        torch.testing.assert_close(found, expected, rtol=close, atol=close)
        pairs = zip(torch.autograd.grad(found, over), torch.autograd.grad(expected, over), strict=True)
        for slope, other in pairs:
            torch.testing.assert_close(slope, other, rtol=10 * close, atol=close)


def test_gradients_match_finite_differences(blocks, kernel, monkeypatch):
    monkeypatch.setattr(gram, "BLOCK", 2)
    x, y = samples(torch.float64, 5, 3)
    assert torch.autograd.gradcheck(lambda a, b: mean_across(kernel, a, b), (x, y))
    for diagonal in (False, True):
        assert torch.autograd.gradcheck(lambda a, d=diagonal: mean_within(kernel, a, d), (x,))


def test_only_the_gradients_that_are_wanted(blocks, kernel):
    x, y = samples(torch.float64)
    (slope,) = torch.autograd.grad(mean_across(kernel, x.detach(), y), y)
    torch.testing.assert_close(slope, torch.autograd.grad(mean_across(kernel, x, y), y)[0])
    with torch.no_grad():
        assert not mean_across(kernel, x, y).requires_grad
        assert not mean_within(kernel, x, False).requires_grad


@pytest.mark.parametrize("name", ["imq", "gaussian", "laplacian", "energy"])
def test_points_far_from_the_origin_lose_nothing(blocks, name):
    kernel = make(KERNELS, name, prior=SimpleNamespace(square_distance=6.0))
    x, y = samples(torch.float32, away=1000.0)
    exact = whole(kernel, x.double(), y.double(), False)
    found = mean_across(kernel, x, y)
    assert found.item() == pytest.approx(exact.item(), rel=1e-5)
    for slope, other in zip(torch.autograd.grad(found, (x, y)), torch.autograd.grad(exact, (x, y)), strict=True):
        torch.testing.assert_close(slope, other, rtol=1e-3, atol=1e-6)


def test_points_that_coincide_have_a_finite_gradient(blocks, kernel):
    x = torch.ones(40, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(mean_within(kernel, x, False) - mean_across(kernel, x, x.detach()), x)
    assert torch.isfinite(slope).all()


def test_a_second_derivative_is_kept_for_few_points_and_refused_in_blocks(monkeypatch):
    x, y = samples(torch.float64)
    for pairs in (10**9, 0):
        monkeypatch.setattr(gram, "PAIRS", pairs)
        value = mean_across(Gaussian(2.0), x, y)
        (slope,) = torch.autograd.grad(value, x, create_graph=True)
        if pairs:
            assert torch.isfinite(torch.autograd.grad(slope.square().sum(), x)[0]).all()
        else:
            with pytest.raises(RuntimeError, match="differentiable once"):
                slope.square().sum().backward()


def test_sums_of_distances_on_the_line_are_the_brute_force_sums_with_ties():
    """With whole numbers, half of them repeated: sums are exact, and equal points add neither distance nor gradient."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randint(-9, 9, (n, 1), generator=generator).double() for n in (31, 24))
    sums, gradients = Energy().row_sums(x, y)
    expected = [-sum(abs(a - b) for b in y.flatten().tolist()) for a in x.flatten().tolist()]
    assert sums.tolist() == expected
    signs = [-sum((a > b) - (a < b) for b in y.flatten().tolist()) for a in x.flatten().tolist()]
    assert gradients.flatten().tolist() == signs
    assert Energy().row_sums(x.expand(-1, 2), y.expand(-1, 2)) is None
