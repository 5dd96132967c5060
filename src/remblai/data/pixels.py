"""One picture of any kind, through Pillow, to numbers (h, w, c) in its own type."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from remblai.data.pages import page_count

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

DEEPEST = ("float32", "int32", "uint16")
"""Types of numbers of more than 8 bits, the one that holds the others first."""
_GREY = {"1", "L", "LA", "La", "I", "F"}
_JPEG_GAP = 3  # Pillow's own advice for a reduced JPEG that nobody can tell from a full one
_ORIENTATION = 0x0112
_TURNED = 5  # orientations from here on swap width and height
_16_TO_8 = 257


class UnfitError(ValueError):
    """A whole picture that cannot be used: too small, or of a kind that does not go with the others."""


@dataclass(frozen=True)
class Facts:
    """What a picture's header says.

    Attributes:
        width, height: as shown.
        colour: colour or grey. alpha: with alpha or without.
        depth: the type of its numbers: uint8, uint16, int32 or float32.
        pages: of the file. narrowed: whether its 16-bit colours are read with 8 bits, as Pillow does.
    """

    width: int
    height: int
    colour: bool
    alpha: bool
    depth: str = "uint8"
    pages: int = 1
    narrowed: bool = False


def facts(image: Image.Image) -> Facts:
    """Reads a picture's header without decoding it.

    Raises:
        UnfitError: a picture of one pixel's height or width.
    """
    _fit(image)
    exif = image.getexif() if image.format != "PNG" or "exif" in image.info else {}  # a PNG's may decode all of it
    width, height = image.size if exif.get(_ORIENTATION, 1) < _TURNED else image.size[::-1]
    grey = image.mode in _GREY or image.mode.startswith("I;16")
    alpha = bool(image.has_transparency_data)
    narrowed = not image.mode.startswith("I") and any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    return Facts(width, height, not grey, alpha, _depth(image), page_count(image), narrowed)


def pixels(image: Image.Image, channels: int, size: int | None, crop: int | None, depth: str = "uint8") -> NDArray[Any]:
    """Decodes a picture: turned as its EXIF says, cropped, resized, with the channels asked for.

    Args:
        image: an opened picture.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. Alpha that is not asked for is laid on white.
        size: the shorter side becomes this and the middle square is kept (bicubic, with antialiasing); or None.
        crop: the middle square of so many pixels is cut out first; or None.
        depth: the type of the numbers; all but uint8 are for grey pictures only.

    Returns:
        (h, w, channels); 16-bit pixels are divided by 257 for uint8, 8-bit ones multiplied by it for uint16.

    Raises:
        UnfitError: a picture of one pixel's height or width, smaller than the crop, or of 32-bit pixels for uint8.
    """
    _fit(image)
    if depth != "uint8":
        return _deep(ImageOps.exif_transpose(image), size, crop, depth)
    if _depth(image) in ("int32", "float32"):
        raise UnfitError("has 32-bit pixels among pictures of other kinds: save it with 8 or 16 bits, or as .npy")
    if size is not None and crop is None:
        image.draft(None, (_JPEG_GAP * size, _JPEG_GAP * size))  # large photographs decode several times faster
    image = _channels(_eight_bits(ImageOps.exif_transpose(image)), channels)
    if crop is not None:
        image = image.crop(_middle(image, crop))
    if size is not None:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    array = np.asarray(image, dtype=np.uint8)
    return array.reshape(*array.shape[:2], channels)


def in_memory(images: Sequence[Image.Image]) -> list[NDArray[Any]]:
    """Opened pictures as arrays (h, w) or (h, w, c) of one kind, as those of a folder: see `form.form_of`.

    Colour where one has it, alpha where all have it, the deepest type where all are grey.

    Raises:
        UnfitError: as `pixels`.
    """
    known = [facts(image) for image in images]
    depth = next((kind for kind in DEEPEST if any(of.depth == kind for of in known)), "uint8")
    channels = 3 if any(of.colour for of in known) else 1
    depth = depth if channels == 1 else "uint8"
    channels += depth == "uint8" and all(of.alpha for of in known)
    arrays = [pixels(image, channels, None, None, depth) for image in images]
    return [array[..., 0] if channels == 1 else array for array in arrays]


def _deep(image: Image.Image, size: int | None, crop: int | None, depth: str) -> NDArray[Any]:
    """A grey picture in more than 8 bits, (h, w, 1)."""
    deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    values = np.asarray(image if deep else _channels(image, 1))
    if depth == "uint16" and not deep:
        values = values.astype(np.uint16) * _16_TO_8
    if crop is not None:
        left, top, right, bottom = _middle(image, crop)
        values = values[top:bottom, left:right]
    if size is not None:
        fitted = ImageOps.fit(Image.fromarray(values.astype(np.float32)), (size, size), Image.Resampling.BICUBIC)
        resized = np.asarray(fitted).clip(values.min(), values.max())
        values = resized if depth == "float32" else np.rint(resized)
    return values.astype(depth)[..., None]


def _middle(image: Image.Image, crop: int) -> tuple[int, int, int, int]:
    if min(image.size) < crop:
        raise UnfitError(f"is {image.width}x{image.height}, smaller than the crop of {crop}x{crop}")
    left, top = (image.width - crop) // 2, (image.height - crop) // 2
    return left, top, left + crop, top + crop


def _fit(image: Image.Image) -> None:
    if min(image.size) < 2:
        raise UnfitError(f"is {image.width}x{image.height}: expected pictures of at least 2x2 pixels")


def _depth(image: Image.Image) -> str:
    if image.mode == "F":
        return "float32"
    if image.mode == "I" and image.format != "PNG":  # before Pillow 11, "I" of a PNG is 16 bit
        return "int32"
    return "uint16" if image.mode == "I" or image.mode.startswith("I;16") else "uint8"


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    return Image.fromarray(np.round(np.asarray(image, dtype=np.float32) / _16_TO_8).clip(0, 255).astype(np.uint8))


def _channels(image: Image.Image, channels: int) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels in {1, 3}:  # what lies under transparent pixels is often garbage: paper shows instead
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode not in {"L", "RGB"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])
