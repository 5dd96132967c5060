import math

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import chi2, ncx2
from torch.distributions import Categorical, Exponential, Independent, MixtureSameFamily, Normal, Uniform

from remblai.kernels import SCALES, Energy, Gaussian, InverseMultiquadric, Laplacian, Polynomial
from remblai.kernels.embeddings import normal_parts
from remblai.laws import PRIORS

KERNELS = {
    "gaussian": (lambda c: Gaussian(c / 2, SCALES), lambda r2, c: sum(math.exp(-r2 / (c * s)) for s in SCALES)),
    "imq": (lambda c: InverseMultiquadric(c, SCALES), lambda r2, c: sum(s * c / (s * c + r2) for s in SCALES)),
    "laplacian": (
        lambda c: Laplacian(math.sqrt(c), SCALES),
        lambda r2, c: sum(math.exp(-math.sqrt(r2 / c) / s) for s in SCALES),
    ),
    "energy": (lambda c: Energy(), lambda r2, c: -math.sqrt(r2)),
}


def normal(d, scale=1.0, centre=0.0):
    law = Normal(torch.full((d,), centre, dtype=torch.float64), torch.full((d,), scale, dtype=torch.float64))
    return Independent(law, 1)


def integral(formula, law, scale):
    """E formula(scale^2 R) for R of the chi-square law `law`: no use is made of mixtures of Gaussians."""

    def integrand(t):  # in t = log R, where nothing is singular
        return formula(scale**2 * math.exp(t)) * law.pdf(math.exp(t)) * math.exp(t)

    low, high = math.log(law.ppf(1e-15)), math.log(law.isf(1e-15))
    return quad(integrand, low, high, epsabs=0.0, epsrel=1e-12, limit=500)[0]


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("d", [2, 8, 64])
@pytest.mark.parametrize("name", KERNELS)
def test_normal_law_against_quadrature_over_the_distance(name, d, scale):
    """|y - z|^2 is scale^2 times a noncentral chi-square, |z - z'|^2 is 2 scale^2 times a chi-square."""
    build, formula = KERNELS[name]
    base = 2.0 * d * scale**2
    kernel, law = build(base), normal(d, scale)
    y = torch.zeros(3, d, dtype=torch.float64)
    y[1, 0], y[2, :] = scale, 2.5 * scale
    found = kernel.mean(y, law)
    for row, value in zip(y, found, strict=True):
        away = float((row / scale).square().sum())
        spread = ncx2(d, away) if away else chi2(d)
        assert float(value) == pytest.approx(integral(lambda r2: formula(r2, base), spread, scale), rel=2e-10)
    expected = integral(lambda r2: formula(r2, base), chi2(d), math.sqrt(2.0) * scale)
    assert float(kernel.energy(law)) == pytest.approx(expected, rel=2e-10)


def test_energy_kernel_on_the_line_has_its_textbook_values():
    """E|z - z'| = 2 / sqrt(pi) and E|z| = sqrt(2 / pi) for the standard normal law."""
    kernel, law = Energy(), normal(1)
    assert float(kernel.energy(law)) == pytest.approx(-2 / math.sqrt(math.pi), rel=1e-11)
    assert float(kernel.mean(torch.zeros(1, 1, dtype=torch.float64), law)) == pytest.approx(-math.sqrt(2 / math.pi))


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_gaussian_kernel_is_the_formula_sheets(scale):
    d, s, y = 5, 1.7, torch.randn(4, 5, dtype=torch.float64)
    kernel, v = Gaussian(s), scale**2
    mean = (s / (s + v)) ** (d / 2) * torch.exp(-y.square().sum(1) / (2 * (s + v)))
    torch.testing.assert_close(kernel.mean(y, normal(d, scale)), mean, rtol=1e-12, atol=0)
    assert float(kernel.energy(normal(d, scale))) == pytest.approx((s / (s + 2 * v)) ** (d / 2), rel=1e-12)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("law", ["normal", "mixture", "uneven"])
