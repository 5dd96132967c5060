"""The way between a data set's own units and the model's side, as modules: what `data.Units` does, within a graph."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from remblai.data import Units
from remblai.data.halves import for_graph
from remblai.data.layout import BYTES
from remblai.data.standardise import by_channel
from remblai.deploy.resize import MiddleSquare
from remblai.deploy.scores import FromScores, ToScores


class FromData(nn.Module):
    """Data in their own type, range, layout and units -> x (n, *shape) of the model, which may be codes of them.

    Args:
        units: of the run's data.
        options: of the run's data: images that were resized or cropped when they were read are so in the graph.

    Raises:
        ValueError: a pretrained auto-encoder that moved, changed or cannot be read.
    """

    mean: Tensor
    divisor: Tensor

    def __init__(self, units: Units, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.units, self.middle = units.visible, middle_square(units.visible, options)
        self.to_codes = None if units.codes is None else for_graph(units.codes.halves()[0])
        self.standardised = units.mean is not None
        if self.standardised:
            mean, deviation = _standards(units)
            self.register_buffer("mean", mean)
            self.register_buffer("divisor", deviation.where(deviation != 0, 1.0))
        self.scores = None if units.scores is None else ToScores(units.scores)

    def forward(self, data: Tensor) -> Tensor:
        """x (n, *shape), float32."""
        x = data.flatten(1) if self.units.range is None else self._pictures(data)
        if self.to_codes is not None:
            x = self.to_codes(x.float())
        if not self.standardised:
            return x.float()
        found = (x.double() - self.mean) / self.divisor
        if self.scores is not None:
            found[:, self.scores.columns] = self.scores(x.double())
        return found.float()

    def _pictures(self, data: Tensor) -> Tensor:
        """Images in their own type, range and layout -> (n, c, h, w) on the scale 0 to 1."""
        axes, (low, high) = self.units.axes, self.units.limits or BYTES
        images = data[:, None] if axes == "nhw" else data.permute(0, 3, 1, 2) if axes == "nhwc" else data
        if self.middle is not None:
            images = self.middle(images)
        exact = images.float() if (low, high) == BYTES else images.double()
        return ((exact - low) / (high - low)).clamp(0.0, 1.0)


class ToData(nn.Module):
    """x (n, *shape) of the model -> data in their own type, range, layout and units, whole numbers rounded.

    Args:
        units: of the run's data.

    Raises:
        ValueError: a pretrained auto-encoder that moved, changed or cannot be read.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, units: Units) -> None:
        super().__init__()
        self.units, self.numbers = units.visible, torch_type(units)
        self.to_pictures = None if units.codes is None else for_graph(units.codes.halves()[1])
        self.standardised = units.mean is not None
        if self.standardised:
            mean, deviation = _standards(units)
            self.register_buffer("mean", mean)
            self.register_buffer("deviation", deviation)
        self.scores = None if units.scores is None else FromScores(units.scores)

    def forward(self, x: Tensor) -> Tensor:
        """The data (n, ...), as `Trained.decode` gives them but for the decimal places and whole numbers of tables."""
        units = self.units
        if self.standardised:
            seen = x.double()
            x = seen * self.deviation + self.mean
            if self.scores is not None:
                x[:, self.scores.columns] = self.scores(seen)
        if units.range is None:
            return self._cast(x).reshape(-1, *units.sample_shape)
        if self.to_pictures is not None:
            x = self.to_pictures(x.float())
        low, high = units.limits or BYTES
        exact = x.float() if units.kind.itemsize == 1 else x.double()
        images = self._cast(exact.clamp(0.0, 1.0) * (high - low) + low)
        return images[:, 0] if units.axes == "nhw" else images.permute(0, 2, 3, 1) if units.axes == "nhwc" else images

    def _cast(self, values: Tensor) -> Tensor:
        if self.numbers == torch.bool:
            return values >= 0.5
        if not self.numbers.is_floating_point:
            kept = torch.iinfo(self.numbers)
            values = values.round().clamp(float(kept.min), float(kept.max))
        return values.to(self.numbers)


def _standards(units: Units) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the columns (d,), or of the channels of codes (k, 1, 1), in float64."""
    mean, deviation = (np.asarray(numbers, np.float64) for numbers in (units.mean, units.deviation))
    if units.codes is not None:
        mean, deviation = by_channel(mean), by_channel(deviation)
    return torch.from_numpy(mean), torch.from_numpy(deviation)


def torch_type(units: Units) -> torch.dtype:
    """The type of the data's numbers."""
    return torch.from_numpy(np.empty(0, units.kind)).dtype


def middle_square(units: Units, options: Mapping[str, Any]) -> MiddleSquare | None:
    """What resizes images as they were when they were read; None where they were not, or have more than 8 bits."""
    size, crop = options.get("size"), options.get("crop")
    if units.range is None or units.kind != np.uint8 or (size is None and crop is None):
        return None
    side = units.shape[-1]
    if units.shape[1] != side or (crop is not None and crop < side):
        return None
    return MiddleSquare(side, crop)


def input_shape(units: Units, options: Mapping[str, Any]) -> tuple[int | str, ...]:
    """The shape of a batch of data, with names for axes of any length."""
    if units.range is None:
        return ("n", *units.sample_shape)
    c, h, w = units.shape
    any_size = middle_square(units, options) is not None
    height, width = ("height", "width") if any_size else (h, w)
    return {"nhw": ("n", height, width), "nhwc": ("n", height, width, c), "nchw": ("n", c, height, width)}[units.axes]
