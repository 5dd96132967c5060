"""Active and dead axes and the effective rank, on codes whose axes are known."""

import pytest
import torch

from remblai.laws.priors import Normal
from remblai.metrics import fidelity_card
from remblai.metrics.axes import axes, figure_of_effective_rank
from remblai.metrics.reading import BAND
from remblai.metrics.sets import Sets


def test_dead_axes_are_named_and_the_rank_is_that_of_the_spectrum():
    z = torch.tensor([[1.0, 0.0, 2.0], [-1.0, 0.0, 2.0], [0.0, 1.0, 2.0], [0.0, -1.0, 2.0]])
    found = axes(z)
    assert found.dead == [2] and found.active == 2
    assert found.spectrum == pytest.approx([2 / 3, 2 / 3, 0.0])
    assert found.effective_rank == pytest.approx(2.0)
    tied = axes(torch.stack([z[:, 0], z[:, 0]], 1))
    assert tied.active == 2 and tied.effective_rank == pytest.approx(1.0)
    unequal = axes(torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    assert unequal.effective_rank == pytest.approx(10 / 9**0.9, rel=1e-6)  # exp(-.9 log .9 - .1 log .1)


def test_constant_means_have_no_axis_and_no_rank():
    found = axes(torch.ones(5, 3))
    assert found.active == 0 and found.dead == [0, 1, 2] and found.effective_rank == 0
    noise = axes(0.01 * torch.randn(500, 3, generator=torch.Generator().manual_seed(0)))
    assert noise.active == 0 and noise.effective_rank == 0  # although its spectrum is even


def test_the_threshold_is_a_share_of_the_prior_s_variance():
    z = 0.2 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    assert axes(z).active == 2
    assert axes(z, variances=torch.tensor([1.0, 100.0])).dead == [1]


def test_a_collapsed_encoder_whose_codes_look_perfect_is_seen():
    """Codes are draws of the prior, as a VAE's are that ignores its data; their means are constant but on one axis."""
    draws = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 2, generator=draws)
    codes = torch.randn(200, 4, generator=draws)
    means = torch.zeros(200, 4)
    means[:, 1] = torch.randn(200, generator=draws)
    card = fidelity_card(
        rows, rows[:200], rows[200:], codes=codes, prior=Normal(4), code_means=means, image=False, repeats=8
    )
    latent, active, rank = (card[name] for name in ("latent_mmd_squared", "active_axes", "effective_rank"))
    assert abs(latent["value"] - latent["floor"]) < 3 * latent["spread"]
    assert active["value"] == 1 and active["floor"] == 4 and active["dead"] == [0, 2, 3]
    assert rank["value"] == pytest.approx(1.0) and rank["floor"] > 3.8
    assert rank["spectrum"][1:] == [0.0, 0.0, 0.0]
    assert active["sees"]["dead axis"] == -99 and rank["sees"]["dead axis"] < -3


def test_one_code_is_too_few():
    with pytest.raises(ValueError, match="at least 2 codes"):
        axes(torch.ones(1, 3))


@pytest.mark.parametrize(("k", "n"), [(8, 9), (32, 20), (16, 200)])
def test_draws_of_the_prior_are_within_the_band_of_the_rank_however_few(k, n):
    """By the codes' own halves, whose rank is that of n / 2, 45 % of those of 9 in 8 dimensions were outside."""
    outside, draws = 0, torch.Generator().manual_seed(0)
    rows = torch.randn(3 * n, 2, generator=draws)
    for seed in range(60):
        sets = Sets(
            rows[:n], rows[n : 2 * n], rows[2 * n :], code_means=torch.randn(n, k, generator=draws), prior=Normal(k),
            image=False, seed=seed,
        )  # fmt: skip
        found = figure_of_effective_rank(sets)
        outside += abs(found["value"] - found["floor"]) > BAND * found["spread"]
    assert outside <= 9
