"""Small convolutional classifiers, whose hidden layer gives features and whose output gives class probabilities."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from remblai.runtime.rng import seeded

WIDTH = 64
"""Features of a classifier."""
LARGE = 40
"""Pixels: images with a longer side are halved once more, at the input."""
SMALL = 8
"""Sides are halved by convolutions while they are longer than this."""
POOLED = 4
BATCH = 128
"""Images of a step, by default."""
RATE = 4e-3
SHIFT = 8
"""In training a batch is shifted by at most a side's `SHIFT`-th part."""


class Classifier(nn.Module):
    """Convolutions of 3 x 3 that halve the sides to 8 at most, a linear layer of standardised features, the classes.

    Features are batch-normalised without scale or offset, so that each has mean 0 and variance 1 over the training
    data: a squared Frechet distance on them is in units of a feature's variance.

    Args:
        shape: of an image, (c, h, w).
        classes: how many.
        channels: of the first convolution; each halving doubles them, to `WIDTH` at most.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, channels: int = 16) -> None:
        super().__init__()
        self.shape, self.classes = tuple(shape), classes
        inputs, side = shape[0], max(shape[1:])
        stride = 2 if side > LARGE else 1
        layers: list[nn.Module] = []
        while True:
            layers += [nn.Conv2d(inputs, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            side = -(-side // stride)
            if stride == 2 and side <= SMALL:
                break
            inputs, channels, stride = channels, min(2 * channels, WIDTH), 2
        self.convolutions = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(POOLED), nn.Flatten())
        self.hidden = nn.Linear(channels * POOLED**2, WIDTH, bias=False)
        self.standard = nn.BatchNorm1d(WIDTH, affine=False)
        self.output = nn.Linear(WIDTH, classes)

    def features(self, x: Tensor) -> Tensor:
        """Features (n, `WIDTH`) of images x (n, c, h, w) on the scale 0 to 1."""
        found: Tensor = self.standard(self.hidden(self.convolutions(x)))
        return found

    def logits(self, features: Tensor) -> Tensor:
        """Log-odds (n, classes) of features (n, `WIDTH`)."""
        found: Tensor = self.output(torch.relu(features))
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))


def train_classifier(
    batches: Iterator[tuple[Tensor, Tensor]], shape: tuple[int, ...], classes: int, steps: int, channels: int = 16
) -> Classifier:
    """A classifier trained with Adam and a rate that rises and falls; a function of its arguments alone.

    Args:
        batches: endless images (n, c, h, w) on the scale 0 to 1 with labels (n,).
        shape: of an image.
        classes: how many.
        steps: of the optimiser.
        channels: of the first convolution.
    """
    with seeded(0):
        model = Classifier(shape, classes, channels)
        shifts = torch.Generator().manual_seed(0)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=max(2, steps))
        for _ in range(steps):
            x, labels = next(batches)
            loss = nn.functional.cross_entropy(model(shifted(x, shifts)), labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return model.eval().requires_grad_(False)


def shifted(x: Tensor, generator: torch.Generator) -> Tensor:
    """The batch moved by a random whole number of pixels, at most a side's `SHIFT`-th part; edges are repeated."""
    reach = [side // SHIFT for side in x.shape[2:]]
    padded = nn.functional.pad(x, (reach[1], reach[1], reach[0], reach[0]), mode="replicate")
    top, left = (int(torch.randint(2 * most + 1, (), generator=generator)) for most in reach)
    return padded[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def labelled_batches(
    images: Tensor, labels: Tensor, size: int = BATCH, seed: int = 0
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless shuffled batches of at most `size` rows, each epoch a permutation; the short tail is dropped.

    Args:
        images: (n, ...).
        labels: (n,).
        size: rows of a batch.
        seed: the order is a function of it.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(size, len(labels))
    while True:
        order = torch.randperm(len(labels), generator=generator)
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            yield images[rows], labels[rows]


@torch.no_grad()
def accuracy(model: Classifier, images: Tensor, labels: Tensor) -> float:
    """The share of images (n, c, h, w) whose most likely class is their label (n,)."""
    pairs = zip(torch.split(images, 500), torch.split(labels, 500), strict=True)
    right = [model(x).argmax(1) == y for x, y in pairs]
    return float(torch.cat(right).double().mean())
