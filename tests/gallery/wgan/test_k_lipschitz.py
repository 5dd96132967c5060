import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance

from remblai.gallery.wgan.k_lipschitz import CLIPS, CONSTANTS, MODEL, REAL, allowed, clipped, k_lipschitz


@pytest.fixture(scope="module")
def entry():
    return k_lipschitz()


def found(entry, what):
    (value,) = (check.found for check in entry.checks if check.what == what)
    return value


@pytest.mark.parametrize("k", CONSTANTS)
def test_value_is_that_of_the_program_over_k_lipschitz_functions(entry, k):
    places = np.concatenate([REAL, MODEL])
    signed = np.concatenate([np.full(len(REAL), 1 / len(REAL)), np.full(len(MODEL), -1 / len(MODEL))])
    n = len(places)
    differences = np.array([np.eye(n)[i] - np.eye(n)[j] for i in range(n) for j in range(n)])
    reach = np.array([k * abs(places[i] - places[j]) for i in range(n) for j in range(n)])
    program = linprog(-signed, A_ub=differences, b_ub=reach, bounds=[(0, 0)] + [(None, None)] * (n - 1))
    assert found(entry, f"sup over K = {k:g}") == pytest.approx(-program.fun, abs=1e-9)
    assert -program.fun == pytest.approx(k * wasserstein_distance(REAL, MODEL), abs=1e-9)


def test_a_box_of_weights_allows_the_norm_of_its_corner():
    corner = [np.full(shape, 0.3) for shape in ((16, 1), (16, 16), (16, 16), (1, 16))]
    assert allowed(0.3) == pytest.approx(np.prod([np.linalg.norm(one, 2) for one in corner]))


@pytest.mark.parametrize("bound", [CLIPS[0], CLIPS[-1]])
def test_a_clipped_critic_is_ordered_as_its_bounds_are(bound):
    critic = clipped(bound)
    assert 0.0 < critic.slope < critic.norms < critic.allowed
    assert 0.3 < critic.share < 1.0


def test_training_leaves_the_global_generator_alone():
    import torch

    torch.manual_seed(3)
    before = torch.get_rng_state()
    clipped(0.1)
    assert torch.equal(before, torch.get_rng_state())
