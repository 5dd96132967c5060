import numpy as np
import pytest
from scipy.optimize import check_grad

from remblai.report.plane import _correlations, _gap, least_gaussian_plane, least_like


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("k", [2, 8, 70])
def test_the_axes_are_orthonormal(rng, k):
    axes = least_gaussian_plane(rng.normal(size=(300, k)), rng.normal(size=(900, k))).axes
    assert axes.shape == (k, 2)
    assert np.allclose(axes.T @ axes, np.eye(2))


def test_it_finds_a_direction_that_is_no_axis(rng):
    """Two humps of mean 0 and variance 1: the official code's moments are blind to them, quantiles are not."""
    turn = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    z = rng.normal(size=(2000, 10))
    z[:, 0] = 0.3 * z[:, 0] + 0.91**0.5 * rng.choice([-1, 1], 2000)
    z[:, 1] *= 0.5
    plane = least_gaussian_plane(z @ turn.T, rng.normal(size=(8000, 10)))
    assert abs(plane.axes[:, 0] @ turn[:, 1]) > 0.98
    assert abs(plane.axes[:, 1] @ turn[:, 0]) > 0.95
    assert plane.distances[0] == pytest.approx(0.5, abs=0.06)  # W2 of N(0, 1/4) and N(0, 1)


def test_of_few_codes_the_worst_coordinates_are_taken(rng):
    """Of 20 codes in 40 dimensions some direction shows them all at one point: it says nothing of the law."""
    z, p = 0.9 * rng.normal(size=(20, 40)), rng.normal(size=(4000, 40))
    z[:, 7], z[:, 31] = z[:, 7] + 3.0, 0.0
    plane = least_gaussian_plane(z, p)
    assert plane.coordinates == (7, 31)
    assert plane.names == ("code_7", "code_31")
    assert np.array_equal(z @ plane.axes, z[:, [7, 31]])
    assert plane.distances[1] == pytest.approx(1.0, abs=0.03)  # W2 of a point and N(0, 1)
    assert least_gaussian_plane(rng.normal(size=(160, 40)), p).coordinates is None
    # codes that are dead are farther than draws of the prior, which the search over directions did not say
    dead, again = 0.1 * rng.normal(size=(20, 40)), rng.normal(size=(20, 40))
    assert least_gaussian_plane(dead, p).distances[0] > least_gaussian_plane(again, p).distances[0]


def test_matched_codes_are_as_near_as_the_prior_to_itself(rng):
    z, p, again = rng.normal(size=(500, 8)), rng.normal(size=(5000, 8)), rng.normal(size=(500, 8))
    assert least_gaussian_plane(z, p).distances[0] == pytest.approx(
        least_gaussian_plane(again, p).distances[0], rel=0.3
    )


def test_the_gradient_is_the_slope(rng):
    z, p = rng.normal(size=(400, 5)) * 1.5, rng.normal(size=(400, 5))
    direction = rng.normal(size=5)
    assert check_grad(lambda u: _gap(z, p, u)[0], lambda u: _gap(z, p, u)[1], direction, epsilon=1e-7) < 1e-4


def test_bad_tables_are_refused(rng):
    with pytest.raises(ValueError, match="one k above 1"):
        least_gaussian_plane(rng.normal(size=(9, 1)), rng.normal(size=(9, 1)))
    with pytest.raises(ValueError, match="one k above 1"):
        least_gaussian_plane(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)))


def test_the_columns_whose_correlation_differs_most() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 4))
    y = x.copy()
    y[:, 3] = x[:, 1]
    assert least_like(x, y) == (1, 3)
    assert least_like(x, x) == least_like(0.0 * x, x[:, :4]) == (0, 1)


def test_empty_cells_have_no_part_in_a_correlation() -> None:
    """Of each two columns the rows count which have both: filled gaps would pull the correlation to 0."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)) + 100.0
    x[:, 1] = x[:, 0] + 0.1 * rng.normal(size=400)
    y = x.copy()
    y[rng.random(400) < 0.6, 1] = np.nan
    found, there = _correlations(y), np.isfinite(y[:, 1])
    np.testing.assert_allclose(found[0, 1], np.corrcoef(y[there, 0], y[there, 1])[0, 1], rtol=1e-9)
    np.testing.assert_allclose(found[0, 2], np.corrcoef(y[:, 0], y[:, 2])[0, 1], rtol=1e-9)
    y[:, 2] = y[:, 0]
    assert least_like(x, y) == (0, 2)
    y[:, 2] = np.nan
    assert least_like(x, y) == (0, 1), "a column without cells has no correlation"
