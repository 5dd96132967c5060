import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch.distributions import Independent, MultivariateNormal, Normal

from remblai.distances import f_divergence
from remblai.distances.gaussians import bures, wasserstein_gaussian


def covariance(seed: int, d: int = 4, rank: int | None = None) -> np.ndarray:
    root = np.random.default_rng(seed).standard_normal((d, rank or d))
    return root @ root.T / d


def test_bures_is_the_formula_with_matrix_roots() -> None:
    c1, c2, m = covariance(0), covariance(1), np.arange(4.0)
    root = sqrtm(c1).real
    truth = (m**2).sum() + np.trace(c1 + c2 - 2 * sqrtm(root @ c2 @ root).real)
    assert bures(m, c1, np.zeros(4), c2) == pytest.approx(truth, rel=1e-10)


def test_commuting_covariances_differ_by_their_roots() -> None:
    a, b = np.array([1.0, 4.0, 0.0, 1e-20]), np.array([9.0, 0.25, 2.0, 0.0])
    found = bures(np.zeros(4), np.diag(a), np.zeros(4), np.diag(b))
    assert found == pytest.approx(((np.sqrt(a) - np.sqrt(b)) ** 2).sum(), rel=1e-14)


def test_singular_covariances_keep_their_digits() -> None:
    d, u = 200, np.random.default_rng(0).standard_normal(200)
    c = np.outer(u, u)
    assert bures(np.zeros(d), c, np.zeros(d), 4 * c) == pytest.approx(u @ u, rel=1e-13)
    assert bures(np.zeros(d), c, np.zeros(d), c) == pytest.approx(0.0, abs=1e-12 * (u @ u))


def test_bures_of_points_is_the_squared_distance() -> None:
    zero = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)
    value = bures(torch.tensor([3.0, 4.0]), zero, torch.zeros(2), torch.zeros(2, 2))
    assert float(value.detach()) == 25.0
    assert torch.autograd.grad(value, zero)[0].isfinite().all()


def test_bures_is_symmetric_and_its_root_obeys_the_triangle() -> None:
    zero = np.zeros(4)
    c = [covariance(seed, rank=rank) for seed, rank in ((0, 4), (1, 2), (2, 4))]
    root = [[math.sqrt(bures(zero, one, zero, other)) for other in c] for one in c]
    np.testing.assert_allclose(root, np.transpose(root), atol=1e-7)
    assert root[0][2] <= root[0][1] + root[1][2]


def test_the_gradient_is_that_of_finite_differences() -> None:
    given = [np.arange(4.0), covariance(0), np.ones(4), covariance(1)]
    tensors = [torch.from_numpy(one).requires_grad_() for one in given]
    found = torch.autograd.grad(bures(*tensors), tensors)
    draw = np.random.default_rng(3)
    for place, slope in enumerate(found):
        move = draw.standard_normal(given[place].shape)
        move = 1e-6 * (move + move.T if move.ndim == 2 else move)
        ends = [[one + sign * move if i == place else one for i, one in enumerate(given)] for sign in (1, -1)]
        truth = (bures(*ends[0]) - bures(*ends[1])) / 2
        assert float((slope.numpy() * move).sum()) == pytest.approx(truth, rel=1e-5)


def test_the_gradient_on_the_range_of_a_singular_covariance() -> None:
    c1, c2 = covariance(0, rank=2), covariance(1)
    tensors = [torch.from_numpy(one).requires_grad_() for one in (c1, c2)]
    zero = torch.zeros(4, dtype=torch.float64)
    in_1, in_2 = torch.autograd.grad(bures(zero, tensors[0], zero, tensors[1]), tensors)
    assert in_1.isfinite().all() and in_2.isfinite().all()
    for slope, move1, move2 in ((in_1, c1, 0.0), (in_2, 0.0, covariance(5))):
        step = 1e-6
        ends = [bures(zero.numpy(), c1 + s * move1, zero.numpy(), c2 + s * move2) for s in (step, -step)]
        assert float((slope.numpy() * (move1 + move2)).sum()) == pytest.approx((ends[0] - ends[1]) / 2 / step, rel=1e-4)


def test_equal_laws_have_a_zero_gradient() -> None:
    c = torch.from_numpy(covariance(0)).requires_grad_()
    value = bures(torch.zeros(4), c, torch.zeros(4), c.detach())
    assert float(value.detach()) == pytest.approx(0.0, abs=1e-13)
    assert torch.autograd.grad(value, c)[0].abs().max() < 1e-8


def test_normal_laws_on_the_line() -> None:
    value = wasserstein_gaussian(Normal(1.0, 2.0), Normal(4.0, 0.5))
    assert float(value) == pytest.approx(9 + 1.5**2)
    p = Independent(Normal(torch.zeros(2), torch.tensor([1.0, 3.0])), 1)
    q = MultivariateNormal(torch.ones(2), torch.eye(2))
    assert float(wasserstein_gaussian(p, q)) == pytest.approx(2 + 4, rel=1e-6)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (2, np.zeros(3), r"mean2: expected shape \(2,\)"),
        (1, np.eye(3), r"cov1: expected shape \(2, 2\)"),
        (1, np.array([[1.0, np.nan], [0.0, 1.0]]), "finite"),
        (3, np.array([[1.0, 0.5], [0.0, 1.0]]), "symmetric"),
        (3, np.diag([1.0, -1.0]), "negative eigenvalue"),
    ],
)
def test_what_is_no_covariance_is_refused(place: int, value: np.ndarray, says: str) -> None:
    given = [np.zeros(2), np.eye(2), np.zeros(2), np.eye(2)]
    given[place] = value
    with pytest.raises(ValueError, match=says):
        bures(*given)


def test_laws_without_the_form_are_refused() -> None:
    with pytest.raises(ValueError, match="Independent"):
        wasserstein_gaussian(Normal(torch.zeros(2), 1.0), Normal(0.0, 1.0))


def test_the_gradient_through_a_factor_of_low_rank_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    factor = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    other, zero = torch.randn(3, 3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)

    def value(one: torch.Tensor) -> torch.Tensor:
        return bures(zero, one @ one.T, zero, other @ other.T)

    (found,) = torch.autograd.grad(value(factor), factor)
    for place in range(factor.numel()):
        step = torch.zeros(factor.numel(), dtype=torch.float64)
        step[place] = 1e-5
        step = step.reshape(factor.shape)
        with torch.no_grad():
            slope = (value(factor + step) - value(factor - step)) / 2e-5
        assert float(found.flatten()[place]) == pytest.approx(float(slope), abs=1e-7)


@pytest.mark.parametrize(
    ("divergence", "factor"),
    [("kullback-leibler", 1.0), ("reverse-kullback-leibler", 1.0), ("pearson", 2.0), ("hellinger", 0.25)],
)
@pytest.mark.parametrize("d", [1, 3])
def test_second_derivatives_at_equal_means_are_fisher_information(divergence: str, factor: float, d: int) -> None:
    """f(1 + u) = f''(1) u^2 / 2 + ...: the Hessian in the mean is f''(1) times the inverse covariance."""
    covariance = torch.eye(d, dtype=torch.float64) * 1.3 + 0.2
    zero = torch.zeros(d, dtype=torch.float64)

    def value(mean: torch.Tensor) -> torch.Tensor:
        laws = [MultivariateNormal(one, covariance_matrix=covariance) for one in (mean, zero)]
        return f_divergence(divergence, *laws)

    found = torch.autograd.functional.hessian(value, zero)
    assert torch.allclose(found, factor * torch.linalg.inv(covariance), rtol=1e-9, atol=1e-12)
