import numpy as np
import pytest
import torch
from torch import nn

from remblai.gallery.wae.student_report import BATCH, LATENT, mmd, report_penalty, report_squares, sides

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def by_hand(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased MMD of inverse multiquadrics, pair by pair."""
    n, d = x.shape
    total = 0.0
    for scale in SCALES:
        size = 2 * d * scale
        for i in range(n):
            for j in range(n):
                same = sum(size / (size + ((p[i] - p[j]) ** 2).sum()) for p in (x, y)) if i != j else 0.0
                total += same / (n * (n - 1)) - 2 * size / (size + ((x[i] - y[j]) ** 2).sum()) / n**2
    return total


def test_its_squared_distances_are_one_number_off_and_negative() -> None:
    """As its text has them: row sums as a 1 x n row, multiplied by its own transpose, which is a scalar."""
    x = np.random.default_rng(0).standard_normal((BATCH, LATENT))
    row, squares = x.sum(1)[None], (x**2).sum(1)[None]
    product = row @ row.T
    assert product.shape == (1, 1)
    found = report_squares(*(torch.from_numpy(x),) * 3).numpy()
    assert np.allclose(found, squares + squares.T - 2 * product)
    assert found.mean() < -3000
    true = ((x[:, None] - x) ** 2).sum(2)
    off = ~np.eye(BATCH, dtype=bool)
    assert true[off].mean() == pytest.approx(16, abs=1)
    assert (found + 2 * product - true)[off].std() > 1  # nor would a constant mend them


def test_corrected_it_is_n_times_the_mmd_which_is_the_sum_over_pairs() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 3)) + 1.0, rng.standard_normal((12, 3))
    pair = torch.from_numpy(x), torch.from_numpy(y)
    expected = by_hand(x, y)
    assert float(mmd(3)(*pair)) == pytest.approx(expected, rel=1e-9)
    assert float(report_penalty(*pair, corrected=True)) == pytest.approx(12 * expected, rel=1e-9)


def test_its_penalty_hardly_knows_a_code_from_the_prior() -> None:
    """Far codes and codes of the prior: the true MMD tells them apart, the report's has them alike or the wrong way."""
    drawn = torch.Generator().manual_seed(0)
    near, far, prior = (torch.randn(BATCH, LATENT, generator=drawn) + shift for shift in (0.0, 3.0, 0.0))
    assert float(mmd(LATENT)(far, prior)) > 100 * abs(float(mmd(LATENT)(near, prior)))
    wrong, right = (float(report_penalty(far, prior, corrected=corrected)) / BATCH for corrected in (False, True))
    assert abs(wrong) < 0.05 * right


def test_sides_are_those_of_its_layers() -> None:
    layers = [(4, 1), (4, 1), (4, 2)]
    x, found = torch.zeros(1, 1, 7, 7), []
    for kernel, stride in layers:
        x = nn.ConvTranspose2d(1, 1, kernel, stride)(x)
        found.append(x.shape[-1])
    assert sides(7, layers) == found == [10, 13, 28]
