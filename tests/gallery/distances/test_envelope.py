import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from remblai.gallery.distances.envelope import POINTS, PROBLEMS, Case, envelope


@pytest.fixture(scope="module")
def entry():
    return envelope()


def assigned(points, x):
    costs = torch.cdist(points, x).numpy()
    rows, columns = linear_sum_assignment(costs)
    return costs[rows, columns].mean(), columns


def test_the_vertex_is_wrong_in_nearly_all_problems(entry):
    (count,) = (check.found for check in entry.checks if "vertex's is wrong" in check.what)
    assert 40 <= count <= PROBLEMS
    assert f"wrong in {count:g} of {PROBLEMS}" in entry.words


@pytest.mark.parametrize("seed", range(0, PROBLEMS, 7))
def test_slopes_agree_with_an_assignment_and_its_differences(seed):
    case = Case(seed)
    step = 1e-5
    (ahead, first), (behind, second) = (assigned(case.moved(t), case.x) for t in (step, -step))
    assert list(first) == list(second)  # the plan is one and the same: W is smooth here
    slopes = case.slopes()
    expected = (ahead - behind) / (2 * step)
    for name in ("true", "plan", "centre"):
        assert slopes[name] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", [0, 8, 46])
def test_vertices_and_their_mean_are_optimal_potentials(seed):
    case = Case(seed)
    value, columns = assigned(case.points(case.theta), case.x)
    for g in (*case.vertices, case.centre):
        f = case.transformed(g, case.points(case.theta))
        assert float(f.mean() + g.mean()) == pytest.approx(value, abs=1e-12)
    slack = (case.costs() - case.centre - case.transformed(case.centre, case.points(case.theta))[:, None]).numpy()
    slack[np.arange(POINTS), columns] = np.inf
    assert slack.min() > 1e-9  # strictly complementary


def test_bounds_of_the_cut_lie_below_w_and_only_the_central_one_is_tangent():
    cut = Case(8).cut()
    middle = len(cut.t) // 2
    assert cut.t[middle] == pytest.approx(0.0, abs=1e-15)
    for bound in (cut.centre, cut.vertex):
        assert (bound <= cut.true + 1e-12).all()
        assert bound[middle] == pytest.approx(0.0, abs=1e-15)
    near = slice(middle - 1, middle + 2)
    np.testing.assert_allclose(cut.centre[near], cut.true[near], atol=1e-12)
    assert cut.true[middle + 1] - cut.vertex[middle + 1] > 1e-3
