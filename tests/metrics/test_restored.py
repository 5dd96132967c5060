"""PSNR and SSIM against published code and a sum over windows."""

import numpy as np
import pytest
import torch

from remblai.metrics.restored import psnr, ssim

SSIM, PSNR = 0.9430048225743977, 20.51000384789958
"""By torchmetrics 1.9.0 in float64 on `pair()`: the mean of the full image of structural_similarity_index_measure with
its defaults and data_range 1, without the 5 rows and columns at each edge, whose windows see reflected pixels (Wang et
al. have none of these); the mean of peak_signal_noise_ratio over the four images."""


def pair():
    rng = np.random.RandomState(0)
    rng.standard_normal((2, 60, 5))  # those of `published_pair`
    a = rng.random_sample((4, 3, 16, 20)).astype("float32")
    return a, np.clip(a + 0.1 * rng.standard_normal(a.shape), 0, 1).astype("float32")


def test_they_are_those_of_torchmetrics_to_1e_6():
    assert ssim(*pair()) == pytest.approx(SSIM, abs=1e-6)
    assert psnr(*pair()) == pytest.approx(PSNR, rel=1e-6)


def test_small_images_have_a_smaller_window():
    """8 x 8: the largest odd side is 7, and one place in four along each axis; by a sum over the window."""
    rng = np.random.default_rng(0)
    a, b = rng.random((1, 1, 8, 8)), rng.random((1, 1, 8, 8))
    line = np.exp(-0.5 * (np.arange(-3, 4) / 1.5) ** 2)
    window = np.outer(line, line) / line.sum() ** 2
    values = []
    for i in range(2):
        for j in range(2):
            x, y = a[0, 0, i : i + 7, j : j + 7], b[0, 0, i : i + 7, j : j + 7]
            p, q = (window * x).sum(), (window * y).sum()
            v, w, c = ((window * s).sum() - t for s, t in ((x * x, p * p), (y * y, q * q), (x * y, p * q)))
            values.append((2 * p * q + 1e-4) * (2 * c + 9e-4) / ((p * p + q * q + 1e-4) * (v + w + 9e-4)))
    assert ssim(a, b) == pytest.approx(np.mean(values), abs=1e-6)


def test_copies_are_perfect_and_bounded():
    images = torch.rand(3, 1, 8, 8)
    assert ssim(images, images) == pytest.approx(1.0)
    assert psnr(images, images) == pytest.approx(100.0)
    assert psnr(images * 0, images * 0 + 0.1) == pytest.approx(20.0, abs=1e-5)


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="two sets of images"):
        ssim(torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 9))
    with pytest.raises(ValueError, match="NaN or infinity"):
        ssim(torch.full((2, 1, 8, 8), torch.nan), torch.rand(2, 1, 8, 8))
