"""The covariance penalty against brute-force sums, closed forms and averages over draws."""

import itertools

import numpy as np
import pytest
import torch
from torch.distributions import Dirichlet, Independent, MultivariateNormal, Normal

from remblai.discrepancies.moments import Covariance, overlap
from remblai.discrepancies.sliced import Sliced
from remblai.laws import PRIORS


def sample(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize(("n", "m", "d"), [(6, 9, 3), (4, 5, 20), (2, 2, 1)])
def test_the_plain_value_is_that_of_numpys_moments(n: int, m: int, d: int) -> None:
    x, y = sample(n, d), 2 * sample(m, d, 1) + 1
    p, q = x.numpy(), y.numpy()
    covariances = [np.atleast_2d(np.cov(one.T)) for one in (p, q)]
    expected = ((p.mean(0) - q.mean(0)) ** 2).sum() + ((covariances[0] - covariances[1]) ** 2).sum()
    assert float(Covariance(biased=True)(x, y)) == pytest.approx(expected, rel=1e-12)


def test_the_unbiased_estimate_is_the_u_statistic() -> None:
    x, y = sample(5, 2), 1.5 * sample(4, 2, 1) - 1
    x[:, 1] += x[:, 0] ** 2

    def own_square(z: torch.Tensor) -> float:
        terms = [
            float((z[i] - z[j]) @ (z[k] - z[m])) ** 2 / 4 for i, j, k, m in itertools.permutations(range(len(z)), 4)
        ]
        return float(np.mean(terms))

    def own_mean(z: torch.Tensor) -> float:
        return float(np.mean([float(z[i] @ z[j]) for i, j in itertools.permutations(range(len(z)), 2)]))

    across = float((torch.cov(x.T) * torch.cov(y.T)).sum())
    means = own_mean(x) + own_mean(y) - 2 * float(x.mean(0) @ y.mean(0))
    expected = means + own_square(x) + own_square(y) - 2 * across
    assert float(Covariance()(x, y)) == pytest.approx(expected, rel=1e-10)


LAWS = {
    "normal": PRIORS["normal"](latent=3, scale=1.5)(),
    "uniform": PRIORS["uniform"](latent=3)(),
    "sphere": PRIORS["sphere"](latent=3)(),
    "mixture": PRIORS["mixture"](latent=3)(),
    "correlated": MultivariateNormal(torch.ones(3), torch.eye(3) + 0.5),
}


@pytest.mark.parametrize("name", LAWS)
def test_against_a_law_its_moments_are_exact(name: str) -> None:
    law, y = LAWS[name], sample(7, 3)
    torch.manual_seed(0)
    far = law.sample((100_000,)).double()
    for biased in (True, False):
        exact = float(Covariance(biased).to_law(y, law))
        assert exact == pytest.approx(float(Covariance(biased)(far, y)), rel=0.03, abs=0.05)


def test_a_law_without_known_moments_is_sampled() -> None:
    unknown, y = Dirichlet(torch.ones(3)), sample(5, 3)
    torch.manual_seed(3)
    found = Covariance().to_law(y, unknown)
    torch.manual_seed(3)
    assert torch.equal(found, Covariance()(unknown.sample((5,)), y))


def test_the_unbiased_estimate_is_right_on_average_and_the_plain_one_too_large() -> None:
    law = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)
    torch.manual_seed(0)
    draws = law.sample((1000, 12)).double() * 1.2 + 0.1
    expected = 4 * 0.1**2 + 4 * (1.2**2 - 1) ** 2
    found = {biased: torch.stack([Covariance(biased).to_law(y, law) for y in draws]) for biased in (False, True)}
    error = found[False].std() / len(draws) ** 0.5
    assert abs(found[False].mean() - expected) < 4 * error
    assert found[True].mean() - expected > 8 * error


def test_through_the_smaller_products() -> None:
    for n, m, d in ((3, 4, 9), (30, 20, 5)):
        a, b = sample(n, d), sample(m, d, 1)
        assert float(overlap(a, b)) == pytest.approx(float(torch.trace(a.T @ a @ b.T @ b)), rel=1e-12)


def spoilt(z: torch.Tensor, how: str) -> torch.Tensor:
    z = z.clone()
    if how == "dead":
        z[:, 0] = 0.0
    if how == "tied":
        z[:, 1] = z[:, 0]
    return z


@pytest.mark.parametrize(("how", "penalty"), [("tied", Covariance()), ("dead", Sliced(kind="axes"))])
def test_between_them_the_axes_and_the_covariance_see_a_dead_axis_and_a_tied_pair(
    how: str, penalty: Covariance | Sliced
) -> None:
    law = PRIORS["normal"](latent=8)()
    torch.manual_seed(0)
    draws = law.sample((150, 100))
    null, seen = (torch.stack([penalty.to_law(spoilt(z, one), law) for z in draws]) for one in ("", how))
    assert (seen.mean() - null.mean()) / null.std() > 4


def test_codes_that_fit_best_have_the_priors_spread() -> None:
    law = PRIORS["normal"](latent=16)()
    torch.manual_seed(0)
    draws = law.sample((200, 60)).double()
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)

    def slope(biased: bool) -> float:
        loss = torch.stack([Covariance(biased).to_law(scale * z, law) for z in draws]).mean()
        return float(torch.autograd.grad(loss, scale)[0])

    assert slope(True) > 5  # shrinks
    assert abs(slope(False)) < 0.5


@pytest.mark.parametrize(("biased", "least"), [(False, 4), (True, 2)])
def test_samples_too_small_are_refused_with_a_remedy(biased: bool, least: int) -> None:
    few, law = torch.randn(least - 1, 2), PRIORS["normal"](latent=2)()
    for call in (lambda: Covariance(biased)(few, torch.randn(9, 2)), lambda: Covariance(biased).to_law(few, law)):
        with pytest.raises(ValueError, match=f"at least {least} points .*take a larger batch"):
            call()
    assert torch.isfinite(Covariance(biased).to_law(torch.randn(least, 2), law))


def test_equal_points_have_a_finite_gradient() -> None:
    y = torch.ones(6, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(Covariance().to_law(y, PRIORS["normal"](latent=2)()), y)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e5])
def test_moments_of_far_samples_in_float32_lose_no_digits(offset: float) -> None:
    torch.manual_seed(0)
    x, y, a = torch.randn(1000, 5) + offset, torch.randn(1000, 5) + 0.1 + offset, torch.rand(1000)
    a /= a.sum()
    exact = a.double() / a.double().sum()
    for penalty in (Covariance(), Covariance(True)):
        assert float(penalty(x, y)) == pytest.approx(float(penalty(x.double(), y.double())), rel=3e-3)
    weighted = Covariance(True)
    assert float(weighted(x, y, a, None)) == pytest.approx(
        float(weighted(x.double(), y.double(), exact, None)), rel=1e-3
    )
