"""What a browser shows: images as RGBA bytes, points of a plane as numbers, rows of tables as text."""

import base64
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from remblai.data import Units
from remblai.data.cells import cells_of
from remblai.data.values import written
from remblai.metrics.reading import number
from remblai.report.images import pixels

LARGE, SMALL = 512, 96
"""The longest side, in pixels, of an image that stands by itself, and of one among many."""
PLANE = 2
"""Columns of points that can be drawn."""
COLUMNS = 60
"""Of rows that are shown as text, at most."""

Payload = dict[str, Any]


def kind_of(units: Units) -> str:
    """How data are shown: as `images`, as `points` of a plane, or as `rows` of text."""
    if units.range is not None:
        return "images"
    return "points" if units.shape == (PLANE,) and (units.mixed is None or units.mixed.plain) else "rows"


def columns_of(units: Units) -> list[str]:
    """The names of the columns of points and rows: the table's own, or the places of the coordinates."""
    return list(units.names or (f"coordinate {place}" for place in range(int(np.prod(units.shape)))))


def check_drawable(units: Units) -> None:
    """Refuses data that the page cannot show.

    Raises:
        ValueError: rows of too many columns.
    """
    if kind_of(units) == "rows" and (columns := len(columns_of(units))) > COLUMNS:
        raise ValueError(
            f"explore: expected images, or points of at most {COLUMNS} columns, got {columns:,} columns: use `remblai "
            "report` or `remblai sample`, or train on some of the columns (--columns)."
        )


def drawable(x: Tensor, units: Units, longest: int = SMALL) -> Payload:
    """Images, points or rows for the browser.

    Args:
        x: (n, ...) on the model's side.
        units: of the data.
        longest: side of an image in pixels; larger ones are shrunk.

    Returns:
        `points` (n, 2) in the data's units; `rows`, n lists of text; or `count`, `height`, `width` and `rgba`, the
        bytes (n, h, w, 4) in base64.

    Raises:
        ValueError: values that are not finite.
    """
    if not bool(x.isfinite().all()):
        raise ValueError("the decoder's output is not finite at this code: choose a code nearer to the prior.")
    if kind_of(units) == "rows":
        return {"rows": _rows(x, units)}
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


def _rows(x: Tensor, units: Units) -> list[list[str]]:
    """Each row's cells as text."""
    columns = map(written, cells_of(x, units).values())
    return [[_text(value) for value in row] for row in zip(*columns, strict=True)]


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "empty" if np.isnan(value) else number(float(value))
    return "empty" if value is None else str(value)
