"""Image files: which formats are opened, up to which size, and files of several pages."""

import functools
import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from PIL import Image

from remblai.data.rows import available

Pages = Literal["first", "frames", "channels"]
"""Of a file of several pages: the first alone, each as an image, or all as the channels of one image."""

FORMATS = ("PNG", "JPEG", "MPO", "JPEG2000", "BMP", "DIB", "GIF", "WEBP", "AVIF", "HEIF", "TIFF", "PPM", "TGA")
"""What is opened, whatever a file's name: no format that starts another program, as PostScript does."""
COMMON = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".bmp", ".dib", ".gif", ".webp")
SUFFIXES = frozenset((*COMMON, ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga"))
PLUGINS = {".heic": "pillow_heif", ".heif": "pillow_heif", ".avif": "pillow_avif"}
"""Suffixes that Pillow may need another package for, and that package."""
PIXEL_BYTES = 8
"""Memory that decoding takes, a pixel: four channels, and a copy of them."""
LARGE = 1 << 30
"""Images that take fewer bytes are decoded without a look at the memory that is free."""
HINTS = dict.fromkeys((".heic", ".heif"), "pip install 'remblai[images]' reads them")
HINTS[".avif"] = "pip install 'pillow>=11.3' reads them"


@functools.cache
def formats() -> tuple[str, ...]:
    """The formats that this Pillow opens, with its plugins where they are installed."""
    for package in dict.fromkeys(PLUGINS.values()):
        try:
            module = importlib.import_module(package)
        except ImportError:
            continue
        if hasattr(module, "register_heif_opener"):
            module.register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@functools.cache
def suffixes() -> frozenset[str]:
    """The suffixes of files that are read as images."""
    here = {"HEIF": (".heic", ".heif"), "AVIF": (".avif",)}
    return SUFFIXES.union(*(kinds for name, kinds in here.items() if name in formats()))


def hints() -> dict[str, str]:
    """Suffix -> what would read such files, for those that this Pillow does not open."""
    return {suffix: hint for suffix, hint in HINTS.items() if suffix not in suffixes()}


def open_image(source: Path | IO[bytes]) -> Image.Image:
    """Opens an image without decoding it.

    Raises:
        OSError: the file is missing, unreadable or of no format that is opened, or larger than the memory that is free.
        Image.DecompressionBombError: it has more pixels than `most_pixels` allows.
    """
    image = Image.open(source, formats=formats())
    needed = image.width * image.height * PIXEL_BYTES
    if needed > LARGE and needed > available():
        raise OSError(f"it needs {needed / 1e9:.1f} GB of memory, of which {available() / 1e9:.1f} GB are free")
    return image


@contextmanager
def most_pixels(most: int | None) -> Iterator[None]:
    """Within it images of up to so many pixels are opened, on every thread; None leaves Pillow's limit, 179 million.

    Raises:
        ValueError: fewer than 1.
    """
    if most is not None and most < 1:
        raise ValueError(f"max_pixels: expected at least 1 pixel, got {most}")
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Pillow warns from half of its limit
        try:
            if most is not None:
                Image.MAX_IMAGE_PIXELS = most / 2  # type: ignore[assignment]  # Pillow compares with twice this
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def page_count(image: Image.Image) -> int:
    """How many pages a file has; the previews that cameras put beside a JPEG are none."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
