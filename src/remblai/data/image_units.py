"""The units of images, as they are kept in run.json."""

from typing import Any

import numpy as np

from remblai.data.layout import BYTES
from remblai.data.units import Units


def image_units(shape: tuple[int, ...], dtype: np.dtype[Any], limits: tuple[float, float], layout: str) -> Units:
    """The units of images; what is as in version 0.1 is left None, so that such units are equal to those of old runs.

    Args:
        shape: (c, h, w).
        dtype: of the data.
        limits: the values that the model sees as 0 and 1.
        layout: the axes of the data: nhw, nhwc or nchw.
    """
    plain = Units(shape, (0.0, 1.0))
    return Units(
        shape,
        (0.0, 1.0),
        dtype=None if dtype == np.uint8 else dtype.name,
        limits=None if tuple(limits) == BYTES else (float(limits[0]), float(limits[1])),
        layout=None if layout == plain.axes else layout,
    )
