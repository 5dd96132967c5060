import numpy as np
import pytest
from scipy.optimize import linprog

from remblai.gallery.distances.gluing import CASES, CODES, IMAGES, POINTS, Case, squares


def transported(a, b, costs):
    n, m = costs.shape
    marginals = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return linprog(costs.ravel(), A_eq=marginals, b_eq=np.concatenate([a, b])).fun


@pytest.mark.parametrize("seed", range(CASES))
def test_the_two_programs_have_one_value_and_the_glued_encoder_reaches_it(seed):
    case = Case.random(seed)
    assert len(set(case.image)) == IMAGES < CODES == len(case.image)  # G is not injective
    value = transported(case.p, case.pushed, case.to_images)
    glued = case.glued(case.transport())
    for encoder in (case.encoder(), glued):
        assert encoder.min() > -1e-12
        np.testing.assert_allclose(encoder.sum(1), 1.0, atol=1e-9)
        np.testing.assert_allclose(case.p @ encoder, case.codes, atol=1e-9)
        assert case.cost_of(encoder) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 1.0])
def test_noise_adds_its_variance_to_the_cost_by_codes_and_less_to_transport(sigma):
    case = Case.random(3)
    by_codes, true = case.with_noise(sigma)
    assert by_codes == pytest.approx(transported(case.p, case.codes, case.to_codes) + 2 * sigma**2, abs=1e-9)
    corners = np.array([(i, j) for i in (-sigma, sigma) for j in (-sigma, sigma)])
    places = np.concatenate([case.images + corner for corner in corners])
    expected = transported(case.p, np.tile(case.pushed / 4, 4), squares(case.x, places))
    assert true == pytest.approx(expected, abs=1e-9)
    assert true <= by_codes + 1e-12


def test_a_gaussian_decoder_adds_d_sigma_squared():
    case = Case.random(0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    noise = 0.7 * np.array([(i, j) for i in nodes for j in nodes])
    mass = np.outer(weights, weights).ravel() / (2 * np.pi)
    costs = sum(share * squares(case.x, case.images + move) for share, move in zip(mass, noise, strict=True))
    np.testing.assert_allclose(costs, case.to_images + 2 * 0.49, atol=1e-12)
    assert costs.shape == (POINTS, IMAGES)
