"""What a browser draws: images as RGBA bytes, points of a plane as numbers."""

import base64
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from remblai.data import Units
from remblai.report.images import pixels

LARGE, SMALL = 512, 96
"""The longest side, in pixels, of an image that stands by itself, and of one among many."""
PLANE = 2
"""Columns of points that can be drawn."""

Payload = dict[str, Any]


def check_drawable(units: Units) -> None:
    """Refuses data that the page cannot draw.

    Raises:
        ValueError: points of other than 2 columns.
    """
    if units.range is None and units.shape != (PLANE,):
        columns = "x".join(str(size) for size in units.shape)
        if units.mixed is not None:
            columns += f", for words, and gaps, have a column each ({len(units.mixed.names)} columns of the table)"
        raise ValueError(
            f"explore: expected images or points of {PLANE} columns, got points of {columns}: use `remblai report` or "
            "`remblai sample`, or train on two of the columns (--columns)."
        )


def drawable(x: Tensor, units: Units, longest: int = SMALL) -> Payload:
    """Images or points for the browser.

    Args:
        x: (n, ...) on the model's side.
        units: of the data.
        longest: side of an image in pixels; larger ones are shrunk.

    Returns:
        `points` (n, 2) in the data's units, or `count`, `height`, `width` and `rgba`, the bytes (n, h, w, 4) in base64.

    Raises:
        ValueError: values that are not finite.
    """
    if not bool(x.isfinite().all()):
        raise ValueError("the decoder's output is not finite at this code: choose a code nearer to the prior.")
    if units.range is None:
        return {"points": np.asarray(units.restore(x), dtype=np.float64).reshape(len(x), -1).tolist()}
    shown = pixels(units.display(x))
    height, width = shown.shape[1:3]
    scale = longest / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shrunk = [Image.fromarray(one, "RGBA").resize(size, Image.Resampling.BOX) for one in shown]
        shown = np.stack([np.asarray(one) for one in shrunk])
    count, height, width = shown.shape[:3]
    text = base64.b64encode(np.ascontiguousarray(shown).tobytes()).decode()
    return {"count": count, "height": height, "width": width, "rgba": text}
