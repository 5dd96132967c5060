"""Maps of new points: against moves that are known, the barycentres of the plan and the gradient of its potential."""

import numpy as np
import pytest

from remblai.distances import emd, line, transport

X, Y = np.random.default_rng(0).standard_normal((2, 30, 3))
NEW = np.random.default_rng(1).standard_normal((7, 3))


@pytest.mark.parametrize("epsilon", [0.3, 2.0])
@pytest.mark.parametrize("cost", ["square", "euclidean"])
def test_at_the_places_it_is_the_barycentre_of_the_plan(cost: str, epsilon: float) -> None:
    plan = transport(X, Y, cost, epsilon=epsilon, tolerance=1e-10)
    assert plan.map(X) == pytest.approx(plan.barycentres(Y), abs=1e-7)
    exact = transport(X, Y, cost)
    assert exact.map(X) == pytest.approx(exact.barycentres(Y), abs=1e-12)


def test_of_the_square_it_is_x_less_half_the_gradient_of_the_potential() -> None:
    plan = transport(X, Y, epsilon=0.5, b=np.arange(1.0, 31.0) / 465.0)
    step = 1e-5
    for k in range(3):
        ahead, behind = (plan.extend(NEW + sign * step * np.eye(3)[k]) for sign in (1.0, -1.0))
        slope = (ahead - behind) / (2.0 * step)
        assert plan.map(NEW)[:, k] == pytest.approx(NEW[:, k] - 0.5 * slope, abs=1e-7)


def test_a_translation_is_found_for_any_point() -> None:
    order = np.random.default_rng(2).permutation(30)
    way = np.array([1.0, -2.0, 3.0])
    assert transport(X, (X + way)[order]).map(NEW) == pytest.approx(NEW + way, abs=1e-12)


def test_a_place_without_mass_moves_nothing() -> None:
    plan = transport([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]], [[0.0, 2.0], [1.0, 3.0]], a=[0.5, 0.5, 0.0])
    assert plan.map([[5.0, 5.0]]).tolist() == [[5.0, 7.0]]


def test_numbers_images_and_what_has_no_points() -> None:
    assert line.plan([0.0, 1.0], [5.0, 6.0]).map([0.25]).tolist() == [[5.25]]
    images = np.random.default_rng(3).random((4, 1, 2, 2))
    assert transport(images, images + 1.0).map(images[:2] + 0.01).shape == (2, 1, 2, 2)
    with pytest.raises(AttributeError, match="of points instead of a matrix"):
        emd(None, None, [[1.0]]).map([[0.0]])
    with pytest.raises(ValueError, match="one dimension d"):
        transport(X, Y).map(NEW[:, :2])


@pytest.mark.parametrize("epsilon", [None, 0.5])
def test_a_point_that_is_infinitely_far_has_no_image(epsilon: float | None) -> None:
    with pytest.raises(ValueError, match="1 of 2 that are infinitely far"):
        transport(X, Y, epsilon=epsilon).map([[1e200, 0.0, 0.0], [0.0, 0.0, 0.0]])


def test_far_from_all_places_the_nearest_one_has_all_of_the_weight() -> None:
    plan = transport([[0.0], [1.0]], [[3.0], [2.0]], epsilon=1e-3, b=[0.5, 0.5])
    assert plan.map([[1e153]]).tolist() == [[3.0]]  # costs over epsilon are above the largest float64


def test_rows_at_one_place_are_moved_by_the_mean_of_their_images() -> None:
    x, y = [[0.0], [0.0], [1.0], [1.0], [-0.0]], [[-1.0], [1.0], [2.0], [4.0], [3.0]]
    plan = transport(x, y, a=[0.2, 0.3, 0.25, 0.15, 0.1], b=[0.3, 0.2, 0.2, 0.1, 0.2])
    # sorted, 0.6 leaves 0 for -1 (0.3), 1 (0.2) and 2 (0.1); 0.4 leaves 1 for 2 (0.1), 3 (0.2) and 4 (0.1)
    assert plan.map([[0.0], [1.0], [1.25]]).ravel() == pytest.approx([0.1 / 0.6, 3.0, 3.25], abs=1e-12)


def test_rows_that_repeat_in_the_plane_have_the_mean_of_the_plan_without_repeats() -> None:
    rng = np.random.default_rng(4)
    places, y = rng.standard_normal((2, 4, 2))
    twice, a = np.repeat(places, 3, axis=0), np.full(12, 1.0 / 12.0)
    plan, merged = transport(twice, y, b=[0.1, 0.2, 0.3, 0.4], a=a), transport(places, y, b=[0.1, 0.2, 0.3, 0.4])
    assert plan.map(places) == pytest.approx(merged.barycentres(y), abs=1e-12)
