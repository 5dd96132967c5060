import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from remblai.gallery.wae.latent_plane import NINE_TENTHS, Plane, bhattacharyya, latent_plane, nats


def gaussians(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, generator=drawn), 0.2 + torch.rand(n, 2, generator=drawn)


def around(codes: torch.Tensor) -> Plane:
    return Plane(codes, torch.ones_like(codes), codes, torch.zeros(len(codes), dtype=torch.long))


def test_bhattacharyya_is_the_integral_of_the_root_of_the_product() -> None:
    mean, deviation = gaussians(4)
    line = torch.linspace(-9.0, 9.0, 901, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    law = Independent(Normal(mean.double(), deviation.double()), 1)
    roots = (0.5 * law.log_prob(grid[:, None])).exp()
    integrals = roots.T @ roots * float(line[1] - line[0]) ** 2
    found = bhattacharyya(mean, deviation)
    torch.testing.assert_close(found, integrals, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(found.diagonal(), torch.ones(4, dtype=torch.float64))


def test_overlap_is_the_mean_over_different_pairs() -> None:
    mean, deviation = gaussians(3)
    pairs = bhattacharyya(mean, deviation)
    expected = np.mean([float(pairs[i, j]) for i in range(3) for j in range(3) if i != j])
    assert Plane(mean, deviation, mean, torch.zeros(3)).overlap() == pytest.approx(expected)
    same = Plane(mean[:1].expand(5, 2), deviation[:1].expand(5, 2), mean, torch.zeros(5))
    assert same.overlap() == pytest.approx(1.0)


def test_axes_see_a_shift_a_scale_and_nothing_else() -> None:
    n = 2000
    quantiles = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n)
    shuffled = torch.stack([quantiles, quantiles[torch.randperm(n, generator=torch.Generator().manual_seed(0))]], 1)
    assert around(shuffled).along_axes() == pytest.approx(0.0, abs=1e-12)
    assert around(shuffled + torch.tensor([0.3, 0.5])).along_axes() == pytest.approx((0.09 + 0.25) / 2)
    assert around(1.2 * shuffled).along_axes() == pytest.approx(0.04, rel=5e-3)


def test_nats_are_torchs_divergence() -> None:
    mean, deviation = gaussians(50)
    expected = kl_divergence(Independent(Normal(mean, deviation), 1), Independent(Normal(0 * mean, 1.0), 1)).mean()
    assert nats(Plane(mean, deviation, mean, torch.zeros(50))) == pytest.approx(float(expected), rel=1e-5)


def test_the_circle_holds_nine_tenths() -> None:
    assert np.exp(-(NINE_TENTHS**2) / 2) == pytest.approx(0.1, rel=1e-4)


def test_a_short_run_measures_and_draws_and_leaves_the_generator() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    entry = latent_plane(steps=30)
    assert torch.equal(before, torch.get_rng_state())
    assert [picture.name for picture in entry.pictures] == ["latent-plane"]
    assert all(np.isfinite(check.found) for check in entry.checks)
    assert entry.words.endswith(".")
    assert len(entry.findings) == 2