def test_means_of_many_draws_agree(name, law):
    torch.manual_seed(0)
    laws = {
        "normal": PRIORS["normal"](8, scale=1.5)(),
        "mixture": PRIORS["mixture"](8, components=3, radius=2.0, scale=0.5)(),
        "uneven": MixtureSameFamily(
            Categorical(torch.tensor([0.2, 0.8])),
            Independent(Normal(torch.randn(2, 8), torch.rand(2, 8) + 0.1), 1),
        ),
    }
    chosen, kernel, y = laws[law], KERNELS[name][0](16.0), torch.randn(3, 8)
    z, others = chosen.sample((200_000,)), chosen.sample((200_000,))
    draws = kernel(y, z)
    error = draws.std(1) / math.sqrt(len(z))
    assert ((draws.mean(1) - kernel.mean(y, chosen)).abs() < 4.5 * error).all()
    between = kernel((z - others)[:, :], torch.zeros(1, 8))[:, 0]
    assert (between.mean() - kernel.energy(chosen)).abs() < 4.5 * between.std() / math.sqrt(len(z))


@pytest.mark.parametrize("name", KERNELS)
def test_gradient_matches_finite_differences(name):
    y = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    kernel = KERNELS[name][0](8.0)
    assert torch.autograd.gradcheck(lambda points: kernel.mean(points, normal(4)), (y,))


@pytest.mark.parametrize("name", KERNELS)
def test_single_precision_agrees_even_for_outliers(name):
    """In float32 to 1e-5, from the centre out to 1,000 standard deviations."""
    y = torch.zeros(4, 8, dtype=torch.float64)
    y[:, 0] = torch.tensor([0.0, 1.0, 30.0, 1000.0])
    kernel = KERNELS[name][0](16.0)
    exact = kernel.mean(y, normal(8))
    found = kernel.mean(y.float(), PRIORS["normal"](8)())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-7)


def test_a_coarse_expm1_costs_no_digits(monkeypatch):
    """Compiled for a CPU, torch's expm1 is exp(x) - 1: in single precision that would be 0.0005 off here."""
    kernel, law, y = Energy(), PRIORS["normal"](8)(), torch.randn(5, 8)
    exact = kernel.mean(y.double(), law)
    monkeypatch.setattr(torch.Tensor, "expm1", lambda exponent: exponent.exp() - 1)
    torch.testing.assert_close(kernel.mean(y, law).double(), exact, rtol=1e-6, atol=1e-6)


def test_far_codes_are_followed_to_the_end():
    """E C / (C + |y - z|^2) goes like C / |y|^2: quadrature nodes must reach that far."""
    y = torch.tensor([[1e4] + [0.0] * 7], dtype=torch.float64)
    found = InverseMultiquadric(16.0).mean(y, normal(8))
    assert float(found) == pytest.approx(16.0 / (16.0 + 1e8 + 8.0), rel=1e-6)


def test_only_laws_with_known_terms_are_answered():
    kernel, y = InverseMultiquadric(1.0), torch.zeros(2, 3)
    uniform = Independent(Uniform(-torch.ones(3), torch.ones(3)), 1)
    for law in (uniform, Exponential(torch.ones(3)), Normal(torch.zeros(3), 1.0), PRIORS["sphere"](3)()):
        assert kernel.mean(y, law) is None
        assert kernel.energy(law) is None
    assert Polynomial().mean(y, normal(3)) is None
    assert Polynomial().energy(normal(3)) is None
    assert normal_parts(Independent(Normal(torch.zeros(2, 3), torch.ones(2, 3)), 1)) is None  # a batch of laws


@pytest.mark.parametrize("prior", ["normal", "mixture"])
def test_the_projects_own_priors_are_answered(prior):
    law = PRIORS[prior](6)()
    assert InverseMultiquadric(1.0).mean(torch.zeros(2, 6), law).shape == (2,)
    assert InverseMultiquadric(1.0).energy(law).shape == ()
