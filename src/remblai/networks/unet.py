"""A small U-Net of velocities v(x, t), for images of any size."""

import torch
from torch import Tensor, nn

from remblai.networks.auto import convolves
from remblai.networks.classes import Count
from remblai.networks.convolutions import Stage, stages
from remblai.networks.network import image_shape, positive
from remblai.networks.velocity import FREQUENCIES, Perceptron, waves


def auto(shape: tuple[int, ...], width: int | None = None, classes: Count = None) -> nn.Module:
    """The network of velocities that suits the shape: unet for images of 16 pixels a side or more, else mlp.

    Args:
        shape: the shape of one x, (d,) or (c, h, w).
        width: the chosen network's width; None takes that network's default.
        classes: how many, of a conditional model.
    """
    chosen = UNet if convolves(shape) else Perceptron
    return chosen(shape, classes=classes) if width is None else chosen(shape, width=width, classes=classes)


class UNet(nn.Module):
    """v(x, t): images x (n, c, h, w), times t (n,) -> (n, c, h, w), through convolutions that halve and undo it.

    Residual blocks with group normalisation read the time as a shift of their channels; what each halving leaves out
    comes back through a skip connection. Odd sizes and oblong images come back exactly. The last layer starts at 0.
    With classes it is v(x, t, c), where c (n, classes) are indicators: a vector for each class is added to the time's.

    Args:
        shape: (c, h, w), at least 2 pixels a side.
        width: channels of the first level; doubled at each further one.
        widest: the most channels of a level.
        blocks: residual blocks a level, on the way down and on the way up.
        classes: how many, of a conditional model.

    Raises:
        ValueError: points instead of images, a side below 2 pixels, or a count below 1.

    Source: Ronneberger et al. (2015), arXiv 1505.04597; with the time: Ho et al. (2020), arXiv 2006.11239.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 32,
        widest: int = 128,
        blocks: int = 1,
        classes: Count = None,
    ) -> None:
        super().__init__()
        image = image_shape(shape, "unet", "velocity")
        positive(width=width, widest=widest, blocks=blocks)
        self.shape, features = image, 4 * width
        steps = stages((width, *image[1:]), width, widest)
        self.time = nn.Sequential(
            nn.Linear(1 + 2 * FREQUENCIES, features), nn.SiLU(), nn.Linear(features, features), nn.SiLU()
        )
        self.first = nn.Conv2d(image[0], width, 3, padding=1)
        self.down = nn.ModuleList(_Level(stage.inputs, features, blocks) for stage in steps)
        self.halvings = nn.ModuleList(stage.down(bias=True) for stage in steps)
        self.middle = _Level(steps[-1].outputs, features, blocks)
        self.doublings = nn.ModuleList(stage.up(bias=True) for stage in reversed(steps))
        self.merge = nn.ModuleList(_merge(stage) for stage in reversed(steps))
        self.up = nn.ModuleList(_Level(stage.inputs, features, blocks) for stage in reversed(steps))
        self.last = nn.Sequential(_norm(width), nn.SiLU(), nn.Conv2d(width, image[0], 3, padding=1))
        for parameter in self.last[-1].parameters():
            nn.init.zeros_(parameter)
        self.vectors = None if classes is None else nn.Linear(classes, features, bias=False)

    def forward(self, x: Tensor, t: Tensor, *classes: Tensor) -> Tensor:
        """The velocities (n, c, h, w)."""
        time, y = self.time(waves(t)), self.first(x)
        for indicators in classes:
            assert self.vectors is not None
            time = time + self.vectors(indicators.to(time.dtype))
        skipped = []
        for level, halve in zip(self.down, self.halvings, strict=True):
            y = level(y, time)
            skipped.append(y)
            y = halve(y)
        y = self.middle(y, time)
        for double, merge, level in zip(self.doublings, self.merge, self.up, strict=True):
            y = level(merge(torch.cat([double(y), skipped.pop()], 1)), time)
        velocity: Tensor = self.last(y)
        return velocity


class _Level(nn.Module):
    """Residual blocks at one size, each shifted by the time."""

    def __init__(self, channels: int, features: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(channels, features) for _ in range(blocks))

    def forward(self, y: Tensor, time: Tensor) -> Tensor:
        for block in self.blocks:
            y = block(y, time)
        return y


class _Block(nn.Module):
    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.before = nn.Sequential(_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1))
        self.shift = nn.Linear(features, channels)
        self.after = nn.Sequential(_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, y: Tensor, time: Tensor) -> Tensor:
        corrected: Tensor = y + self.after(self.before(y) + self.shift(time)[:, :, None, None])
        return corrected


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(8 if channels % 8 == 0 else 1, channels)


def _merge(stage: Stage) -> nn.Conv2d:
    return nn.Conv2d(2 * stage.inputs, stage.inputs, 1)
