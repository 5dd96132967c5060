"""Calls that cannot be answered: each error says what was expected, what came and what to do."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from remblai.distances import (
    barycentre,
    batch,
    emd,
    f_divergence,
    ipm,
    partial,
    rubinstein,
    sinkhorn,
    sinkhorn_divergence,
    stochastic,
    transport,
    wasserstein,
)

X, Y = np.random.default_rng(0).random((2, 5, 2))
PLAN = emd(None, None, [[0.0, 1.0], [1.0, 0.0]])
CALLS = [
    (lambda: barycentre(5), "laws: expected point sets .*got int"),
    (lambda: barycentre(None), "laws: expected point sets .*got NoneType"),
    (lambda: barycentre(Normal(0.0, 1.0)), "laws: expected point sets .*got Normal"),
    (lambda: barycentre([X, Y], masses=5), "masses: expected a row .*got int"),
    (lambda: barycentre([X, Y], [0.5]), r"^weights: expected shape \(2,\), one for each law"),
    (lambda: barycentre([X, Y], [0.5, 0.4]), "^weights: expected a sum of 1"),
    (lambda: barycentre([X, Y], support=X, debiased="no"), "debiased: expected True or False"),
    (lambda: barycentre([Normal(0.0, 1.0)], cost="euclidean"), "square cost and no start with Gaussian laws"),
    (lambda: barycentre([Normal(0.0, 1.0)], start=[[0.0]]), "square cost and no start with Gaussian laws"),
    (lambda: barycentre([X * 1e160, Y * 1e160], support=X * 1e160), "points: expected costs within float64"),
    (
        lambda: barycentre([X, Y], support=X, cost=lambda x, y: (x - y).abs().sum(-1) * float("inf")),
        "cost: expected",
    ),
    (
        lambda: barycentre([X, Y], support=X, cost=lambda x, y: torch.full((len(x),), torch.inf)),
        "cost: expected finite",
    ),
    (lambda: f_divergence(None, [1.0], [1.0]), "divergence: expected a name .* got NoneType"),
    (lambda: f_divergence(lambda u: u, [1.0], [1.0]), "divergence: expected a name .* got function"),
    (lambda: transport(X, Y, epsilon=0.1, unbalanced=1.0, form="log"), "no start or form with unbalanced"),
    (lambda: transport(X, Y, epsilon=0.1, unbalanced=1.0, start=PLAN), "no start or form with unbalanced"),
    (
        lambda: transport(X, Y, lambda x, y: (x - y).sum(-1) * 1j),
        "expected real numbers from the function of pairs, got torch.complex128",
    ),
    (lambda: PLAN.block(0.0, 1.0), "block: expected rows .* whole numbers"),
    (lambda: stochastic.semi_discrete(Normal, [0.0]), "got the class Normal"),
    (lambda: stochastic.semi_discrete(Normal(0.0, 1.0), [0.0], seed=None), "seed: expected a whole number"),
    (lambda: stochastic.semi_discrete(Normal(0.0, 1.0), [0.0], seed=-1), "seed: expected a whole number"),
    (lambda: stochastic.continuous(Normal(0.0, 1.0), Normal(0.0, 1.0), seed=-1), "seed: expected a whole number"),
    (lambda: batch(None, [[0.5, 0.5], [0.5, 0.4]], [[[0.0, 1.0]]] * 2), "problem 1 of 2: masses b"),
    (lambda: sinkhorn_divergence(X, Y, epsilonn=1.0), "^sinkhorn_divergence: unknown option"),
    (lambda: sinkhorn(None, None, [[1.0]], 1e-320), "epsilon: expected at least 2.23e-308"),
    (lambda: sinkhorn_divergence(X * 1e-160, Y * 1e-160, 0.1, relative=True), "epsilon: expected at least"),
    (lambda: transport(X * 1e-160, Y * 1e-160, epsilon=0.1, unbalanced=1.0, relative=True), "epsilon: expected at"),
    (lambda: barycentre([X * 1e-160, Y * 1e-160], support=X * 1e-160, epsilon=1e-321), "epsilon: expected at least"),
    (lambda: transport(X * 1e160, Y * 1e160, epsilon=1.0, unbalanced=1.0), "points: expected costs within float64"),
    (lambda: ipm("unit-ball", X * 1e-160, Y * 1e-160), "unit-ball: expected points whose squared distances"),
    (lambda: transport([[[0.0]]], [[[1.0]]])[:0].value, "value: expected the plans of at least one pair"),
]


@pytest.mark.parametrize(("call", "says"), CALLS)
def test_the_error_says_what_to_do(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_numbers_may_be_arrays_of_one_value() -> None:
    costs = [[1.0, 9.0], [9.0, 8.0]]
    assert partial([0.5, 0.5], [0.5, 0.5], costs, mass=np.array([0.5])).value == pytest.approx(0.5)


def test_options_at_their_defaults_are_no_options() -> None:
    plans = [transport(X, Y, epsilon=0.1, unbalanced=1.0, **one) for one in ({}, {"form": "auto", "start": None})]
    assert plans[0].value == plans[1].value


def test_plans_of_clouds_are_in_float64() -> None:
    clouds = torch.randn(2, 4, 2), torch.randn(2, 5, 2)
    plans = transport(*clouds, epsilon=0.1)
    for name in ("value", "cost", "epsilon", "marginal_error", "gap"):
        found = getattr(plans, name)
        assert found.dtype == torch.float64
        assert found.tolist() == [float(getattr(plan, name)) for plan in plans]
    assert plans.converged.dtype == torch.bool and plans.iterations.dtype == torch.int64


@pytest.mark.parametrize(
    "options", [{"support": 2}, {"support": X}, {"support": X, "debiased": False}, {"support": 2, "epsilon": 0.01}]
)
def test_a_barycentre_that_has_not_converged_warns(options: dict) -> None:
    if not isinstance(options["support"], int):
        options = options | {"epsilon": 0.01}
    with pytest.warns(UserWarning, match="barycentre: expected .* after 1 iterations"):
        assert not barycentre([X, 3.0 * Y], max_iterations=1, **options).converged


def test_a_gaussian_barycentre_that_has_not_converged_warns() -> None:
    laws = [
        MultivariateNormal(torch.zeros(2), covariance_matrix=torch.tensor(c))
        for c in ([[1.0, 0], [0, 9]], [[4.0, 1], [1, 1]])
    ]
    with pytest.warns(UserWarning, match="barycentre: expected a relative change .* after 1 iterations"):
        barycentre(laws, max_iterations=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        barycentre(laws)


def test_a_barycentre_whose_plans_have_not_converged_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remblai.distances.barycentres.bregman.SOLVED", 1e-300)
    for debiased in (True, False):
        with pytest.warns(UserWarning, match="sinkhorn"):
            assert not barycentre([X, Y], support=X, epsilon=0.1, debiased=debiased).converged


def test_a_copy_of_a_barycentre_has_no_gradients() -> None:
    leaf = torch.tensor([0.0, 1.0], requires_grad=True)
    found = barycentre([leaf, torch.tensor([2.0, 4.0])])
    copied = copy.deepcopy(found)
    assert found.value.requires_grad and not copied.value.requires_grad
    assert torch.equal(copied.points, found.points)


def test_a_lipschitz_constant_is_at_most_one() -> None:
    for seed in range(30):
        x, y = np.random.default_rng(seed).random((2, 9, 2))
        assert rubinstein.of_points(x, y).lipschitz <= 1.0


def test_the_value_of_a_witness_carries_no_gradient() -> None:
    leaf = torch.from_numpy(X).requires_grad_()
    assert not ipm("lipschitz", leaf, torch.from_numpy(Y)).value.requires_grad
    assert wasserstein(leaf, torch.from_numpy(Y), 1).requires_grad
