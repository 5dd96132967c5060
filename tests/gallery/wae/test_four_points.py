import math

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from remblai.gallery.wae import four_points as entry
from remblai.recipes.variational import vae

CENTRE, SPREAD = torch.tensor([0.6, -0.3]), torch.tensor([[0.5, 0.2], [0.2, 0.3]])


def drawn(n: int, seed: int = 0) -> torch.Tensor:
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return (CENTRE + noise @ torch.linalg.cholesky(SPREAD).T).double()


@pytest.fixture
def untrained() -> entry.Trial:
    torch.manual_seed(0)
    model = vae(entry.POINTS.shape[1:], **entry.OPTIONS)
    with torch.no_grad():
        return entry.Trial(model, model.encoder(entry.POINTS).sample((500,)))


def test_skewness_is_mardias_mean_over_pairs_and_knows_a_gaussian() -> None:
    points = drawn(40).numpy()
    centred = points - points.mean(0)
    inverse = np.linalg.inv(centred.T @ centred / 40)
    expected = sum((one @ inverse @ other) ** 3 for one in centred for other in centred) / 40**2 * 40 / 6
    assert entry.mardia(torch.from_numpy(points)) == pytest.approx(expected)
    assert np.mean([entry.mardia(drawn(400, seed)) for seed in range(200)]) == pytest.approx(4.0, rel=0.2)
    assert entry.mardia(drawn(4000).abs()) > 300


def test_divergence_by_neighbours_is_that_of_a_gaussian_in_closed_form() -> None:
    truth = float(kl_divergence(MultivariateNormal(CENTRE, SPREAD), MultivariateNormal(torch.zeros(2), torch.eye(2))))
    assert entry.nearest_neighbour_kl(drawn(4000).numpy()) == pytest.approx(truth, abs=0.05)


def test_the_likelihood_is_the_integral_over_the_plane(untrained: entry.Trial) -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    z = torch.tensor(np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2), dtype=torch.float32)
    with torch.no_grad():
        likelihoods = untrained.model.decoder(z).log_prob(entry.POINTS[:1].expand(len(z), 1, 2, 2)).exp()
    value = float(likelihoods.numpy() @ np.outer(weights, weights).ravel() / (2 * math.pi))
    # the rectifiers' kinks cost the Hermite rule its exactness
    area = float(entry.GRID[1] - entry.GRID[0]) ** 2
    assert float(untrained.joint[0].exp().sum() * area) == pytest.approx(value, rel=5e-3)
    assert untrained.log_likelihood() == pytest.approx(
        float((untrained.joint.exp().sum(1) * area).log().mean()), rel=1e-6
    )


def test_no_model_of_binary_images_is_likelier_than_the_uniform_law_on_the_four(untrained: entry.Trial) -> None:
    every = torch.tensor([[(k >> bit) & 1 for bit in range(4)] for k in range(16)], dtype=torch.float32)
    with torch.no_grad():
        law = untrained.model.decoder(torch.zeros(16, 2))
        assert law.log_prob(every.reshape(16, 1, 2, 2)).exp().sum().item() == pytest.approx(1.0, rel=1e-4)
    assert untrained.log_likelihood() < entry.BEST == pytest.approx(-1.386294)


def test_exact_posteriors_have_mass_1(untrained: entry.Trial) -> None:
    assert untrained.posterior().sum((1, 2)).tolist() == pytest.approx([1.0] * 4)


def test_a_short_run_measures_and_draws_and_leaves_the_generator() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = entry.four_points({"VAE": 2, "AVB": 2})
    assert torch.equal(torch.get_rng_state(), before)
    assert found.checks[0].holds
    assert [picture.name for picture in found.pictures] == ["four-points", "four-points-exact"]
