import math
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Independent, Normal

from remblai.config.registry import make, options
from remblai.kernels import KERNELS, SCALES, Energy, Gaussian, InverseMultiquadric, Laplacian, Polynomial
from remblai.laws import PRIORS

PRIOR = SimpleNamespace(square_distance=16.0)  # of N(0, I) in 8 dimensions
SCALED = {"imq": InverseMultiquadric, "gaussian": Gaussian, "laplacian": Laplacian}
FORMULAS = {
    "imq": lambda x, y: sum(16 * s / (16 * s + ((x - y) ** 2).sum()) for s in SCALES),
    "gaussian": lambda x, y: sum(torch.exp(-((x - y) ** 2).sum() / (2 * 8 * s)) for s in SCALES),
    "laplacian": lambda x, y: sum(torch.exp(-(x - y).norm() / (4 * s)) for s in SCALES),
    "energy": lambda x, y: -(x - y).norm(),
    "polynomial": lambda x, y: (x @ y / len(x) + 1) ** 3,
}


def points(n, d=8, seed=0, dtype=torch.float64):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture(params=list(KERNELS))
def kernel(request):
    return make(KERNELS, request.param, prior=PRIOR)


@pytest.mark.parametrize("name", FORMULAS)
def test_equals_the_formula_pair_by_pair(name):
    kernel = make(KERNELS, name, prior=PRIOR)
    x, y = points(5, seed=1), points(4, seed=2)
    expected = torch.tensor([[float(FORMULAS[name](a, b)) for b in y] for a in x], dtype=torch.float64)
    torch.testing.assert_close(kernel(x, y), expected, rtol=1e-12, atol=1e-12)


def test_symmetric_with_the_right_diagonal(kernel):
    x, y = points(6, seed=1), points(4, seed=2)
    torch.testing.assert_close(kernel(x, y), kernel(y, x).T, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(kernel(x, x).diagonal(), kernel.diagonal(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 8])
def test_positive_definite_or_conditionally_so(kernel, d):
    x = points(40, d)
    gram = kernel(x, x)
    centred = gram - gram.mean(0) - gram.mean(1, keepdim=True) + gram.mean()
    assert torch.linalg.eigvalsh(centred).min() >= -1e-9
    if kernel.positive:
        assert torch.linalg.eigvalsh(gram).min() >= -1e-9


def test_the_stated_homogeneity_and_invariance(kernel):
    x, y = points(5, seed=1), points(4, seed=2)
    if kernel.homogeneity is not None:
        torch.testing.assert_close(kernel(3.0 * x, 3.0 * y), 3.0**kernel.homogeneity * kernel(x, y))
    if kernel.radial:
        torch.testing.assert_close(kernel(x + 7.0, y + 7.0), kernel(x, y))


def test_a_mixture_of_gaussians_is_the_kernel_itself(kernel):
    """The mean embedding of a law that is almost one point."""
    y, z = points(5, seed=1), points(1, seed=2)[0]
    law = Independent(Normal(z, torch.full_like(z, 1e-7)), 1)
    if kernel.mixing is not None:
        torch.testing.assert_close(kernel.mean(y, law), kernel(y, z[None])[:, 0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("d", [1, 3])
def test_sums_by_row_are_those_of_the_matrix(kernel, d):
    x, y = points(7, d, seed=1).requires_grad_(), points(5, d, seed=2)
    found = kernel.row_sums(x.detach(), y)
    if found is not None:
        expected = kernel(x, y).sum(1)
        torch.testing.assert_close(found[0], expected.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(found[1], torch.autograd.grad(expected.sum(), x)[0], rtol=1e-12, atol=1e-12)


def test_gradients_match_finite_differences(kernel):
    x, y = points(4, 3, seed=1).requires_grad_(), points(3, 3, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(kernel, (x, y))


def test_gradient_is_finite_where_points_coincide(kernel):
    x = points(4, 3).repeat(2, 1).float().requires_grad_()
    (slope,) = torch.autograd.grad(kernel(x, x).sum(), x)
    assert torch.isfinite(slope).all()


def test_half_precision_and_autocast_compute_in_single(kernel):
    x = points(6, 32, dtype=torch.float32).bfloat16()
    exact = kernel(x.double(), x.double()).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = kernel(x, x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=2e-4)
    assert kernel.diagonal(x).dtype == torch.float32


def test_state_holds_nothing_and_follows_a_copy(kernel):
    assert not kernel.state_dict()
    assert not list(kernel.parameters())


@pytest.mark.parametrize("name", SCALED)
def test_scale_comes_from_the_prior_or_from_the_user(name):
    kernel, x = make(KERNELS, name, prior=PRIOR), points(3)
    assert kernel.scale == {"imq": 16.0, "gaussian": 8.0, "laplacian": 4.0}[name]
    assert len(kernel.sizes) == 7
    single = make(KERNELS, {"name": name, "scale": 3.0, "scales": (1.0,)}, prior=PRIOR)
    torch.testing.assert_close(single(x, x), SCALED[name](3.0)(x, x))
    both = SCALED[name](1.0, (3.0, 5.0))
    torch.testing.assert_close(both(x, x), SCALED[name](3.0)(x, x) + SCALED[name](5.0)(x, x))


@pytest.mark.parametrize("name", SCALED)
@pytest.mark.parametrize(
    ("scale", "scales"),
    [(0.0, (1.0,)), (-1.0, (1.0,)), (math.nan, (1.0,)), (1.0, ()), (1.0, (1.0, 0.0)), (-1.0, (-1.0,))],
)
def test_a_scale_that_is_not_positive_is_refused(name, scale, scales):
    with pytest.raises(ValueError, match="positive, finite scale"):
        SCALED[name](scale, scales)


@pytest.mark.parametrize("degree", [0, 2.5])  # a power of 2.5 of a negative number is none
def test_a_power_that_is_no_whole_number_above_0_is_refused(degree):
    with pytest.raises(ValueError, match=r"degree of 1, 2, \.\.\., a whole number"):
        Polynomial(degree)


def test_every_option_has_help():
    for factory in KERNELS.values():
        assert all(option.help for option in options(factory, {}))


def test_laplacian_and_energy_agree_at_small_distances():
    """exp(-r / s) = 1 - r / s + ..., so that wide Laplacian kernels give the energy kernel."""
    x = points(5)
    torch.testing.assert_close((Laplacian(1e6)(x, x) - 1) * 1e6, Energy()(x, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("coincide", [False, True])
def test_terms_are_the_kernel_and_its_derivative(kernel, coincide):
    """By the chain rule they give autograd's gradient: 2 s (x - y) where k is radial, else s y."""
    x, y = points(5, 3, seed=1).requires_grad_(), points(4, 3, seed=2)
    if coincide:
        y = x.detach()[:4]
    (expected,) = torch.autograd.grad(kernel(x, y).sum(), x)
    with torch.no_grad():
        value, slope = kernel.terms(x, y)
        torch.testing.assert_close(value, kernel(x, y), rtol=1e-12, atol=1e-12)
        towards = 2 * (x[:, None] - y) if kernel.radial else y.expand(5, 4, 3)
        torch.testing.assert_close((slope[..., None] * towards).sum(1), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("far", [1e4, 1e6, 1e8])
def test_the_mean_of_the_energy_kernel_is_right_far_away(far):
    y = torch.tensor([[far, 0.0]], dtype=torch.float64)
    assert float(Energy().mean(y, PRIORS["normal"](2)())) == pytest.approx(-far, rel=1e-6)
