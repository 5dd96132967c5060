import json
import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, chi2

from remblai.data.toys import grid, ring
from remblai.metrics.modes import mode_card, mode_deviation_ratios, mode_expectations, mode_figures

RING = ring(8, 1.0, 0.01).modes
GRID = grid().modes
N = 2500
NAMES = [
    "modes_covered",
    "high_quality_share",
    "mode_total_variation",
    "mode_reverse_kl",
    "mode_deviation_ratio",
]


def truth(modes, n, seed, width=1.0):
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(modes.centres), n)
    return modes.centres[chosen] + width * modes.deviation * rng.standard_normal((n, modes.centres.shape[1]))


def figures(samples, modes=RING, **options):
    return mode_figures(samples, modes.centres, modes.deviation, **options)


@pytest.mark.parametrize("modes", [RING, GRID])
def test_the_truth_has_the_expected_figures_within_three_standard_errors(modes):
    found = [figures(truth(modes, N, seed), modes) for seed in range(40)]
    assert list(found[0]) == NAMES
    for name, expected in mode_expectations(N, len(modes.centres)).items():
        values = np.array([one[name] for one in found])
        assert abs(values.mean() - expected) <= 3 * values.std(ddof=1) / 40**0.5 + 1e-3 * expected, name


def test_expectations_are_the_closed_forms():
    found = mode_expectations(N, 8)
    assert found["high_quality_share"] == pytest.approx(1 - np.exp(-4.5), abs=1e-12)
    top = N // 8 + 1  # de Moivre's mean absolute deviation of a binomial
    assert found["mode_total_variation"] == pytest.approx(8 * top * (7 / 8) * binom.pmf(top, N, 1 / 8) / N, rel=1e-9)
    assert found["mode_reverse_kl"] == pytest.approx(7 / (2 * N), rel=0.01)
    assert found["modes_covered"] == pytest.approx(8)
    assert mode_expectations(1, 8)["modes_covered"] == pytest.approx(found["high_quality_share"])
    assert mode_expectations(1, 8)["mode_reverse_kl"] == pytest.approx(np.log(8))
    assert mode_expectations(10, 1)["mode_total_variation"] == 0


@pytest.mark.parametrize(("dimension", "radius"), [(1, 3.0), (2, 1.0), (2, 3.0), (5, 3.0)])
def test_the_truth_has_ratio_one_at_any_cut_and_in_any_dimension(dimension, radius):
    rng = np.random.default_rng(dimension)
    centres = 100.0 * np.eye(dimension + 1, dimension)
    n = 200_000
    samples = centres[rng.integers(0, len(centres), n)] + 2.0 * rng.standard_normal((n, dimension))
    found = mode_figures(samples, centres, 2.0, radius)
    share = chi2.cdf(radius**2, dimension)
    assert found["mode_deviation_ratio"] == pytest.approx(1, abs=0.01)
    assert found["high_quality_share"] == pytest.approx(share, abs=3 * (share * (1 - share) / n) ** 0.5)
    torch.testing.assert_close(
        mode_deviation_ratios(samples, centres, 2.0, radius),
        torch.ones(len(centres), dtype=torch.float64),
        rtol=0,
        atol=0.02,
    )


def test_narrow_modes_have_their_own_ratio_and_too_many_good_samples():
    found = figures(truth(RING, N, 0, width=0.5))
    cut = 1 - 4.5 / np.expm1(4.5)  # E|u|^2 / 2 within 3 deviations; at half the width nothing is cut
    assert found["mode_deviation_ratio"] == pytest.approx(0.5 / cut**0.5, rel=0.03)
    assert found["high_quality_share"] > 0.999


