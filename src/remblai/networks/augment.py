"""Random changes of images that keep what they show: flips, shifts and colours, drawn for each image."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from remblai.config.registry import unknown
from remblai.networks.shapes import IMAGE

REACH = 8
"""An image is shifted by at most this part of its sides, an eighth."""
BRIGHTNESS, CONTRAST = 0.2, 0.5
"""What is added to all values, at most, and by how much their distance from the image's mean is scaled, up or down."""


def flip(x: Tensor, draws: Tensor) -> Tensor:
    """Every image mirrored, left to right."""
    return x.flip(3)


def shift(x: Tensor, draws: Tensor) -> Tensor:
    """Each image moved by a whole number of pixels up to an eighth of each side, one at least; edges are repeated."""
    moved = []
    for axis in (0, 1):
        side = x.shape[2 + axis]
        reach = max(1, side // REACH)
        offset = (draws[:, axis] * (2 * reach + 1)).floor().clamp(max=2 * reach) - reach
        moved.append((torch.arange(side, device=x.device) - offset[:, None]).long().clamp(0, side - 1))
    rows, columns = moved
    image = torch.arange(len(x), device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def colour(x: Tensor, draws: Tensor) -> Tensor:
    """Each image's brightness and contrast changed, and cut to [0, 1]."""
    added = BRIGHTNESS * (2.0 * draws[:, 0] - 1.0)
    scaled = CONTRAST ** (2.0 * draws[:, 1] - 1.0)
    mean = x.mean((1, 2, 3), keepdim=True)
    changed = (x - mean) * scaled[:, None, None, None] + mean + added[:, None, None, None]
    return changed.clamp(0.0, 1.0)


AUGMENTATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"flip": flip, "shift": shift, "colour": colour}
"""Changes by name: (x (n, c, h, w) on [0, 1], draws (n, 2) of the uniform law) -> x, with a gradient in x."""
HALF = {"flip": 0.5}
"""Shares of images that are changed where nothing else is said; of other changes, whose size is drawn, all are."""


def check_augmentations(names: Sequence[str], shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names, each once.

    Raises:
        ValueError: an unknown name, or points instead of images.
    """
    for name in names:
        if name not in AUGMENTATIONS:
            raise unknown("augmentation", name, AUGMENTATIONS)
    if names and len(shape) != IMAGE:
        raise ValueError(f"augment: expected images (c, h, w) to change, got points of shape {shape}: leave it out.")
    return tuple(dict.fromkeys(names))


def augmented(
    x: Tensor, names: Sequence[str], share: Tensor | float | None = None, generator: torch.Generator | None = None
) -> Tensor:
    """Images x (n, c, h, w), each changed by each augmentation in turn with a probability.

    Args:
        x: on [0, 1].
        names: of `AUGMENTATIONS`.
        share: the probability of each; None is a half for flips and 1 for the others.
        generator: of the draws; None is torch's own.
    """
    for name in names:
        draws = torch.rand(len(x), 3, generator=generator, device=x.device)
        probability = HALF.get(name, 1.0) if share is None else share
        changed = AUGMENTATIONS[name](x, draws)
        x = torch.where((draws[:, 2] < probability)[:, None, None, None], changed, x)
    return x
