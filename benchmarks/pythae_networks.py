"""Networks of ours in the form that pythae's models take."""

from typing import Any

import torch
from torch import Tensor, nn

START = -4.0
"""The log-variance at which a random encoder starts, about: that of our Gaussian encoders."""


def in_pythae(encoder: nn.Module, decoder: nn.Module, random: bool = False) -> dict[str, nn.Module]:
    """The keyword arguments of a model of pythae: these networks as its encoder and decoder.

    Args:
        encoder: images -> codes (n, k), or (n, 2 k) of a random encoder: means, and log-variances less `START`.
        decoder: codes (n, k) -> images before the sigmoid.
        random: whether the encoder is.
    """
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = encoder

        def forward(self, x: Tensor) -> Any:
            if not random:
                return ModelOutput(embedding=self.body(x))
            mean, log_variance = self.body(x).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_variance + START)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=torch.sigmoid(self.body(z)))

    return {"encoder": Encoder(), "decoder": Decoder()}
