import numpy as np
import pytest
import torch
from scipy import ndimage

from remblai.metrics.images import reconstruction_mse, sharpness


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_sharpness_is_the_variance_of_scipys_laplacian(rng):
    images = rng.random((300, 3, 9, 7))
    grey = np.einsum("nchw,c->nhw", images, [0.2989, 0.587, 0.114])
    truth = np.mean([ndimage.laplace(image)[1:-1, 1:-1].var() for image in grey])
    assert sharpness(images) == pytest.approx(truth, rel=1e-5)
    assert sharpness(np.concatenate([images, rng.random((300, 1, 9, 7))], 1)) == pytest.approx(truth, rel=1e-5)
    plain = np.mean([ndimage.laplace(image[0])[1:-1, 1:-1].var() for image in images])
    assert sharpness(images[:, :1]) == pytest.approx(plain, rel=1e-5)


def test_sharpness_of_a_ramp_is_zero_and_blur_lowers_it(rng):
    ramp = torch.linspace(0, 1, 8).expand(2, 1, 8, 8)
    assert sharpness(ramp) == pytest.approx(0, abs=1e-12)
    images = rng.random((20, 1, 12, 12))
    assert sharpness(ndimage.gaussian_filter(images, (0, 0, 1, 1))) < 0.1 * sharpness(images)


def test_reconstruction_mse(rng):
    x, y = rng.random((5000, 1, 3, 3)), rng.random((5000, 1, 3, 3))
    assert reconstruction_mse(x, y) == pytest.approx(((x - y) ** 2).mean(), rel=1e-5)
    with pytest.raises(ValueError, match="its own reconstruction"):
        reconstruction_mse(x, y[:10])


def test_images_too_small_are_refused(rng):
    with pytest.raises(ValueError, match="at least 3 x 3"):
        sharpness(rng.random((5, 1, 2, 8)))
