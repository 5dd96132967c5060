import numpy as np
import pytest
from scipy.optimize import linprog

from remblai.gallery.distances.inf_sup import COLUMNS, RECORDED, ROWS, Case


def programme(case):
    marginals = np.vstack([np.kron(np.eye(ROWS), np.ones(COLUMNS)), np.kron(np.ones(ROWS), np.eye(COLUMNS))])
    return linprog(case.costs.ravel(), A_eq=marginals, b_eq=np.concatenate([case.a, case.b])).fun


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_bounds_meet_at_the_value_of_the_program(seed):
    case = Case.random(seed)
    path, value = case.played(), programme(case)
    assert len(path.lower) == len(path.upper) == len(RECORDED)
    assert (path.lower <= value + 1e-12).all()
    assert (path.upper >= value - 1e-12).all()
    assert path.upper[0] - path.lower[0] > 0.1
    assert path.upper[-1] - path.lower[-1] < 1e-6
    assert path.lagrangian[-1] == pytest.approx(value, abs=1e-6)


def test_the_end_is_a_saddle_of_the_lagrangian():
    case = Case.random(0)
    path = case.played()
    np.testing.assert_allclose(path.plan.sum(1), case.a, atol=1e-7)
    np.testing.assert_allclose(path.plan.sum(0), case.b, atol=1e-7)
    slack = case.costs - path.f[:, None] - path.g
    assert slack.min() > -1e-7
    assert np.abs(path.plan * slack).max() < 1e-7
