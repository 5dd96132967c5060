"""The way between pictures and the standardised codes of a pretrained auto-encoder, within a graph."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from remblai.data import Units
from remblai.data.halves import for_graph
from remblai.data.units import by_channel
from remblai.deploy.units import FromData, ToData


class FromPictures(nn.Module):
    """Pictures in their own type, range and layout -> standardised codes (n, k, h, w).

    Args:
        units: of the run's data, which have an auto-encoder.
        options: of the run's data.

    Raises:
        ValueError: an auto-encoder that moved, changed or cannot be read.
    """

    mean: Tensor
    divisor: Tensor

    def __init__(self, units: Units, options: Mapping[str, Any]) -> None:
        super().__init__()
        assert units.codes is not None
        self.from_data, self.to_codes = FromData(units.pictures, options), for_graph(units.codes.halves()[0])
        deviation = by_channel(np.asarray(units.deviation, np.float64))
        self.register_buffer("mean", torch.from_numpy(by_channel(np.asarray(units.mean, np.float64))))
        self.register_buffer("divisor", torch.from_numpy(np.where(deviation == 0, 1.0, deviation)))

    def forward(self, data: Tensor) -> Tensor:
        """The codes, float32."""
        codes: Tensor = self.to_codes(self.from_data(data))
        return ((codes.double() - self.mean) / self.divisor).float()


class ToDecoded(nn.Module):
    """Standardised codes (n, k, h, w) -> pictures in their own type, range and layout. Arguments as `FromPictures`."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, units: Units) -> None:
        super().__init__()
        assert units.codes is not None
        self.to_data, self.to_pictures = ToData(units.pictures), for_graph(units.codes.halves()[1])
        self.register_buffer("mean", torch.from_numpy(by_channel(np.asarray(units.mean, np.float64))))
        self.register_buffer("deviation", torch.from_numpy(by_channel(np.asarray(units.deviation, np.float64))))

    def forward(self, x: Tensor) -> Tensor:
        """The pictures (n, ...)."""
        data: Tensor = self.to_data(self.to_pictures((x.double() * self.deviation + self.mean).float()))
        return data


def from_data(units: Units, options: Mapping[str, Any]) -> nn.Module:
    """Data in their own units -> what the model sees."""
    return FromData(units, options) if units.codes is None else FromPictures(units, options)


def to_data(units: Units) -> nn.Module:
    """What the model gives -> data in their own units."""
    return ToData(units) if units.codes is None else ToDecoded(units)
