from itertools import pairwise

import numpy as np
import pytest

from remblai.distances.entropic.schedule import absolute_epsilon, epsilon_schedule, mean_cost
from remblai.distances.problem import Problem

RNG = np.random.default_rng(0)
X, Y, A, B = RNG.normal(size=(9, 3)) + 50, RNG.normal(size=(7, 3)), RNG.random(9) + 0.1, RNG.random(7) + 0.1
A, B = A / A.sum(), B / B.sum()


@pytest.mark.parametrize("cost", ["square", "euclidean"])
def test_the_mean_cost_is_the_sum_over_all_pairs(cost):
    distances = np.linalg.norm(X[:, None] - Y[None], axis=-1)
    truth = A @ (distances**2 if cost == "square" else distances) @ B
    problem = Problem.of_points(X, Y, cost, 3 * A, 3 * B, normalise=True)
    assert mean_cost(problem) == pytest.approx(truth, rel=1e-12)
    assert absolute_epsilon(problem, 0.1, relative=True) == pytest.approx(0.1 * truth)
    assert absolute_epsilon(problem, 0.1, relative=False) == 0.1


def test_rungs_fall_to_the_epsilon_and_none_is_needed_for_a_large_one():
    problem = Problem.of_points(X, Y, "square", A, B)
    typical = mean_cost(problem)
    found = epsilon_schedule(problem, 1e-4 * typical)
    assert 0.1 * typical < found[0] < typical
    assert all(high > low > 1e-4 * typical for high, low in pairwise(found))
    assert epsilon_schedule(problem, 0.1 * typical) == []
