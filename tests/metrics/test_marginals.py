"""The law of each axis of codes, on codes whose distance to the prior is known."""

import pytest
import torch
from scipy.stats import norm, wasserstein_distance

from remblai.laws.priors import Normal
from remblai.metrics import fidelity_card
from remblai.metrics.marginals import axis_w1


def draws(n: int, k: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_w1_to_the_quantiles_of_a_normal_law():
    z = draws(5000, 3) * torch.tensor([1.0, 0.5, 2.0]) + torch.tensor([0.3, 0.0, -1.0])
    grid = norm.ppf((torch.arange(200_000) + 0.5) / 200_000)
    expected = [wasserstein_distance(column, grid) for column in z.T.numpy()]
    assert axis_w1(z, Normal(3)) == pytest.approx(expected, abs=0.012)


def test_a_shift_and_a_scale_have_their_closed_forms_in_deviations_of_the_prior():
    z = draws(20_000, 2)
    shifted = axis_w1(2.0 * z + torch.tensor([0.5, 0.0]), Normal(2, scale=2.0))
    assert shifted == pytest.approx([0.25, 0.0], abs=0.03)
    narrow = axis_w1(z * torch.tensor([1.0, 0.8]), Normal(2))
    assert narrow[1] == pytest.approx(0.2 * (2 / torch.pi) ** 0.5, abs=0.02)


def test_the_card_names_the_axis_and_codes_that_follow_the_prior_lie_at_the_floor():
    rows, prior = draws(1200, 2, 1), Normal(4)
    bad = draws(1000, 4, 2)
    bad[:, 2] = bad[:, 2].sign()
    for codes, lies_off in ((draws(1000, 4, 3), False), (bad, True)):
        card = fidelity_card(rows, rows[:100], rows[100:200], codes=codes, prior=prior, image=False, repeats=20)
        figure = card["axis_w1"]
        assert (figure["value"] > figure["floor"] + 5 * figure["spread"]) == lies_off
        assert abs(figure["value"] - figure["floor"]) < 4 * figure["spread"] or lies_off
        assert figure["sees"]["narrow axis"] > 1
    assert max(range(4), key=figure["by_axis"].__getitem__) == 2


def test_few_or_other_codes_are_refused():
    with pytest.raises(ValueError, match="n >= 2, 3"):
        axis_w1(torch.zeros(5, 2), Normal(3))
