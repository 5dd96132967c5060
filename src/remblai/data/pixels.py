"""One picture of any kind, through Pillow, to bytes (h, w, c)."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's readers raise at a damaged file."""

_GREY = {"1", "L", "LA", "La", "I", "F"}
_JPEG_GAP = 3  # Pillow's own advice for a reduced JPEG that nobody can tell from a full one
_ORIENTATION = 0x0112
_TURNED = 5  # orientations from here on swap width and height


class UnfitError(ValueError):
    """A whole picture that cannot be used: too small, or of a kind whose range nobody knows."""


@dataclass(frozen=True)
class Facts:
    """What a picture's header says: width and height as shown, colour or grey, with alpha or without."""

    width: int
    height: int
    colour: bool
    alpha: bool


def facts(image: Image.Image) -> Facts:
    """Reads a picture's header without decoding it.

    Raises:
        UnfitError: a picture of one pixel's height or width, or of 32-bit pixels.
    """
    _fit(image)
    exif = image.getexif() if image.format != "PNG" or "exif" in image.info else {}  # a PNG's may decode all of it
    width, height = image.size if exif.get(_ORIENTATION, 1) < _TURNED else image.size[::-1]
    grey = image.mode in _GREY or image.mode.startswith("I;16")
    return Facts(width, height, not grey, bool(image.has_transparency_data))


def pixels(image: Image.Image, channels: int, size: int | None, crop: int | None) -> NDArray[np.uint8]:
    """Decodes a picture: turned as its EXIF says, cropped, resized, with the channels asked for.

    Args:
        image: an opened picture.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. Alpha that is not asked for is laid on white.
        size: the shorter side becomes this and the middle square is kept (bicubic, with antialiasing); or None.
        crop: the middle square of so many pixels is cut out first; or None.

    Returns:
        (h, w, channels) uint8; 16-bit pixels are divided by 257.

    Raises:
        UnfitError: a picture of one pixel's height or width, smaller than the crop, or of 32-bit pixels.
    """
    _fit(image)
    if size is not None and crop is None:
        image.draft(None, (_JPEG_GAP * size, _JPEG_GAP * size))  # large photographs decode several times faster
    image = _channels(_eight_bits(ImageOps.exif_transpose(image)), channels)
    if crop is not None:
        if min(image.size) < crop:
            raise UnfitError(f"is {image.width}x{image.height}, smaller than the crop of {crop}x{crop}")
        left, top = (image.width - crop) // 2, (image.height - crop) // 2
        image = image.crop((left, top, left + crop, top + crop))
    if size is not None:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    array = np.asarray(image, dtype=np.uint8)
    return array.reshape(*array.shape[:2], channels)


def _fit(image: Image.Image) -> None:
    if min(image.size) < 2:
        raise UnfitError(f"is {image.width}x{image.height}: expected pictures of at least 2x2 pixels")
    if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):  # before Pillow 11, "I" of a PNG is 16 bit
        raise UnfitError("has 32-bit pixels, whose range is not known: save it with 8 or 16 bits, or as .npy")


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    return Image.fromarray(np.round(np.asarray(image, dtype=np.float32) / 257).clip(0, 255).astype(np.uint8))


def _channels(image: Image.Image, channels: int) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels in {1, 3}:  # what lies under transparent pixels is often garbage: paper shows instead
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode not in {"L", "RGB"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])
