"""Augmentations of images against what they say, pixel by pixel."""

import pytest
import torch

from remblai.networks.augment import AUGMENTATIONS, augmented, check_augmentations, colour, flip, shift


def test_a_shift_moves_each_image_by_whole_pixels_and_repeats_its_edges() -> None:
    x, draws = torch.rand(5, 2, 17, 16), torch.tensor([[0.0, 0.0], [0.5, 0.5], [0.999, 0.3], [1.0, 1.0], [0.2, 0.8]])
    found = shift(x, draws)
    for image, moved, (down, right) in zip(x, found, ((-2, -2), (0, 0), (2, -1), (2, 2), (-1, 2)), strict=True):
        for row in range(17):
            for column in range(16):
                source = image[:, min(max(row - down, 0), 16), min(max(column - right, 0), 15)]
                assert torch.equal(moved[:, row, column], source)


def test_a_flip_is_a_mirror_and_colours_stay_in_their_range() -> None:
    x = torch.rand(4, 3, 5, 6)
    assert torch.equal(flip(x, torch.rand(4, 2))[:, :, :, 0], x[:, :, :, 5])
    assert torch.allclose(colour(x, torch.full((4, 2), 0.5)), x, atol=1e-6)  # nothing added, scaled by 1
    changed = colour(x, torch.tensor([[1.0, 0.0]]).expand(4, 2))  # 0.2 brighter, twice the contrast
    mean = x.mean((1, 2, 3), keepdim=True)
    assert torch.allclose(changed, ((x - mean) * 2.0 + mean + 0.2).clamp(0, 1), atol=1e-6)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_share_of_the_images_is_changed_alike_for_one_seed_and_the_gradient_passes(name: str) -> None:
    x = torch.rand(2000, 1, 8, 8)
    found = [augmented(x, [name], 0.3, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*found)
    share = float((found[0] != x).flatten(1).any(1).double().mean())
    most = 0.3 * (8 / 9 if name == "shift" else 1.0)  # a ninth of the shifts is one by nothing
    assert abs(share - most) < 4 * (0.21 / 2000) ** 0.5
    assert torch.equal(augmented(x, [name], 0.0), x)
    leaf = x.clone().requires_grad_()
    augmented(leaf, [name]).sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.abs().sum() > 0


def test_names_are_checked_and_points_are_refused() -> None:
    assert check_augmentations(["flip", "shift", "flip"], (1, 8, 8)) == ("flip", "shift")
    assert check_augmentations([], (2,)) == ()
    with pytest.raises(ValueError, match=r"unknown augmentation 'flp'.*flip"):
        check_augmentations(["flp"], (1, 8, 8))
    with pytest.raises(ValueError, match="augment: expected images"):
        check_augmentations(["flip"], (2,))
