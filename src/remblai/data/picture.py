"""One picture as a run's model sees it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image
from torch import Tensor

from remblai.data.pages import most_pixels, open_image
from remblai.data.pixels import DAMAGE, DEEPEST, UnfitError, facts, pixels
from remblai.data.units import Units
from remblai.runtime.text import one_line


def picture(source: Path | IO[bytes], name: str, units: Units, options: Mapping[str, Any]) -> Tensor:
    """The picture as the model's x (1, c, h, w), read as the images of a folder are.

    Args:
        source: a file.
        name: what errors call it.
        units: of the run.
        options: of the data: size, crop, max_pixels.

    Raises:
        ValueError: a run of points, a picture that cannot be read, or one of another size where none is resized.
    """
    if units.range is None:
        raise ValueError(f"{one_line(name)} is an image, and the run was trained on points: use a table or an array.")
    c, h, w = units.visible.shape
    try:
        with most_pixels(options.get("max_pixels")), open_image(source) as image:
            array = pixels(image, c, options.get("size"), options.get("crop"), _depth(image, units.kind.name))
    except UnfitError as problem:
        raise ValueError(f"{one_line(name)} {problem}: use a larger one.") from None
    except DAMAGE as problem:
        raise ValueError(f"{one_line(name)} cannot be read as an image ({one_line(str(problem))}).") from None
    if array.shape != (h, w, c):
        raise ValueError(
            f"{one_line(name)} has {array.shape[0]}x{array.shape[1]} pixels, the run's images {h}x{w}: resize it, or "
            f"pass --size{f' {h}' if h == w else ''}."
        )
    return replace(units, layout="nhwc").scale(np.ascontiguousarray(array)[None])


def _depth(image: Image.Image, kind: str) -> str:
    """The type of a picture's numbers in a run of this kind: in one of floats a picture of floats is itself."""
    if kind.startswith("float"):
        return "float32" if facts(image).depth == "float32" else "uint8"
    return kind if kind in DEEPEST else "uint8"
