"""Fitted laws: what each promises; those of normal components against numpy, scipy, scikit-learn and known laws."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.mixture import GaussianMixture
from torch import Tensor

from remblai.config.registry import own_options
from remblai.laws import FITTED, SAMPLERS
from remblai.laws.fitted import Auto, FittedLaw, Gaussian, Mixture

SMALL: dict[str, dict[str, Any]] = {
    "mixture": {"components": 3},
    "transport": {"atoms": 400},
    "flow": {"atoms": 200, "iterations": 200, "steps": 10, "width": 32, "depth": 2, "lr": 1e-2},
    "two-stage": {"iterations": 300, "width": 32, "depth": 2, "lr": 3e-3},
    "auto": {"candidates": ("gaussian", "mixture")},
}
"""Options that make a law quick to fit."""


def quick(name: str) -> FittedLaw:
    return FITTED[name](**SMALL.get(name, {}))


def two_groups(n: int = 4000) -> Tensor:
    """A quarter N((-3, 0), diag(.25, 1)), the rest N((4, 1), of correlation .8)."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(n, 2, generator=generator)
    first = noise * torch.tensor([0.5, 1.0]) + torch.tensor([-3.0, 0.0])
    second = noise @ torch.tensor([[1.0, 0.8], [0.0, 0.6]]) + torch.tensor([4.0, 1.0])
    return torch.where((torch.arange(n) % 4 == 0)[:, None], first, second)


def test_the_prior_fits_nothing() -> None:
    assert SAMPLERS["prior"]() is None


def test_the_normal_law_has_the_codes_mean_covariance_and_density() -> None:
    z = two_groups()
    law = Gaussian().fit(z)()
    mean, covariance = z.double().numpy().mean(0), np.cov(z.double().numpy().T)
    wanted = stats.multivariate_normal(mean, covariance).logpdf(z.numpy())
    np.testing.assert_allclose(law.log_prob(z).numpy(), wanted, atol=1e-4)
    np.testing.assert_allclose(law.mean.numpy(), mean, atol=1e-5)
    np.testing.assert_allclose(law.variance.numpy(), np.diag(covariance), rtol=1e-5)


def test_a_mixture_has_the_density_of_scikit_learns() -> None:
    z = two_groups()
    law = Mixture(components=3, seed=1).fit(z)
    theirs = GaussianMixture(3, max_iter=500, random_state=1).fit(z.double().numpy())
    np.testing.assert_allclose(law.log_prob(z).numpy(), theirs.score_samples(z.double().numpy()), atol=2e-3)


def test_a_mixture_finds_the_groups_it_was_drawn_from() -> None:
    found = Mixture(components=2).fit(two_groups(20_000))
    assert found.weights is not None
    assert found.means is not None
    assert found.factors is not None
    order = found.means[:, 0].argsort()
    torch.testing.assert_close(found.weights[order], torch.tensor([0.25, 0.75]), atol=0.01, rtol=0)
    torch.testing.assert_close(found.means[order], torch.tensor([[-3.0, 0.0], [4.0, 1.0]]), atol=0.05, rtol=0)
    covariances = found.factors @ found.factors.mT
    wanted = torch.tensor([[[0.25, 0.0], [0.0, 1.0]], [[1.0, 0.8], [0.8, 1.0]]])
    torch.testing.assert_close(covariances[order], wanted, atol=0.05, rtol=0)


@pytest.mark.parametrize("name", FITTED)
def test_draws_have_the_moments_of_the_codes(name: str) -> None:
    z = two_groups()
    law = quick(name).fit(z, torch.arange(len(z)) % 4)
    torch.manual_seed(0)
    drawn = law.sample(20_000)
    assert not drawn.requires_grad
    exact = isinstance(law, Gaussian | Mixture | Auto)  # the others are learned
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.1 if exact else 0.4, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(z.T), atol=0.2 if exact else 1.2, rtol=0)


