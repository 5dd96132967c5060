import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment
from torch.distributions import Categorical, Independent, Laplace, MixtureSameFamily, MultivariateNormal
from torch.distributions import Normal as TorchNormal

from remblai.discrepancies.frechet import Frechet
from remblai.distances.gaussians import bures
from remblai.laws import PRIORS


def samples(n=30, m=25, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (n, m))
    mix = torch.randn(d, d, generator=generator, dtype=torch.float64)
    return x, y @ mix + 0.5


def formula(m1, s1, m2, s2):
    root = np.real(sqrtm(s1))
    return ((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * np.real(sqrtm(root @ s2 @ root)))


def moments(x):
    return x.mean(0).numpy(), np.atleast_2d(np.cov(x.numpy(), rowvar=False))


@pytest.mark.parametrize("d", [1, 2, 7])
def test_equals_the_formula_with_roots_of_matrices(d):
    x, y = samples(d=d)
    assert float(Frechet()(x, y)) == pytest.approx(formula(*moments(x), *moments(y)), rel=1e-9)


def test_is_the_distance_of_known_gaussians_at_the_fitted_moments():
    x, y = samples()
    known = bures(x.mean(0), torch.cov(x.T), y.mean(0), torch.cov(y.T))
    assert float(Frechet()(x, y)) == pytest.approx(float(known), rel=1e-10)


def test_on_the_line_it_compares_means_and_standard_deviations():
    x, y = samples(d=1)
    expected = (x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2
    assert float(Frechet()(x, y)) == pytest.approx(float(expected), rel=1e-12)


def test_singular_covariances_are_the_limit_of_regular_ones():
    x, y = samples(n=5, m=4, d=9)
    (m1, s1), (m2, s2) = moments(x), moments(y)
    near = [formula(m1, s1 + e * np.eye(9), m2, s2 + e * np.eye(9)) for e in (1e-6, 1e-8)]
    assert float(Frechet()(x, y)) == pytest.approx(near[1], abs=2 * abs(near[0] - near[1]))


@pytest.mark.parametrize(("n", "m", "d"), [(12, 9, 3), (4, 5, 9), (3, 20, 6)])
def test_gradient_is_that_of_finite_differences(n, m, d):
    x, y = (one.requires_grad_() for one in samples(n, m, d))
    assert torch.autograd.gradcheck(Frechet(), (x, y), eps=1e-6, atol=1e-6)


def test_gradient_at_equal_samples_is_zero_and_finite_at_a_single_place():
    for n, d in [(20, 3), (4, 8)]:
        x, _ = samples(n=n, d=d)
        y = x.clone().requires_grad_()
        value = Frechet()(x, y)
        value.backward()
        assert value.item() == pytest.approx(0.0, abs=1e-12)
        assert float(y.grad.abs().max()) < 1e-12
    y = torch.ones(5, 3, dtype=torch.float64, requires_grad=True)
    Frechet()(samples(d=3)[0], y).backward()
    assert bool(y.grad.isfinite().all())


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0.1, 10.0))
def test_symmetric_and_moves_and_scales_as_a_squared_distance(seed, d, scale):
    x, y = samples(6, 8, d, seed)
    value = float(Frechet()(x, y))
    generator = torch.Generator().manual_seed(seed)
    shift = torch.randn(d, generator=generator, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))[0]
    assert value >= 0.0
    assert float(Frechet()(y, x)) == pytest.approx(value, rel=1e-10, abs=1e-12)
    assert float(Frechet()(x + shift, y + shift)) == pytest.approx(value, rel=1e-8, abs=1e-11)
    assert float(Frechet()(x @ turn, y @ turn)) == pytest.approx(value, rel=1e-8, abs=1e-11)
    assert float(Frechet()(scale * x, scale * y)) == pytest.approx(scale**2 * value, rel=1e-8, abs=1e-11)
    assert float(Frechet()(x, x.flip(0))) == pytest.approx(0.0, abs=1e-12)
    third = samples(6, 7, d, seed + 1)[1]
    legs = math.sqrt(float(Frechet()(x, third))) + math.sqrt(float(Frechet()(third, y)))
    assert math.sqrt(value) <= legs + 1e-7


def test_translation_costs_its_square():
    x, _ = samples(d=3)
    assert float(Frechet()(x, x + 2.0)) == pytest.approx(12.0, rel=1e-10)


