import math

import pytest
import torch
from scipy.integrate import quad
from scipy.special import hyp1f1
from torch.distributions import Independent, Normal

from remblai.discrepancies.cramer_wold import CramerWold, Projected, averaged, fit, shares
from remblai.laws import PRIORS

DIMENSIONS = [1, 2, 3, 4, 8, 20, 64, 500]


def samples(n=12, m=9, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (n, m))
    return x, 1.3 * y + 0.2


def density(points, variance, grid):
    """Of the smoothed sample (n,) on the line."""
    return torch.exp(-(grid[:, None] - points).square() / (2 * variance)).mean(1) / math.sqrt(2 * math.pi * variance)


def kummer(a, b, s):
    return torch.from_numpy(hyp1f1(a, b, -s.numpy()))


def brute(x, y, smoothing, directions, spread=None):
    """The mean over directions of the squared L^2 distance; against N(0, spread I) where y is None."""
    grid = torch.linspace(-14, 14, 701, dtype=torch.float64)
    total = 0.0
    for u in directions:
        first = density(x @ u, smoothing, grid)
        second = (
            density(y @ u, smoothing, grid) if spread is None else density(x.new_zeros(1), spread + smoothing, grid)
        )
        total += float((first - second).square().sum()) * 0.04
    return total / len(directions)


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_on_the_line_it_is_the_smoothed_distance(smoothing):
    x, y = samples(d=1)
    line, law = torch.ones(1, 1).double(), Independent(Normal(torch.zeros(1).double(), torch.ones(1).double()), 1)
    assert float(CramerWold(smoothing)(x, y)) == pytest.approx(brute(x, y, smoothing, line), rel=1e-8)
    assert float(CramerWold(smoothing).to_law(x, law)) == pytest.approx(brute(x, None, smoothing, line, 1.0), rel=1e-8)


def test_in_the_plane_it_is_the_mean_over_angles():
    """Evenly spaced angles: the trapezoid rule on a circle converges exponentially."""
    x, y = samples(d=2)
    angles = torch.arange(60, dtype=torch.float64) * (math.pi / 60)
    directions = torch.stack([angles.cos(), angles.sin()], 1)
    assert float(CramerWold(0.4)(x, y)) == pytest.approx(brute(x, y, 0.4, directions), rel=1e-8)
    found = CramerWold(0.4).to_law(x, PRIORS["normal"](2, scale=2.0)())
    assert float(found) == pytest.approx(brute(x, None, 0.4, directions, 4.0), rel=1e-6)


@pytest.mark.parametrize("d", [3, 8])
def test_in_space_it_is_the_mean_over_random_directions(d):
    x, y = samples(d=d)
    directions = torch.nn.functional.normalize(torch.randn(400, d, generator=torch.Generator().manual_seed(1)), dim=1)
    values = torch.tensor([brute(x, y, 0.4, u[None].double()) for u in directions])
    assert abs(float(CramerWold(0.4)(x, y)) - float(values.mean())) < 3 * float(values.std()) / 20


