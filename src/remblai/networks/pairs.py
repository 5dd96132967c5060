"""Critics of pairs: a point of the data and a code, scored together."""

import math

import torch
from torch import Tensor, nn

from remblai.networks.auto import convolves
from remblai.networks.mlp import mlp
from remblai.networks.network import Network, positive


class PairCritic(nn.Module):
    """A score of flat pairs (x, z), (n, d + k) -> (n,): a perceptron of features of x beside z, d the entries of one x.

    The features are x itself for points and for images of less than 16 pixels a side; for larger images they are the
    outputs of another network that is built like the model's encoder.

    Args:
        network: the model's network pair, for the shape of x and for the encoder of images.
        latent: k, the number of coordinates of a code.
        width: units per hidden layer, and features of an image.
        depth: hidden layers of the perceptron.
        classes: coordinates of a class, which follow those of the code in a conditional model; 0 where there are none.

    Raises:
        ValueError: latent or width below 1, or depth below 0.
    """

    def __init__(self, network: Network, latent: int, width: int = 256, depth: int = 2, classes: int = 0) -> None:
        super().__init__()
        positive(latent=latent, width=width)
        self.shape, self.latent, self.classes = network.shape, latent, classes
        self.entries = math.prod(network.shape)
        large = convolves(self.shape)
        self.body = nn.Sequential(network.encoder(width), nn.ReLU()) if large else nn.Flatten()
        self.head = mlp((width if large else self.entries) + latent + classes, 1, width, depth)

    def forward(self, pairs: Tensor) -> Tensor:
        """The score of each pair: (n, d + k) -> (n,)."""
        x, z = torch.split(pairs, [self.entries, self.latent + self.classes], 1)
        scores: Tensor = self.head(torch.cat([self.body(x.reshape(-1, *self.shape)), z], dim=1))
        return scores.squeeze(1)


def paired(x: Tensor, z: Tensor) -> Tensor:
    """The flat pairs that such a critic scores: x (n, ...) and z (n, k) -> (n, d + k)."""
    return torch.cat([x.flatten(1).to(z.dtype), z], dim=1)
