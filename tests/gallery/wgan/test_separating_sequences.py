import math

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from remblai.gallery.wgan import separating_sequences as entry

LOG2 = math.log(2)
KL, REVERSE = "KL(P | Pn)", "KL(Pn | P)"


@pytest.mark.parametrize("n", [1, 2, 8, 128])
def test_an_atom_that_moves_is_near_in_w1_alone(n):
    found = entry.measured(entry.atom_moving(n))
    assert found["W1"] == pytest.approx(1 / n)
    assert found["TV"] == pytest.approx(1)
    assert found["JS"] == pytest.approx(LOG2)
    assert found[KL] == found[REVERSE] == math.inf


@pytest.mark.parametrize("n", [1, 2, 8, 128])
def test_an_interval_that_moves_is_near_in_all_but_kl(n):
    found = entry.measured(entry.interval_moving(n))
    assert found["W1"] == pytest.approx(1 / n)
    assert found["TV"] == pytest.approx(1 / n)
    assert found["JS"] == pytest.approx(LOG2 / n)
    assert found[KL] == found[REVERSE] == math.inf


@pytest.mark.parametrize("n", [2, 8, 128])
def test_an_atom_that_loses_mass_is_near_in_one_kl(n):
    found = entry.measured(entry.atom_thinning(n))
    assert found["W1"] == pytest.approx(1 / n)
    assert found["TV"] == pytest.approx(1 / n)
    assert found[KL] == pytest.approx(-math.log(1 - 1 / n))
    assert found[REVERSE] == math.inf
    s = 1 / n
    half = -math.log(1 - s / 2) + (1 - s) * math.log((1 - s) / (1 - s / 2)) + s * LOG2
    assert found["JS"] == pytest.approx(half / 2)


@pytest.mark.parametrize("n", [1, 2, 8, 128])
def test_points_that_fill_an_interval_are_near_in_w1_alone(n):
    found = entry.measured(entry.lattice(n))
    assert found["W1"] == pytest.approx(1 / (2 * n))
    assert found["TV"] == pytest.approx(1)
    assert found["JS"] == pytest.approx(LOG2)
    assert found[KL] == found[REVERSE] == math.inf


@pytest.mark.parametrize("name", entry.SEQUENCES)
def test_w1_is_another_program_s_and_the_order_of_the_distances_holds(name):
    for n in entry.STEPS:
        pair = entry.SEQUENCES[name].pair(n)
        found = entry.measured(pair)
        assert found["W1"] == pytest.approx(wasserstein_distance(pair.x, pair.y, pair.a, pair.b), abs=1e-12)
        assert found["W1"] <= 2 * found["TV"] + 1e-12  # all lies in [0, 2]
        assert found["TV"] ** 2 / 2 - 1e-12 <= found["JS"] <= LOG2 * found["TV"] + 1e-12
        assert min(found[KL], found[REVERSE]) >= 2 * found["TV"] ** 2 - 1e-12
        assert pair.p.sum() == pytest.approx(1)
        assert np.isclose([pair.a.sum(), pair.b.sum(), pair.q.sum()], 1).all()