def test_an_even_disc_has_the_widest_ratio():
    rng = np.random.default_rng(0)
    angle, place = 2 * np.pi * rng.random(20_000), 10 * RING.deviation * rng.random(20_000) ** 0.5
    disc = RING.centres[0] + place[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    found = figures(disc)
    assert found["high_quality_share"] == pytest.approx(0.09, abs=0.01)
    assert found["mode_deviation_ratio"] == pytest.approx(1.5 / (1 - 4.5 / np.expm1(4.5)) ** 0.5, rel=0.03)


def test_a_point_in_each_mode_is_perfect_but_for_the_width():
    found = figures(np.tile(RING.centres, (100, 1)) + 0.3 * RING.deviation)
    assert found["modes_covered"] == 8
    assert found["high_quality_share"] == 1
    assert found["mode_total_variation"] == found["mode_reverse_kl"] == 0
    assert found["mode_deviation_ratio"] == pytest.approx(0, abs=1e-3)


def test_one_mode_found_of_eight():
    samples = RING.centres[3] + RING.deviation * np.random.default_rng(0).standard_normal((N, 2))
    found = figures(samples)
    assert found["modes_covered"] == 1
    assert found["mode_total_variation"] == pytest.approx(7 / 8)
    assert found["mode_reverse_kl"] == pytest.approx(np.log(8))
    ratios = mode_deviation_ratios(samples, RING.centres, RING.deviation)
    assert ratios[3] == pytest.approx(1, abs=0.05)
    assert (ratios[[0, 1, 2, 4, 5, 6, 7]] == 0).all()


def test_what_lies_between_the_modes_counts_in_the_histogram_only():
    far = 0.9 * RING.centres[[0, 0, 0, 1]]
    found = figures(np.concatenate([RING.centres, far]))
    assert found["modes_covered"] == 8
    assert found["high_quality_share"] == pytest.approx(8 / 12)
    share = np.array([4, 2, 1, 1, 1, 1, 1, 1]) / 12
    assert found["mode_total_variation"] == pytest.approx(abs(share - 1 / 8).sum() / 2)
    assert found["mode_reverse_kl"] == pytest.approx((share * np.log(8 * share)).sum())
    nowhere = figures(far)
    assert nowhere["modes_covered"] == nowhere["high_quality_share"] == nowhere["mode_deviation_ratio"] == 0


def test_modes_of_unlike_widths_are_told_apart_one_by_one():
    rng = np.random.default_rng(0)
    widths = np.linspace(0.3, 0.9, 8)
    chosen = rng.integers(0, 8, 40_000)
    samples = RING.centres[chosen] + RING.deviation * widths[chosen, None] * rng.standard_normal((40_000, 2))
    cut = (1 - 4.5 / np.expm1(4.5)) ** 0.5
    torch.testing.assert_close(
        mode_deviation_ratios(samples, RING.centres, RING.deviation), torch.tensor(widths / cut), rtol=0.05, atol=0
    )


def test_the_card_has_the_figures_and_their_floors():
    samples = truth(GRID, N, 5)
    card = mode_card(samples, GRID.centres, GRID.deviation, repeats=40)
    assert {name: figure["value"] for name, figure in card.items()} == figures(samples, GRID)
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    again = [figures(truth(GRID, N, seed), GRID) for seed in range(40)]
    for name, expected in mode_expectations(N, 25).items():
        own = np.std([one[name] for one in again], ddof=1)
        assert abs(card[name]["floor"] - expected) <= 3 * own / 40**0.5 + 1e-3 * expected, name
        assert card[name]["n"] == N
        if name != "modes_covered":
            assert own / 2 < card[name]["spread"] < 2 * own


def test_the_card_is_a_function_of_its_seed_and_leaves_generators_alone():
    samples = truth(RING, 50, 1)
    before = torch.get_rng_state()
    card = mode_card(samples, RING.centres, RING.deviation, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert card == mode_card(samples, RING.centres, RING.deviation, seed=3)
    assert card != mode_card(samples, RING.centres, RING.deviation, seed=4)


@pytest.mark.parametrize("kind", [np.float32, np.float64, torch.float32])
def test_types_do_not_matter(kind):
    samples = truth(RING, 100, 2)
    given = torch.as_tensor(samples, dtype=kind) if isinstance(kind, torch.dtype) else samples.astype(kind)
    assert figures(given) == pytest.approx(figures(samples), rel=1e-3)


def test_integers_and_one_sample_and_one_mode_work():
    assert mode_figures([[1, 2]], [[1, 2]], 1) == {
        "modes_covered": 1,
        "high_quality_share": 1,
        "mode_total_variation": 0,
        "mode_reverse_kl": 0,
        "mode_deviation_ratio": 0,
    }


@pytest.mark.parametrize(
    ("samples", "centres", "deviation", "radius", "told"),
    [
        (np.zeros((0, 2)), RING.centres, 0.1, 3, "the samples"),
        (np.zeros((3, 2)), np.zeros((0, 2)), 0.1, 3, "the centres"),
        (np.zeros(3), RING.centres, 0.1, 3, "2 numbers a row where 1"),
        (np.zeros((3, 3)), RING.centres, 0.1, 3, "2 numbers a row where 3"),
        ([[0.0, np.nan]], RING.centres, 0.1, 3, "NaN"),
        (np.zeros((3, 2)), [[np.inf, 0.0]], 0.1, 3, "infinity"),
        (np.zeros((3, 2)), RING.centres, 0.0, 3, "deviation"),
        (np.zeros((3, 2)), RING.centres, -1.0, 3, "deviation"),
        (np.zeros((3, 2)), RING.centres, np.nan, 3, "deviation"),
        (np.zeros((3, 2)), RING.centres, 0.1, 0, "radius"),
    ],
)
def test_bad_input_is_refused(samples, centres, deviation, radius, told):
    for function in (mode_figures, mode_deviation_ratios):
        with pytest.raises(ValueError, match=told):
            function(samples, centres, deviation, radius)
    with pytest.raises(ValueError, match=told):
        mode_card(samples, centres, deviation, radius=radius)


def test_bad_counts_are_refused():
    for bad in ({"n": 0, "modes": 8}, {"n": 5, "modes": 0}, {"n": 5, "modes": 8, "dimension": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            mode_expectations(**bad)
    with pytest.raises(ValueError, match="radius"):
        mode_expectations(5, 8, radius=-1)
    with pytest.raises(ValueError, match="at least 2 samples"):
        mode_card([[0.0, 0.0]], RING.centres, 0.1)
    with pytest.raises(ValueError, match="repeats"):
        mode_card(np.zeros((5, 2)), RING.centres, 0.1, repeats=1)


@pytest.mark.parametrize("n", [60, 200])
def test_perfect_samples_of_modes_are_in_their_range(n):
    """Of few samples all may be of high quality by chance: no standard deviation is 0 where the truth has one."""
    centres = 2.0 * torch.stack([torch.arange(8.0).mul(math.pi / 4).cos(), torch.arange(8.0).mul(math.pi / 4).sin()], 1)
    outside = dict.fromkeys(mode_expectations(n, 8), 0)
    for seed in range(60):
        draws = torch.Generator().manual_seed(seed)
        x = centres[torch.randint(8, (n,), generator=draws)] + 0.1 * torch.randn(n, 2, generator=draws)
        for name, figure in mode_card(x, centres, 0.1, seed=seed).items():
            outside[name] += abs(figure["value"] - figure["floor"]) > 2 * figure["spread"]
    assert max(outside.values()) <= 8
