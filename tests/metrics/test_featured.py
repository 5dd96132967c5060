"""Frechet distance, kernel distance and generalisation gap, against closed forms and published code."""

import numpy as np
import pytest
import torch

from remblai.features import own_features
from remblai.metrics import featured
from remblai.metrics.featured import frechet, generalisation_gap, kernel_distance
from remblai.metrics.sets import Sets

FIDELITY = {"frechet": 0.791109972387483, "few": 6.52523985088466, "kernel": 0.09749674707586742}
"""By torch-fidelity 0.4.0 on `published_pair()` in float64: fid_statistics_to_metric of all rows and of the first 4 (of
rank 3 in 5 dimensions), and kid_features_to_metric with one subset of all 60 rows."""


def published_pair():
    """Two samples (60, 5) in float32, a function of numpy's legacy generator, whose draws never change."""
    rng = np.random.RandomState(0)
    x, y = rng.standard_normal((60, 5)), 1.3 * rng.standard_normal((60, 5)) + 0.2
    return x.astype("float32"), y.astype("float32")


def test_frechet_is_that_of_torch_fidelity_to_1e_6():
    x, y = published_pair()
    assert frechet(x, y) == pytest.approx(FIDELITY["frechet"], abs=1e-6)
    assert frechet(x[:4], y[:4]) == pytest.approx(FIDELITY["few"], abs=1e-6)


def test_frechet_of_two_points_and_of_constants_is_the_closed_form():
    """Covariances v v' of rank 1 and w w' have the root |v . w|: |m - m'|^2 + |v|^2 + |w|^2 - 2 |v . w|."""
    x, y = torch.tensor([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 3.0], [2.0, 2.0, 3.0]])
    assert frechet(x, y) == pytest.approx((1 + 1 + 9) + 2 + 4 - 2 * 2, rel=1e-12)
    assert frechet(torch.ones(5, 3), torch.zeros(5, 3)) == pytest.approx(3.0)
    assert frechet(torch.ones(5, 3), torch.ones(5, 3)) == 0.0


def test_the_extrapolation_removes_the_bias_of_order_1_over_n():
    """N(0, I) and N(0, 4 I) in 6 dimensions: the truth is 6. Over 40 draws at n = 80 the mean must be there, and not
    without it."""
    draws = torch.Generator().manual_seed(0)
    plain, removed = [], []
    for seed in range(40):
        x, y = torch.randn(80, 6, generator=draws), 2 * torch.randn(80, 6, generator=draws)
        plain.append(frechet(x, y))
        removed.append(frechet(x, y, extrapolated=True, repeats=8, seed=seed))
    error = np.std(removed) / 40**0.5
    assert abs(np.mean(removed) - 6) < 3 * error
    assert np.mean(plain) - 6 > 4 * error


def test_kernel_distance_is_that_of_torch_fidelity_and_of_a_sum():
    x, y = published_pair()
    assert kernel_distance(x, y) == pytest.approx(FIDELITY["kernel"], abs=1e-6)

    def kernel(a, b):
        return (a.astype(float) @ b.T.astype(float) / 5 + 1) ** 3

    def within(a):
        return (kernel(a, a).sum() - np.trace(kernel(a, a))) / (len(a) * (len(a) - 1))

    brute = within(x[:40]) + within(y) - 2 * kernel(x[:40], y).mean()
    assert kernel_distance(x[:40], y) == pytest.approx(brute, abs=1e-9)


def test_subsets_have_the_same_mean_and_a_subset_of_all_rows_is_all_pairs():
    x, y = published_pair()
    assert kernel_distance(x, y, subsets=1, size=60) == pytest.approx(kernel_distance(x, y), abs=1e-12)
    parts = [kernel_distance(x, y, subsets=1, size=20, seed=seed) for seed in range(200)]
    error = np.std(parts) / 200**0.5
    assert abs(np.mean(parts) - kernel_distance(x, y)) < 4 * error
    assert abs(kernel_distance(x, y, subsets=200, size=20) - kernel_distance(x, y)) < 4 * error


def test_the_gap_is_the_count_of_pairs():
    draws = torch.Generator().manual_seed(0)
    samples, held_out = (
        torch.randint(5, (30,), generator=draws).float(),
        torch.randint(6, (20,), generator=draws).float(),
    )
    pairs = held_out[:, None] - samples
    assert generalisation_gap(samples, held_out) == pytest.approx(float(pairs.sign().mean()), abs=1e-6)
    assert generalisation_gap(torch.zeros(4), torch.ones(3)) == 1
    assert generalisation_gap(torch.ones(4), torch.zeros(3)) == -1


@pytest.mark.parametrize("kept", [0, featured.KEPT])
def test_copies_of_a_training_set_of_several_parts_have_the_gap_1(kept, monkeypatch):
    monkeypatch.setattr(featured, "KEPT", kept)
    draws = torch.Generator().manual_seed(0)
    rows, held_out = torch.rand(9000, 1, 4, 4, generator=draws), torch.rand(60, 1, 4, 4, generator=draws)
    samples = rows[torch.randperm(len(rows), generator=draws)[:60]]
    sets = Sets(rows, held_out, samples, features=own_features(lambda x: 3 * x, rows.shape[1:]), repeats=4)
    assert featured.figure_of_gap(sets)["value"] == 1
    other = sets.with_samples(held_out.flatten(1))
    assert featured.figure_of_gap(other)["value"] == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: frechet(torch.rand(1, 3), torch.rand(4, 3)), "at least 2 rows"),
        (lambda: frechet(torch.rand(3, 3), torch.rand(4, 3), extrapolated=True), "at least 4 rows"),
        (lambda: kernel_distance(torch.rand(9, 3), torch.rand(9, 3), subsets=2), "at least 1000 rows"),
        (lambda: frechet(torch.full((4, 2), torch.nan), torch.rand(4, 2)), "NaN or infinity"),
        (lambda: frechet(torch.rand(4, 2), torch.rand(4, 3)), "3 numbers a row where 2"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