@pytest.mark.parametrize("d", DIMENSIONS)
def test_mean_of_the_exponential_and_its_slope_are_kummers_function(d):
    s = torch.cat([torch.zeros(1), torch.logspace(-6, 5, 200)]).double()
    value, slope = averaged(s, d)
    exact, exact_slope = kummer(0.5, d / 2, s), -kummer(1.5, d / 2 + 1, s) / d
    torch.testing.assert_close(value, exact, rtol=1e-9, atol=1e-300)
    torch.testing.assert_close(slope, exact_slope, rtol=3e-6, atol=1e-12)
    single, single_slope = averaged(s.float(), d)
    torch.testing.assert_close(single.double(), exact, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(single_slope.double(), exact_slope, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_nodes_for_laws_integrate_the_same_function(d):
    s = torch.cat([torch.zeros(1), torch.logspace(-6, 6, 100)]).double()
    nodes, weights = (torch.tensor(values, dtype=torch.float64) for values in shares(d))
    exact = kummer(0.5, d / 2, s)
    torch.testing.assert_close(torch.exp(-s[:, None] * nodes) @ weights, exact, rtol=0, atol=2e-12)


@pytest.mark.parametrize("d", [2, 3, 8, 64])
def test_papers_formula_is_its_limit_in_high_dimension(d):
    """Facts 1.7, up to the factor 1 / (2 sqrt(pi)), with K = 1 / (2 d - 3): exact as d grows, too large before."""
    y, n = torch.randn(60, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64), 60
    gamma, k = (4 / (3 * n)) ** 0.4, 1 / (2 * d - 3)
    pairs = (gamma + k * (y[:, None] - y).square().sum(2)) ** -0.5
    single = (gamma + 0.5 + k * y.square().sum(1)) ** -0.5
    paper = float((1 + gamma) ** -0.5 + pairs.mean() - 2 * single.mean()) / (2 * math.sqrt(math.pi))
    found = float(CramerWold().to_law(y, PRIORS["normal"](d)()))
    assert 0 < paper - found < {2: 0.06, 3: 0.03, 8: 0.01, 64: 0.0011}[d]


@pytest.mark.parametrize("prior", ["normal", "mixture", "uniform", "sphere"])
def test_a_law_costs_as_much_as_a_large_sample_of_it(prior):
    torch.manual_seed(0)
    law = PRIORS[prior](4)()
    y = 0.7 * law.sample((300,)) + 0.3
    distance = CramerWold(0.3)
    torch.manual_seed(1)
    sampled = torch.stack([distance(law.sample((3000,)), y) for _ in range(5)]).mean()
    assert float(distance.to_law(y, law)) == pytest.approx(float(sampled), rel=0.1, abs=1e-4)


def test_an_anisotropic_law_by_quadrature_over_angles():
    law = Independent(Normal(torch.tensor([0.5, -1.0]).double(), torch.tensor([0.3, 2.0]).double()), 1)
    y, gamma = samples(d=2)[0], 0.4

    def at(angle):
        u = torch.tensor([math.cos(angle), math.sin(angle)]).double()
        variance = float((u.square() * law.variance).sum()) + gamma
        grid = torch.linspace(-16, 16, 801, dtype=torch.float64)
        other = density((law.mean @ u)[None], variance, grid)
        return float((density(y @ u, gamma, grid) - other).square().sum()) * 0.04

    exact = quad(at, 0, math.pi)[0] / math.pi
    assert float(CramerWold(gamma).to_law(y, law)) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("d", [1, 2, 3, 20])
def test_gradients_match_finite_differences(d):
    x, y = samples(6, 5, d)
    x.requires_grad_(), y.requires_grad_()
    assert torch.autograd.gradcheck(CramerWold(0.4), (x, y), atol=1e-7)
    assert torch.autograd.gradcheck(
        lambda b: CramerWold(0.4, log=True).to_law(b, PRIORS["normal"](d)()), (y,), atol=1e-6
    )


def test_far_points_keep_a_gradient_towards_the_law():
    """Its tail falls like 1 / |y|, so that the slope falls like 1 / |y|^2."""
    slopes = []
    for far in (1e3, 1e4, 1e5):
        y = torch.tensor([[far, far / 2]], dtype=torch.float64, requires_grad=True)
        slopes.append(torch.autograd.grad(CramerWold().to_law(y, PRIORS["normal"](2)()), y)[0] * far**2)
    assert (slopes[0] > 0.1).all()
    for slope in slopes[1:]:
        torch.testing.assert_close(slope, slopes[0], rtol=1e-4, atol=0)


def test_smoothing_is_silvermans_rule_for_the_smaller_sample():
    x, y = samples(12, 9)
    assert float(CramerWold()(x, y)) == pytest.approx(float(CramerWold((4 / 27) ** 0.4)(x, y)), rel=1e-12)
    assert float(CramerWold()(x, y)) == pytest.approx(float(CramerWold()(y, x)), rel=1e-9)
    assert float(CramerWold()(x, x)) == pytest.approx(0.0, abs=1e-10)
    assert float(CramerWold()(x, y)) > 0


def test_logarithm_is_finite_at_equal_samples():
    x, y = samples()
    assert float(CramerWold(log=True)(x, y)) == pytest.approx(math.log(float(CramerWold()(x, y))), rel=1e-12)
    for equal in (x, x.float(), torch.zeros(4, 2)):
        assert torch.isfinite(CramerWold(log=True)(equal, equal))


def test_many_points_are_taken_in_blocks_with_the_same_answer():
    torch.manual_seed(0)
    x, y = torch.randn(700, 5).double(), torch.randn(600, 5).double().requires_grad_()
    k = Projected(5, (4 / 1800) ** 0.4)
    plain = k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean()
    found = CramerWold()(x, y)
    torch.testing.assert_close(found, plain, rtol=1e-9, atol=1e-13)
    slopes = [torch.autograd.grad(value, y)[0] for value in (found, plain)]
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-14)


def test_few_terms_do_in_high_dimension():
    assert len(fit(64, 1e-8)) <= 8 < len(fit(3, 1e-8)) <= 40


def test_images_and_one_point():
    x, y = torch.rand(5, 1, 3, 3), torch.rand(6, 1, 3, 3)
    assert CramerWold()(x, y) == CramerWold()(x.flatten(1), y.flatten(1))
    assert torch.isfinite(CramerWold()(x[:1], y))


@pytest.mark.parametrize("smoothing", [0.0, -1.0, math.nan, math.inf])
def test_a_smoothing_that_is_not_positive_is_refused(smoothing):
    with pytest.raises(ValueError, match="positive, finite smoothing"):
        CramerWold(smoothing)
