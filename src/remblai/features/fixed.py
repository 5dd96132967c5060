"""Feature maps that nothing is trained for: pixels, random convolutions, principal components."""

import math

import torch
from torch import Tensor, nn

from remblai.features.features import Features
from remblai.features.source import Source, spread
from remblai.features.weights import digest_of

FITTED_ON = 5000
"""Rows of the training split that principal components are fitted to, at most."""
CHANNELS = (16, 24, 32)
"""Of the three random convolutions."""
GAIN = 16.0
"""Brings their features, small for images on the scale 0 to 1, near a deviation of 1, where the cubic kernel bends."""


class Pixels(nn.Module):
    """The values themselves, flattened."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class RandomConvolutions(nn.Module):
    """Three random convolutions of 3 x 3 with ReLU, sides halved between them; mean and deviation of each channel.

    The filters of the first sum to 0 over each channel of the image, so that it sees edges; weights are normal with
    variance 2 / inputs (He et al. 2015), and a function of the seed and of the number of channels alone.

    Args:
        inputs: channels of the images.
        seed: of the weights.
    """

    def __init__(self, inputs: int, seed: int = 0) -> None:
        super().__init__()
        self.inputs = inputs
        draws = torch.Generator().manual_seed(seed)
        for index, channels in enumerate(CHANNELS):
            weights = torch.randn(channels, inputs, 3, 3, generator=draws) * (2 / (9 * inputs)) ** 0.5
            if index == 0:
                weights -= weights.mean((2, 3), keepdim=True)
            self.register_buffer(f"filters{index}", weights)
            inputs = channels

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 4 or x.shape[1] != self.inputs:
            raise ValueError(
                f"features random-convolutions: expected images (n, {self.inputs}, h, w), as those they were made for, "
                f"got {tuple(x.shape)}: load the data with --channels {self.inputs}, or make the features for these."
            )
        found = []
        for index in range(len(CHANNELS)):
            if index:
                x = nn.functional.avg_pool2d(x, [min(2, side) for side in x.shape[2:]])
            x = nn.functional.conv2d(
                nn.functional.pad(x, (1, 1, 1, 1), mode="replicate"), self.get_buffer(f"filters{index}")
            ).relu()
            mean = x.mean((2, 3))
            # a norm, because std_mean takes two to six times as long on a CPU; at 0 its gradient is 0
            deviation = torch.linalg.vector_norm(x - mean[..., None, None], dim=(2, 3)) / math.prod(x.shape[2:]) ** 0.5
            found += [mean, deviation]
        return GAIN * torch.cat(found, 1)


class Components(nn.Module):
    """Coordinates along principal components, (x - mean) @ axes.

    Args:
        mean: (d,).
        axes: (d, k), orthonormal.
    """

    mean: Tensor
    axes: Tensor

    def __init__(self, mean: Tensor, axes: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("axes", axes)

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1) - self.mean) @ self.axes


def pixels() -> Features:
    """The values themselves: nothing is extracted. Blur and copies score well on them."""
    return Features("pixels", Pixels(), digest_of({}, "pixels"), in_units_of_data=True)


def random_convolutions(shape: tuple[int, ...], seed: int = 0) -> Features:
    """Mean and deviation of 72 random filters of edges and textures: for images of any size, the same on every machine.

    Args:
        shape: of an image, (c, h, w).
        seed: of the filters.

    Raises:
        ValueError: data that are no images.
    """
    if len(shape) != 3:
        raise ValueError(
            f"features random-convolutions: expected images (c, h, w), got points of shape {tuple(shape)}: use pixels "
            "or pca."
        )
    network = RandomConvolutions(shape[0], seed)
    return Features("random-convolutions", network, digest_of(dict(network.named_buffers())))


def pca(dataset: Source, components: int = 32) -> Features:
    """Coordinates along the principal components of the training split: of at most 5,000 rows, spread over all of it.

    Args:
        dataset: whose training split they are fitted to.
        components: how many; fewer where the data have fewer numbers or rows.

    Raises:
        ValueError: fewer than 2 training rows, fewer than 1 component, or training rows that are all equal.
    """
    rows = dataset.train[spread(len(dataset.train), FITTED_ON)].flatten(1).double()
    if len(rows) < 2 or components < 1:
        raise ValueError(
            f"features pca: expected at least 2 training rows and 1 component, got {len(rows)} and {components}."
        )
    mean = rows.mean(0)
    _, values, axes = torch.linalg.svd(rows - mean, full_matrices=False)
    k = min(components, int((values > 1e-6 * values[0]).sum()))
    if k == 0:
        raise ValueError("features pca: the training rows are all equal, there is no direction to take: use pixels.")
    axes = axes[:k]
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))  # the sign of a component is a convention
    network = Components(mean.float(), (axes * largest.sign()).T.float().contiguous())
    return of_components(f"pca-{k}", network, dataset.shape)


def of_components(name: str, network: Components, shape: tuple[int, ...]) -> Features:
    """The features of principal components.

    Args:
        name: what figures call them.
        network: the components.
        shape: of one x.
    """
    sha256 = digest_of(dict(network.named_buffers()))
    return Features(name, network, sha256, shape=shape, in_units_of_data=True)
