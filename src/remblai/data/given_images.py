"""Images as people pass them, on the scale that a model sees."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data.layout import BYTES, ROUNDING, Limits, planes


def images_scaled(
    given: NDArray[Any], shape: tuple[int, ...], limits: Limits, kind: np.dtype[Any], axes: str
) -> Tensor:
    """Images (n, ...) of a layout that their shape shows as x (n, c, h, w) on the scale 0 to 1.

    Args:
        given: of the data's values; where these are bytes also floats on the scale 0 to 1, where floats also bytes.
        shape: (c, h, w).
        limits: the data's values that become 0 and 1.
        kind: the type of the data's numbers.
        axes: of the data: nhw, nhwc or nchw.

    Raises:
        ValueError: another shape, or values outside the range.
    """
    c, h, w = shape
    low, high = limits
    unit = given.dtype.kind == "f" and kind == np.uint8  # floats, where the data is bytes
    if unit:
        low, high = 0.0, 1.0
    elif given.dtype == np.uint8 and kind.kind == "f":
        low, high = BYTES
    known = {"nhw": (h, w), "nhwc": (h, w, c), "nchw": (c, h, w)}
    order = ["nchw", "nhwc", "nhw"] if unit else [axes, "nhwc", "nchw", "nhw"]
    layout = next((one for one in order if known[one] == given.shape[1:] and (one != "nhw" or c == 1)), None)
    if layout is None:
        expected = ", ".join(map(str, known[axes]))
        remedy = f"; remblai.data.load(path, size={w}) reads files so" * (h == w)
        if given.shape in known.values():
            remedy = ": it is one image, pass x[None]"
        raise ValueError(
            f"expected images as {kind} (n, {expected}) in {low:g}..{high:g}, got {given.dtype} {given.shape}{remedy}"
        )
    slack = ROUNDING * (high - low)
    if given.size and not (given.min() >= low - slack and given.max() <= high + slack):  # NaN fails both
        raise ValueError(
            f"expected {given.dtype} images in [{low:g}, {high:g}], got values from {given.min():g} to {given.max():g}"
        )
    if given.dtype.kind == "f" and given.size and low < 0.0 and given.min() >= -ROUNDING:
        warnings.warn(
            f"images without values below 0 are taken as part of the range {low:g} to {high:g} of the run's data: "
            "scale them to it if 0 is their black",
            stacklevel=4,
        )
    if not unit and given.dtype.kind == "f" and kind.kind in "ui" and high > 1.0 and given.size and given.max() <= 1.0:
        warnings.warn(
            f"images without values above 1 are taken as part of the range {low:g} to {high:g} of the run's data: "
            "scale them to it if 1 is their white",
            stacklevel=4,
        )
    values = np.ascontiguousarray(planes(given, layout))
    if (low, high) == BYTES:
        return torch.from_numpy(values.astype(np.float32)).div_(255.0)
    scaled = (values.astype(np.float64) - low) / (high - low)
    return torch.from_numpy(scaled.clip(0, 1).astype(np.float32))
