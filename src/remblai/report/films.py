"""Films of sheets of images, back and forth: GIF by Pillow, MP4 by PyAV."""

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from remblai.report.images import grid
from remblai.runtime.files import whole
from remblai.runtime.suffixes import FILMS

FRAME = 80
"""Milliseconds."""
QUALITY = "18"
"""Of x264, where 0 is without loss: no difference is seen from about here."""


def save_film(path: str | Path, frames: Sequence[Any], columns: int | None = None) -> None:
    """Writes a film that plays sheets of images back and forth, whole or not at all; a GIF plays without end.

    Args:
        path: of the .gif or .mp4.
        frames: the images of each frame, as many in each; see `images.pixels`.
        columns: images a row of the sheet.

    Raises:
        ValueError: another kind of file, or an .mp4 without the package av.
    """
    path = Path(path)
    encode = encoder_of(path)
    sheets = [_on_white(grid(images, columns)) for images in frames]
    film = sheets + sheets[-2:0:-1]
    with whole(path) as temporary:
        encode(temporary, film)


def encoder_of(path: Path) -> Callable[[Path, Sequence[Image.Image]], None]:
    """What writes such a film.

    Raises:
        ValueError: see `save_film`.
    """
    if path.suffix == ".gif":
        return _write_gif
    if path.suffix != ".mp4":
        raise ValueError(f"expected a film's name to end in {' or '.join(FILMS)}, got {str(path)!r}.")
    try:
        import av
    except ImportError as error:
        raise ValueError("writing .mp4 needs the package av: pip install 'remblai[video]'") from error
    return partial(_write_mp4, av)


def _write_gif(path: Path, film: Sequence[Image.Image]) -> None:
    film[0].save(path, "GIF", save_all=True, append_images=film[1:], duration=FRAME, loop=0)


def _write_mp4(av: ModuleType, path: Path, film: Sequence[Image.Image]) -> None:
    """H.264 in the pixel format that all players have, whose sides are even: a white edge is added where one is odd."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=round(1000 / FRAME), options={"crf": QUALITY})
        width, height = film[0].size
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        for sheet in film:
            padded = ImageOps.expand(sheet, (0, 0, width % 2, height % 2), "white")
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(padded), format="rgb24")))
        container.mux(stream.encode())


def _on_white(png: bytes) -> Image.Image:
    """A sheet without transparency, of which a GIF has one bit only and a video none."""
    with Image.open(io.BytesIO(png)) as sheet:
        paper = Image.new("RGBA", sheet.size, "white")
        paper.alpha_composite(sheet.convert("RGBA"))
    return paper.convert("RGB")
