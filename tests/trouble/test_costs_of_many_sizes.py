"""Exact transport where costs differ by many orders of magnitude.

POT #229 and #397 (forbidden pairs written as a large number), GUDHI #465 (one point very far away), sentinels such as
-999999 in tables.
"""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog

from remblai import distances

FORBIDDEN = np.array([
    [250.275352, 374.653218, 2413.52736, np.inf, 1.5e-3],
    [213.08, 328.81, 2294.88, np.inf, 0.137],
    [197.33, 309.18, 2242.5, np.inf, 2.465],
    [np.inf, np.inf, np.inf, 5.262, np.inf],
    [38.469, 80.947, 333.06, np.inf, 0.0],
])  # fmt: skip
MASSES = np.array([1.0, 1.0, 1.0, 1.0, 4.0]) / 8


def _linear_program(costs: np.ndarray) -> float:
    """The least cost over the pairs that are allowed, by scipy."""
    n = len(costs)
    rows = np.vstack([np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))])
    allowed = np.isfinite(costs).ravel()
    return float(linprog(costs.ravel()[allowed], A_eq=rows[:, allowed], b_eq=np.r_[MASSES, MASSES]).fun)


def test_pairs_forbidden_by_infinity() -> None:
    assert distances.emd(MASSES, MASSES, FORBIDDEN).value == pytest.approx(_linear_program(FORBIDDEN), rel=1e-9)


@pytest.mark.parametrize("large", [1e12, 1e16, 1e32])
def test_pairs_forbidden_by_a_large_number(large: float) -> None:
    costs = np.where(np.isfinite(FORBIDDEN), FORBIDDEN, large)
    plan = distances.emd(MASSES, MASSES, costs)
    value, (lower, upper) = float(plan.value), plan.certificate()
    assert value == pytest.approx(_linear_program(FORBIDDEN), rel=1e-9)
    assert lower <= value <= upper


@pytest.mark.parametrize("far", [1e4, 1e6, 1e7, 1e8, 1e9, 1e12])
def test_one_point_far_away_in_each_set(far: float) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 2)), rng.random((60, 2))
    x[0], y[0] = [far, 0.0], [far, 0.5]
    costs = ((x[:, None] - y[None]) ** 2).sum(-1)
    i, j = linear_sum_assignment(costs)
    truth = costs[i, j].mean()
    plan = distances.transport(x, y)
    lower, upper = plan.certificate()
    assert float(plan.value) == pytest.approx(truth, rel=1e-6)
    assert lower <= truth <= upper
    assert lower <= float(plan.value) <= upper
