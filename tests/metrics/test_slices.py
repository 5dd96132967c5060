"""Sliced distances against sorted projections, and patches against the published code in NumPy, pixel by pixel."""

import numpy as np
import ot
import pytest
import torch
from scipy.ndimage import convolve, gaussian_filter
from scipy.stats import wasserstein_distance

from remblai.metrics import patch_sliced_w1, sliced_w2_squared
from remblai.metrics.card import fidelity_card
from remblai.metrics.slices import _directions, _normalised, _over_levels, patches_of, pyramid

DRAWS = torch.Generator().manual_seed(0)
FILTER = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, None] / 256.0


def published_pyramid(x, levels):
    """As in sliced_wasserstein.py of Karras et al., github tkarras/progressive_growing_of_gans."""
    found = [x]
    for _ in range(1, levels):
        found.append(convolve(found[-1], FILTER, mode="mirror")[:, :, ::2, ::2])
        n, c, h, w = found[-1].shape
        large = np.zeros((n, c, 2 * h, 2 * w))
        large[:, :, ::2, ::2] = found[-1]
        found[-2] = found[-2] - convolve(large, 4.0 * FILTER, mode="mirror")
    return found


@pytest.mark.parametrize(("shape", "levels"), [((2, 3, 64, 64), 3), ((1, 1, 28, 28), 2), ((1, 1, 8, 8), 1)])
def test_levels_are_those_of_the_published_code(shape, levels):
    x = torch.rand(shape, generator=DRAWS, dtype=torch.float64)
    found, truth = pyramid(x), published_pyramid(x.numpy(), levels)
    assert len(found) == levels
    for mine, theirs in zip(found, truth, strict=True):
        assert mine.numpy() == pytest.approx(theirs, abs=1e-12)


def test_levels_of_an_odd_side_add_up_to_the_image():
    x = torch.rand(1, 1, 29, 31, generator=DRAWS)
    details, small = pyramid(x)
    assert details.shape == x.shape and small.shape == (1, 1, 15, 16)


def test_patches_are_squares_of_the_levels():
    x = torch.rand(3, 2, 28, 30, generator=DRAWS)
    for level, found in zip(pyramid(x), patches_of(x, 5, DRAWS), strict=True):
        assert found.shape == (3, 5, 2, 7, 7)
        for image, own in zip(level, found, strict=True):
            squares = image.unfold(1, 7, 1).unfold(2, 7, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
            assert all((squares == patch).flatten(1).all(1).any() for patch in own)


def test_distances_of_patches_are_those_of_the_published_formula():
    x, y = torch.rand(6, 3, 32, 32, generator=DRAWS), torch.rand(6, 3, 32, 32, generator=DRAWS) ** 2
    seed, count, directions = 3, 4, 20
    draws = torch.Generator().manual_seed(seed)
    first, second = patches_of(x, count, draws), patches_of(y, count, draws)
    along, values = _directions(3 * 49, directions, seed).numpy(), []
    for a, b in zip(first, second, strict=True):
        rows = []
        for part in (a, b):
            desc = part.flatten(0, 1).numpy().astype(np.float64)
            desc = desc - desc.mean((0, 2, 3), keepdims=True)
            rows.append((desc / desc.std((0, 2, 3), keepdims=True)).reshape(len(desc), -1))
        values.append(np.mean([wasserstein_distance(rows[0] @ line, rows[1] @ line) for line in along.T]))
    assert patch_sliced_w1(x, y, count, directions, seed) == pytest.approx(np.mean(values), rel=1e-5)
    assert _over_levels(first, second, directions, seed).numpy() == pytest.approx(np.array(values), rel=1e-5)


def test_patches_of_a_constant_channel_are_0():
    flat = torch.full((4, 3, 1, 7, 7), 0.3)
    assert torch.equal(_normalised(flat), torch.zeros(12, 49))


def test_rows_are_compared_along_directions():
    x, y = torch.randn(30, 4, generator=DRAWS), 2 * torch.randn(30, 4, generator=DRAWS) + 1
    along = _directions(4, 10, 5).numpy()
    truth = np.mean([ot.wasserstein_1d(x.numpy() @ line, y.numpy() @ line, p=2) for line in along.T])
    assert sliced_w2_squared(x, y, 10, 5) == pytest.approx(truth, rel=1e-5)
    assert sliced_w2_squared(x, x + torch.tensor([3.0, 0, 0, 0]), 20_000) == pytest.approx(9 / 4, rel=0.03)


def test_texture_moves_the_patches_and_composition_does_not():
    """Of images that are textures, blurred ones are far, and ones that are shuffled by quarters are at the floor."""
    x = torch.rand(300, 1, 16, 16, generator=DRAWS)
    x = torch.from_numpy(gaussian_filter(x.numpy(), (0, 0, 0.6, 0.6)))
    train, test, real = x[:100], x[100:200], x[200:]
    blurred = torch.from_numpy(gaussian_filter(real.numpy(), (0, 0, 1, 1)))
    near, far = (
        fidelity_card(train, test, part, power=False)["patch_sliced_w1"] for part in (real.roll(8, 3), blurred)
    )
    assert abs(near["value"] - near["floor"]) < 4 * near["spread"] + 0.02
    assert far["value"] > far["floor"] + 10 * far["spread"]
    assert list(far["by_level"]) == ["16x16"]
    assert far["by_level"]["16x16"] == pytest.approx(far["value"])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"at least 7 x 7 pixels, got shapes \(4, 1, 6, 6\)"):
        patch_sliced_w1(torch.rand(4, 1, 6, 6), torch.rand(4, 1, 6, 6))
    with pytest.raises(ValueError, match="as many images"):
        patch_sliced_w1(torch.rand(4, 1, 8, 8), torch.rand(5, 1, 8, 8))
    with pytest.raises(ValueError, match="NaN or infinity"):
        patch_sliced_w1(torch.rand(4, 1, 8, 8), torch.full((4, 1, 8, 8), torch.nan))
    with pytest.raises(ValueError, match="two samples of one size, got 3 and 4"):
        sliced_w2_squared(torch.rand(3, 2), torch.rand(4, 2))
