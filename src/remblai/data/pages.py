"""Image files: which formats are opened, and files of several pages."""

import functools
import importlib
from pathlib import Path
from typing import IO, Literal

from PIL import Image

Pages = Literal["first", "frames", "channels"]
"""Of a file of several pages: the first alone, each as an image, or all as the channels of one image."""

FORMATS = ("PNG", "JPEG", "MPO", "JPEG2000", "BMP", "DIB", "GIF", "WEBP", "AVIF", "HEIF", "TIFF", "PPM", "TGA")
"""What is opened, whatever a file's name: no format that starts another program, as PostScript does."""
COMMON = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".bmp", ".dib", ".gif", ".webp")
SUFFIXES = frozenset((*COMMON, ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".tga"))
PLUGINS = {".heic": "pillow_heif", ".heif": "pillow_heif", ".avif": "pillow_avif"}
"""Suffixes that Pillow may need another package for, and that package."""
EXTRA = "pip install 'remblai[images]' reads them"


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
    return {suffix: EXTRA for suffix in PLUGINS if suffix not in suffixes()}


def open_image(source: Path | IO[bytes]) -> Image.Image:
    """Opens an image without decoding it.

    Raises:
        OSError: the file is missing, unreadable or of no format that is opened.
    """
    return Image.open(source, formats=formats())


def page_count(image: Image.Image) -> int:
    """How many pages a file has; the previews that cameras put beside a JPEG are none."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