def test_is_below_the_transport_of_the_samples():
    """Gelbrich's bound, for covariances over n: the ones over n - 1 are larger by n / (n - 1)."""
    x, y = samples(20, 20, 3)
    costs = torch.cdist(x, y).square().numpy()
    cost = costs[linear_sum_assignment(costs)].mean()
    assert float(Frechet()(x, y)) <= 20 / 19 * cost


def test_zero_does_not_mean_equal_laws():
    x = torch.tensor([[-1.0], [-1.0], [1.0], [1.0]])
    y = torch.tensor([[-math.sqrt(2.0)], [0.0], [0.0], [math.sqrt(2.0)]])
    assert float(Frechet()(x, y)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", [*PRIORS, "full", "laplace"])
def test_against_a_law_it_is_the_formula_with_the_law_s_moments(name):
    _, y = samples(d=3)
    root = torch.tensor([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.2, 0.5]], dtype=torch.float64)
    laws = {
        "full": lambda: MultivariateNormal(torch.ones(3, dtype=torch.float64), scale_tril=root),
        "laplace": lambda: Independent(Laplace(torch.ones(3), torch.tensor([1.0, 2.0, 0.5])), 1),
    }
    law = laws[name]() if name in laws else PRIORS[name](latent=3)()
    generator_state = torch.random.get_rng_state()
    found = float(Frechet().to_law(y, law))
    assert torch.equal(generator_state, torch.random.get_rng_state())
    torch.manual_seed(0)
    drawn = law.sample((200_000,)).double()
    expected = formula(*moments(drawn), *moments(y))
    assert found == pytest.approx(expected, rel=0.01, abs=0.02)
    if name == "full":
        assert found == pytest.approx(formula(np.ones(3), (root @ root.T).numpy(), *moments(y)), rel=1e-10)


def test_against_a_law_without_known_moments_it_draws():
    laws = MultivariateNormal(torch.zeros(2, 3), torch.eye(3).expand(2, 3, 3))
    law = MixtureSameFamily(Categorical(logits=torch.zeros(2)), laws)
    torch.manual_seed(0)
    y = torch.randn(500, 3)
    assert float(Frechet().to_law(y, law)) < 0.2


def test_to_law_has_the_gradient_of_finite_differences():
    law = PRIORS["mixture"](latent=3)()
    y = samples(m=9, d=3)[1].requires_grad_()
    assert torch.autograd.gradcheck(lambda one: Frechet().to_law(one, law), (y,), eps=1e-6, atol=1e-6)


def test_images_are_flattened_and_single_precision_stays():
    x, y = torch.rand(6, 1, 3, 3), torch.rand(5, 1, 3, 3, requires_grad=True)
    value = Frechet()(x, y)
    value.backward()
    assert value.dtype == torch.float32 and value.shape == ()
    assert y.grad.shape == y.shape
    assert value.item() == pytest.approx(Frechet()(x.flatten(1).double(), y.flatten(1).double()).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.rand(1, 3), torch.rand(5, 3), "at least 2 points"),
        (torch.rand(5, 2), torch.rand(5, 3), "one shape"),
        (torch.rand(5), torch.rand(5), r"\(n, d\)"),
        (torch.rand(0, 3), torch.rand(5, 3), r"\(n, d\)"),
        (torch.full((5, 3), math.nan), torch.rand(5, 3), "finite"),
        (torch.full((5, 3), math.inf), torch.rand(5, 3), "finite"),
        (1e160 * torch.eye(5, 3, dtype=torch.float64), torch.rand(5, 3), "float64 holds"),
        (torch.ones(5, 3, dtype=torch.int64), torch.rand(5, 3), "floating"),
    ],
)
def test_bad_samples_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        Frechet()(x, y)


def test_a_law_of_another_dimension_is_refused():
    with pytest.raises(ValueError, match="one shape"):
        Frechet().to_law(torch.rand(5, 2), PRIORS["normal"](latent=3)())


def test_a_learned_law_gets_its_gradient():
    centre = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    law = Independent(TorchNormal(centre, torch.ones(2, dtype=torch.float64)), 1)
    y = samples(d=2)[1]
    Frechet().to_law(y, law).backward()
    assert torch.allclose(centre.grad, -2 * y.mean(0))
