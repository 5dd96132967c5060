"""Features of images whose channels are digits of their own, as those of stacked MNIST."""

import torch
from torch import Tensor, nn

from remblai.features.features import Features
from remblai.features.trained import SHIPPED, shipped

CHANNELS = 3


class _EachChannel(nn.Module):
    """Images (n, c, h, w) -> the features of each channel beside each other, (n, c k)."""

    def __init__(self, reader: Features) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.reader(channel[:, None]) for channel in x.unbind(1)], 1)


class _Triples(nn.Module):
    """Features (n, c k) -> the log-probabilities (n, 10^c) of the digits that the channels show together."""

    def __init__(self, reader: Features) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, features: Tensor) -> Tensor:
        assert self.reader.logits is not None
        known, *others = (self.reader.logits(part).log_softmax(1) for part in features.chunk(CHANNELS, 1))
        for other in others:
            known = (known[:, :, None] + other[:, None]).flatten(1)
        return known


def stacked_mnist() -> Features:
    """The 64 features of the classifier `mnist` of each of three channels, whose classes are the 1,000 triples."""
    reader = shipped("mnist")
    shape = (CHANNELS, *SHIPPED["mnist"][1:])
    return Features("stacked-mnist", _EachChannel(reader), reader.sha256, shape=shape, logits=_Triples(reader))
