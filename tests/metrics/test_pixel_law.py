"""The monotone map of pixel values, against sorting and against the law that it must reach."""

import numpy as np
import pytest
import torch

from remblai.metrics import with_pixel_law


def test_pixels_of_a_set_of_the_same_size_are_those_of_the_reference_in_the_same_order() -> None:
    draws = torch.Generator().manual_seed(0)
    x, y = (torch.rand(7, 2, 5, 4, generator=draws) ** power for power in (1, 3))
    found = with_pixel_law(x, y)
    for one in range(2):
        own, other, mapped = (part[:, one].flatten() for part in (x, y, found))
        torch.testing.assert_close(mapped[own.argsort()], other.sort().values)


def test_equal_values_stay_equal_and_take_the_middle_of_their_share() -> None:
    x = torch.tensor([0.0, 0.0, 0.0, 1.0]).reshape(1, 1, 2, 2)
    y = torch.tensor([0.0, 0.2, 0.4, 1.0]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(with_pixel_law(x, y).flatten(), torch.tensor([0.2, 0.2, 0.2, 1.0]))


def test_a_change_of_contrast_is_undone() -> None:
    draws = torch.Generator().manual_seed(0)
    images = torch.rand(300, 3, 20, 20, generator=draws)
    pale = 0.5 + 0.2 * (images - 0.5)
    torch.testing.assert_close(with_pixel_law(pale, images), images, atol=0.01, rtol=0)


@pytest.mark.parametrize("other", [np.zeros((3, 2, 4, 4)), np.zeros((3, 4)), np.zeros((0, 1, 4, 4))])
def test_other_shapes_are_refused(other: np.ndarray) -> None:
    with pytest.raises(ValueError, match="as many channels"):
        with_pixel_law(torch.zeros(3, 1, 4, 4), other)
