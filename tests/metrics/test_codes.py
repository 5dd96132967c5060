import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from remblai.laws.priors import Normal
from remblai.metrics import codes, fidelity_card
from remblai.metrics.codes import latent_mmd_null, latent_mmd_squared


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def brute_mmd(x, y, base):
    def kernel(a, b):
        return sum(base * s / (base * s + cdist(a, b, "sqeuclidean")) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    def within(a):
        return (kernel(a, a).sum() - 7 * len(a)) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def test_latent_mmd_is_the_seven_scale_sum(rng):
    prior, z = Normal(4, scale=1.5), rng.normal(size=(60, 4))
    draws = codes.drawn_codes(prior, 60, 1, seed=3)[0].numpy()
    assert latent_mmd_squared(z, prior, seed=3) == pytest.approx(brute_mmd(draws, z, 2 * 4 * 1.5**2), abs=1e-5)


def test_latent_mmd_sees_a_wrong_scale_and_knows_its_null(rng):
    prior = Normal(8)
    mean, spread = latent_mmd_null(300, prior)
    assert abs(mean) < 3 * spread / 20**0.5
    assert abs(latent_mmd_squared(rng.normal(size=(300, 8)), prior)) < 4 * spread
    assert latent_mmd_squared(1.5 * rng.normal(size=(300, 8)), prior) > 10 * spread


def test_the_null_of_fewer_draws_is_scaled_to_n(monkeypatch):
    prior = Normal(2)
    spread = latent_mmd_null(160, prior, repeats=300)[1]
    monkeypatch.setattr(codes, "DRAWN", 20)
    mean, scaled = latent_mmd_null(160, prior, repeats=300)
    assert scaled == pytest.approx(spread, rel=0.15)
    assert abs(mean) < 3 * scaled / 300**0.5


def test_latent_mmd_leaves_the_global_generator_alone(rng):
    z = rng.normal(size=(20, 2))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = latent_mmd_squared(z, Normal(2))
    assert torch.equal(torch.rand(3), expected)
    assert latent_mmd_squared(z, Normal(2)) == first


def test_codes_of_another_size_are_refused(rng):
    with pytest.raises(ValueError, match=r"\(n >= 2, 3\)"):
        latent_mmd_squared(rng.random((5, 4)), Normal(3))


def test_many_codes_show_what_few_cannot(rng):
    """In the plane at n = 1,000 a prior without a tenth of its mass is seen, at n = 12 nothing is."""
    sees = {}
    for n in (12, 1000):
        rows = rng.normal(size=(40, 2))
        card = fidelity_card(
            rows, rows[:20], rows[20:], codes=torch.randn(n, 2), prior=Normal(2), image=False, repeats=8
        )
        sees[n] = card["latent_mmd_squared"]["sees"]
    assert sees[1000]["dropped mode"] > 3
    assert max(map(abs, sees[12].values())) < 3
