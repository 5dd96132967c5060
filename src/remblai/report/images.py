"""Pictures made of images: grids with gaps, data beside reconstructions, interpolations. All are PNG bytes."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from remblai.report.figures import LONGEST
from remblai.report.style import LIGHT, TYPE, Theme
from remblai.runtime.files import whole

Bytes = NDArray[np.uint8]
CELL = 112  # pixels: images smaller than this are enlarged, smoothly
NAME = 24  # pixels: the size of the names of rows
WIDEST = 2400  # pixels: larger pictures are not sharper on a page


def pixels(images: Any) -> Bytes:
    """Images as RGBA bytes (n, h, w, 4).

    Args:
        images: floats on the [0, 1] scale (n, c, h, w), clipped; or bytes (n, h, w) or (n, h, w, c). Of 2 channels the
            first is shown, of more than 4 the first 3.

    Raises:
        ValueError: another shape or type, or NaN.
    """
    x = np.asarray(images.detach().cpu() if hasattr(images, "detach") else images)
    if x.dtype == np.uint8 and x.ndim in (3, 4):
        x = x[..., None] if x.ndim == 3 else x
    elif np.issubdtype(x.dtype, np.floating) and x.ndim == 4:
        if np.isnan(x).any():
            raise ValueError("images: expected numbers, got NaN: the model that drew them has diverged.")
        x = np.rint(x.clip(0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    else:
        raise ValueError(
            "images must be floats (n, c, h, w) on the [0, 1] scale or bytes (n, h, w[, c]), "
            f"not {x.dtype} of shape {x.shape}."
        )
    if 0 in x.shape:
        raise ValueError(f"images: expected at least one of at least one pixel, got shape {x.shape}: draw one first.")
    channels = x.shape[-1]
    colours = x[..., :3] if channels >= 3 else x[..., :1].repeat(3, axis=-1)
    alpha = x[..., 3:4] if channels == 4 else np.full_like(x[..., :1], 255)
    return np.concatenate([colours, alpha], axis=-1)


def grid(images: Any, columns: int | None = None) -> bytes:
    """Images in rows, with gaps, small ones enlarged smoothly. See `pixels` for what an image may be.

    Args:
        images: n of them.
        columns: images a row; about square when None.
    """
    x = pixels(images)
    columns = columns or math.ceil(math.sqrt(len(x)))
    return _png(_lay([x[i : i + columns] for i in range(0, len(x), columns)]))


def save_grid(path: str | Path, images: Any, columns: int | None = None) -> None:
    """Writes `grid` to a PNG file, whole or not at all."""
    picture = grid(images, columns)
    with whole(Path(path)) as temporary:
        temporary.write_bytes(picture)


def named_rows(images: Any, names: Sequence[str], columns: int, *, theme: Theme = LIGHT) -> bytes:
    """A sheet of images with a name at the left of each row.

    Args:
        images: (rows * columns, ...); see `pixels`.
        names: of the rows.
        columns: images a row.
        theme: the colours; the names are in its ink.
    """
    x = pixels(images)
    sheet = _lay([x[i : i + columns] for i in range(0, len(x), columns)])
    font = ImageFont.truetype(findfont(FontProperties(family=TYPE["font.sans-serif"])), NAME)
    shown = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    left = round(max(font.getlength(name) for name in shown)) + NAME
    picture = Image.new("RGBA", (left + sheet.width, sheet.height))
    picture.paste(sheet, (left, 0))
    pen = ImageDraw.Draw(picture)
    for row, name in enumerate(shown):
        pen.text((left - NAME, (row + 0.5) * sheet.height / len(names)), name, theme.ink, font, anchor="rm")
    return _png(picture)


def save_above(path: str | Path, images: Any, below: Any, columns: int = 16) -> None:
    """Writes each row of images above the row of those that belong to them to a PNG file, whole or not at all.

    Args:
        path: of the .png.
        images: n of them; see `pixels`.
        below: as many.
        columns: images a row.
    """
    both = [pixels(images), pixels(below)]
    picture = _png(_lay([x[i : i + columns] for i in range(0, len(both[0]), columns) for x in both]))
    with whole(Path(path)) as temporary:
        temporary.write_bytes(picture)


def beside(data: Any, reconstructions: Any, columns: int = 4) -> bytes:
    """Pairs of an image and its reconstruction, close together, the pairs apart.

    Args:
        data: images (n, ...).
        reconstructions: as many.
        columns: pairs a row.
    """
    x, y = pixels(data), pixels(reconstructions)
    if x.shape != y.shape:
        raise ValueError(f"images: expected a reconstruction of each, got shapes {x.shape} and {y.shape}: pass pairs.")
    pairs = np.stack([x, y], axis=1).reshape(-1, *x.shape[1:])
    wide = 2 * columns
    return _png(_lay([pairs[i : i + wide] for i in range(0, len(pairs), wide)], groups=[2] * columns))


def paths(steps: Any, ends: tuple[Any, Any] | None = None) -> bytes:
    """Interpolations, one a row; with `ends`, the real images stand apart at both sides.

    Args:
        steps: images (rows, steps, ...) decoded along each path.
        ends: the real images (rows, ...) that each path starts and ends at.
    """
    rows = [pixels(row) for row in steps]
    if ends is None:
        return _png(_lay(rows))
    first, last = pixels(ends[0]), pixels(ends[1])
    rows = [np.concatenate([first[i : i + 1], row, last[i : i + 1]]) for i, row in enumerate(rows)]
    return _png(_lay(rows, groups=[1, len(rows[0]) - 2, 1]))


def _lay(rows: Sequence[Bytes], groups: Sequence[int] | None = None) -> Image.Image:
    """Cells on a transparent background: narrow gaps between cells, wide ones between groups of columns and rows."""
    height, width = _cell(rows[0].shape[1:3], max(len(row) for row in rows))
    gap = max(2, round(min(height, width) * 0.05))
    lefts = _lefts(max(len(row) for row in rows), width, gap, groups)
    between = gap if groups is None else 2 * gap
    picture = Image.new("RGBA", (lefts[-1] + width, len(rows) * (height + between) - between))
    mask = _rounded(height, width)
    for i, row in enumerate(rows):
        for image, left in zip(row, lefts, strict=False):
            cell = _enlarged(image, height, width)
            cell.putalpha(Image.fromarray(np.minimum(np.asarray(cell.getchannel("A")), mask)))
            picture.paste(cell, (left, i * (height + between)))
    return picture


def _lefts(columns: int, width: int, gap: int, groups: Sequence[int] | None) -> list[int]:
    first_of_group = set(np.cumsum(groups)) if groups else set()
    lefts, left = [], 0
    for column in range(columns):
        left += 3 * gap if column in first_of_group else 0
        lefts.append(left)
        left += width + gap
    return lefts


def _cell(size: tuple[int, ...], columns: int) -> tuple[int, int]:
    """Height and width of a cell: enlarged to CELL, shrunk where a row would be wider than WIDEST."""
    height, width = size
    scale = min(max(1.0, CELL / max(height, width)), WIDEST / (columns * width * 1.1))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _enlarged(image: Bytes, height: int, width: int) -> Image.Image:
    """Resized with Lanczos' filter; colours are weighted by alpha, so that transparent pixels don't bleed."""
    picture = Image.fromarray(image, "RGBA")
    if picture.size == (width, height):
        return picture
    return picture.convert("RGBa").resize((width, height), Image.Resampling.LANCZOS).convert("RGBA")


def _rounded(height: int, width: int) -> Bytes:
    """An alpha mask with gently rounded corners, drawn large and shrunk so that its edge is smooth."""
    fine = 4
    mask = Image.new("L", (width * fine, height * fine), 0)
    corner = round(min(height, width) * 0.045 * fine)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * fine - 1, height * fine - 1), corner, fill=255)
    return np.asarray(mask.resize((width, height), Image.Resampling.BOX))


def _png(picture: Image.Image) -> bytes:
    colours = np.asarray(picture)
    if (colours[..., :1] == colours[..., 1:3]).all():
        picture = picture.convert("LA")  # half the file
    file = io.BytesIO()
    picture.save(file, "PNG")  # optimize=True takes 7 times as long, for 4 % of the bytes
    return file.getvalue()
