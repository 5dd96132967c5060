"""Certificates of entropic plans beside forbidden pairs: finite, and around the truth."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from remblai.distances import sinkhorn, transport
from remblai.distances.coupling import Dense
from remblai.distances.problem import Problem
from remblai.distances.routed import routed


def forbidden(seed: int, n: int = 12, m: int = 15) -> np.ndarray:
    rng = np.random.default_rng(seed)
    costs = rng.random((n, m))
    costs[rng.random((n, m)) < 0.3] = np.inf
    costs[np.arange(n), np.arange(n)] = costs[0, n:] = 0.5
    return costs


def least(costs: np.ndarray) -> float:
    """The least cost, by a linear program over the pairs that are allowed."""
    n, m = costs.shape
    rows, columns = np.isfinite(costs).nonzero()
    marginals = np.zeros((n + m, len(rows)))
    marginals[rows, np.arange(len(rows))] = marginals[n + columns, np.arange(len(rows))] = 1.0
    right = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return float(linprog(costs[rows, columns], A_eq=marginals, b_eq=right).fun)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tolerance", [1e-3, 1e-8])
def test_both_ends_are_finite_and_hold(seed: int, tolerance: float) -> None:
    costs = forbidden(seed)
    plan = sinkhorn(None, None, costs, epsilon=0.1, tolerance=tolerance)
    truth = sinkhorn(None, None, costs, epsilon=0.1, tolerance=1e-12).value
    lower, upper = plan.certificate()
    assert lower - 1e-12 <= truth <= upper + 1e-12 and upper - lower < 100 * tolerance
    lower, upper = plan.certificate(exact=True)
    assert lower <= least(costs) <= upper < np.inf


def test_a_cost_that_is_a_function_forbids_pairs_too() -> None:
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)

    def near(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        squares = (x - y).square().sum(-1)
        return torch.where(squares > 4.5, torch.inf, squares)

    given = transport(x, x + 0.1, cost=near, epsilon=0.5).certificate()
    matrix = sinkhorn(None, None, near(x[:, None], (x + 0.1)[None]), epsilon=0.5).certificate()
    assert np.allclose(given, matrix, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_routed_plan_has_the_masses_and_no_forbidden_pair(seed: int) -> None:
    costs = forbidden(seed)
    problem = Problem.of_matrix(None, None, costs)
    near = sinkhorn(None, None, costs, epsilon=0.3, tolerance=1e-2)
    plan = routed(problem, Dense(torch.from_numpy(near.coupling)))
    assert plan is not None and float(plan.min()) >= 0.0
    torch.testing.assert_close(plan.sum(1), problem.a)
    torch.testing.assert_close(plan.sum(0), problem.b)
    assert bool((plan[~torch.isfinite(torch.from_numpy(costs))] == 0.0).all())


def test_relative_epsilon_is_a_multiple_of_the_mean_of_the_costs_that_are_allowed() -> None:
    costs = forbidden(3)
    mean = float(costs[np.isfinite(costs)].mean())
    relative, absolute = (
        sinkhorn(None, None, costs, epsilon=0.5, relative=True),
        sinkhorn(None, None, costs, 0.5 * mean),
    )
    assert relative.value == pytest.approx(absolute.value, rel=1e-9)