@pytest.mark.parametrize("name", FITTED)
def test_its_state_is_the_whole_law_and_fitting_moves_no_generator(name: str) -> None:
    z = two_groups(100)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    law = quick(name)
    assert law.fit(z) is law
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    facts, tensors = law.state()
    again = FITTED[name](**law.options).restore(json.loads(json.dumps(facts)), tensors)
    draws = []
    for one in (law, again):
        torch.manual_seed(1)
        draws.append(one.sample(20))
    assert torch.equal(*draws)
    if law.has_density:
        assert torch.equal(law.log_prob(z), again.log_prob(z))
    with pytest.raises(ValueError, match="expected the tensors"):
        quick(name).restore(facts, {"other": z})


@pytest.mark.parametrize("name", FITTED)
def test_the_density_is_that_of_the_draws(name: str) -> None:
    """The mean of 1 / p over draws within a square is the square's area, whatever p is."""
    law = quick(name).fit(two_groups())
    if not law.has_density:
        with pytest.raises(ValueError, match="samples only"):
            law.log_prob(torch.zeros(1, 2))
        return
    torch.manual_seed(0)
    z = law.sample(200_000 if isinstance(law, Gaussian | Mixture | Auto) else 10_000)
    inside = ((z - torch.tensor([4.0, 1.0])).abs() < 1.0).all(1)
    area = (1.0 / law.log_prob(z[inside]).exp()).sum().item() / len(z)
    assert area == pytest.approx(4.0, rel=0.03 if len(z) > 100_000 else 0.08)


@pytest.mark.parametrize("name", FITTED)
def test_a_row_is_a_law_of_its_name_with_its_options_as_given(name: str) -> None:
    law = FITTED[name]()
    assert isinstance(law, FittedLaw)
    assert law.name == name
    assert law.options == {option.name: option.default for option in own_options(FITTED[name])}
    for asked in (lambda: law.sample(3), law.state):
        with pytest.raises(ValueError, match="not been fitted yet: call fit"):
            asked()


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize(
    "codes",
    [
        torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.0, 2.0]),
        torch.full((20, 3), 0.7),
        torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]),
        1e4 * torch.randn(30, 1, generator=torch.Generator().manual_seed(0)),
    ],
    ids=["dead axis", "all alike", "two codes", "one wide coordinate"],
)
def test_thin_codes_have_a_law_too(name: str, codes: Tensor) -> None:
    if name == "auto" and len(codes) < 20:
        with pytest.raises(ValueError, match=r"at least 20 codes, to hold some out, got 2: name a law"):
            quick(name).fit(codes)
        return
    law = quick(name).fit(codes)
    torch.manual_seed(0)
    drawn = law.sample(500)
    assert not law.has_density or torch.isfinite(law.log_prob(codes)).all()
    assert torch.isfinite(drawn).all()
    torch.testing.assert_close(
        drawn.std(0), codes.std(0), atol=2e-3, rtol=0.35
    )  # of two codes n and n - 1 are far apart


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (torch.zeros(1, 3), r"n of 2 or more to fit a law to, got \(1, 3\)"),
        (torch.zeros(5), r"got \(5,\)"),
        (torch.tensor([[0.0], [float("nan")]]), "NaN or infinite"),
        (torch.tensor([[0.0], [1e160]], dtype=torch.float64), "float32"),
    ],
)
def test_what_cannot_be_fitted_is_refused(name: str, codes: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        quick(name).fit(codes)


def test_a_mixture_of_nothing_is_refused_when_it_is_chosen() -> None:
    with pytest.raises(ValueError, match="at least 1 component, got 0"):
        Mixture(components=0)


@pytest.mark.parametrize("law", [Gaussian(), Mixture(2)])
def test_each_axis_has_a_ridge_of_its_own(law: FittedLaw) -> None:
    torch.manual_seed(0)
    z = torch.randn(2000, 3) * torch.tensor([5e4, 0.1, 0.0])
    drawn = law.fit(z).sample(4000)
    assert torch.allclose(drawn.std(0)[:2], z.std(0)[:2], rtol=0.1)
    assert torch.isfinite(law.log_prob(z)).all()  # a dead axis has a density too


def test_a_spread_that_float32_loses_is_refused() -> None:
    z = 1.7e9 + 100.0 * torch.randn(100, 1, dtype=torch.float64)
    with pytest.raises(
        ValueError, match=r"got 1\d\d around 1.7e\+09 in column 0: subtract the mean|in column 0: subtract"
    ):
        Gaussian().fit(z)
