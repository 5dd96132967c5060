"""Nearest rows against brute force, and a test for copies that finds copies and nothing else."""

import re

import numpy as np
import pytest
import torch

from remblai.explorer.neighbours import Copying, Reference, copying, nearest, percent


def test_nearest_is_that_of_all_differences() -> None:
    rng = torch.Generator().manual_seed(0)
    x, rows = torch.randn(300, 7, generator=rng), torch.randn(90, 7, generator=rng)
    rows[3] = x[5] + 1e-4  # nearer than the rounding of a matrix product
    brute = (x[:, None].double() - rows.double()).norm(dim=-1) / 2.0
    found = nearest(x, rows.split(40), 4, scale=2.0)
    torch.testing.assert_close(found.distances, brute.sort(dim=1).values[:, :4])
    assert (found.places == brute.argsort(dim=1)[:, :4]).all()


def judged(
    samples: torch.Tensor, train: torch.Tensor, held_out: torch.Tensor, seed: int = 0, permutations: int = 199
) -> Copying:
    order = torch.randperm(len(train) + len(held_out), generator=torch.Generator().manual_seed(seed))
    parts = torch.cat([train, held_out])[order].split(17)
    return copying(samples, parts, (order < len(train)).numpy(), permutations=permutations, seed=seed)


def test_copies_are_found() -> None:
    rng = torch.Generator().manual_seed(0)
    train, held_out = torch.randn(300, 5, generator=rng), torch.randn(60, 5, generator=rng)
    found = judged(train[:40], train, held_out)
    assert (found.share, found.expected) == (1.0, 300 / 360)
    assert found.p_value <= 0.02  # (5 / 6)^40 = .0007
    assert (found.samples, found.train, found.held_out) == (40, 300, 60)
    assert judged(held_out[:40], train, held_out).share == 0.0


@pytest.mark.parametrize("n", [30, 120])
def test_independent_samples_are_not_called_copies(n: int) -> None:
    """The p-value is uniform where nothing is copied: its mean over 60 tests is 1/2, with standard error 0.037."""
    rng = torch.Generator().manual_seed(0)
    values = []
    for seed in range(60):
        x, train, held_out = (torch.randn(m, 2, generator=rng) for m in (30, n, 30))
        values.append(judged(x, train, held_out, seed, permutations=99).p_value)
    assert np.mean(values) == pytest.approx(0.5, abs=0.13)
    assert np.mean(np.array(values) <= 0.1) < 0.25


def test_equal_rows_of_both_kinds_favour_neither() -> None:
    rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    shares = [judged(rows, rows, rows, seed, permutations=1).share for seed in range(20)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)


def test_what_was_not_searched_is_said() -> None:
    reference = Reference(torch.arange(1.0, 201.0), None, unsearched=35_000)
    assert "A copy of one of the 35,000 training data that were not searched is not seen." in reference.words(100.0)
    assert "it may be a copy" in reference.words(0.5)


def test_far_samples_are_no_sign_of_a_copy() -> None:
    held_out = torch.arange(1.0, 201.0)
    assert "no sign of a copy" in Reference(held_out, None).words(180.0)
    assert "no sign of a copy" in Reference(held_out, None, blurs=False).words(50.0)


@pytest.mark.parametrize(
    ("distance", "restored", "words"),
    [
        (
            0.5,
            True,
            "It lies nearer to a training datum than all 200 held-out data and their reconstructions: it may be",
        ),
        (
            1.0,
            True,
            "0.5 % of 200 held-out data and 0.5 % of their reconstructions lie at least as near .* That is rare",
        ),
        (100.0, True, "50 % of 200 held-out data and 100 % of their reconstructions .* no sign of a copy"),
        (60.0, False, "30 % of 200 held-out data lie .* Blurred samples lie nearer than sharp ones do"),
        (0.5, False, "than all 200 held-out data: it may be"),
    ],
)
def test_a_distance_is_read_beside_held_out_data(distance: float, restored: bool, words: str) -> None:
    held_out = torch.arange(1.0, 201.0)
    reference = Reference(held_out, held_out / 2 + 0.5 if restored else None)
    assert re.search(words, reference.words(distance))


def test_a_share_that_is_not_zero_is_not_called_zero() -> None:
    shares = [percent(share) for share in (0.0, 0.002, 0.005, 0.25, 1.0)]
    assert shares == ["0 %", "0.2 %", "0.5 %", "25 %", "100 %"]
