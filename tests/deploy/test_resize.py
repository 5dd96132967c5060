"""The resizing of the graph is that of the library's own reader."""

import numpy as np
import pytest
import torch
from PIL import Image

from remblai.data.pixels import pixels
from remblai.deploy.resize import MiddleSquare


@pytest.mark.parametrize(
    ("height", "width", "size", "crop"),
    [
        (50, 70, 32, None),
        (40, 71, 32, None),
        (20, 15, 32, None),
        (90, 100, 16, 80),
        (32, 33, 32, 32),
        (32, 32, 32, None),
    ],
)
def test_a_photograph_is_cropped_and_resized_as_pillow_does(
    height: int, width: int, size: int, crop: int | None
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = pixels(Image.fromarray(image), 3, size, crop).transpose(2, 0, 1)
    found = MiddleSquare(size, crop)(torch.from_numpy(image).permute(2, 0, 1)[None])[0].numpy()
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 1e-3


def test_tall_photographs_differ_by_one_at_most_where_nothing_is_clipped() -> None:
    y, x = np.mgrid[:71, :40] / 71
    image = (127 + 100 * np.sin(9 * x + 4 * y * y)).astype(np.uint8)
    expected = pixels(Image.fromarray(image), 1, 32, None)[..., 0]
    found = MiddleSquare(32, None)(torch.from_numpy(image)[None, None])[0, 0].numpy()
    assert np.abs(found - expected).max() <= 1


def test_an_image_of_the_size_stays_with_and_without_a_crop() -> None:
    image = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    for crop in (None, 16, 40):
        assert torch.equal(MiddleSquare(16, crop)(image), image.float())


def test_a_crop_below_the_size_is_refused() -> None:
    with pytest.raises(ValueError, match="at least the size, 32, got 16"):
        MiddleSquare(32, 16)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize(
    ("height", "width", "size", "crop"),
    [
        (40, 60, 16, None),
        (33, 32, 32, None),
        (10, 10, 16, None),
        (40, 60, 16, 32),
        (16, 16, 16, None),
        (20, 30, 16, 16),
    ],
)
def test_colours_are_resized_under_their_alpha(
    height: int, width: int, size: int, crop: int | None, channels: int
) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    image[..., -1][rng.random((height, width)) < 0.3] = 0
    image[..., -1][rng.random((height, width)) < 0.3] = 255
    expected = pixels(Image.fromarray(image, {2: "LA", 4: "RGBA"}[channels]), channels, size, crop).transpose(2, 0, 1)
    found = MiddleSquare(size, crop)(torch.from_numpy(image).permute(2, 0, 1)[None])[0].numpy()
    off = np.abs(found - expected)
    seen = expected[-1] > 16  # below, a step of a colour that is all but invisible is many steps of the quotient
    assert off[-1].max() <= 1
    assert off[:, seen].max() <= 16
    assert (off[:, seen] > 1).mean() < 5e-3
