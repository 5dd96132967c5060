"""Pictures of every kind to bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from remblai.data import load
from remblai.data.pixels import UnfitError, facts, pixels

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)


def stored(image: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    """As a file has it."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize(
    ("mode", "colour", "alpha"),
    [("L", False, False), ("LA", False, True), ("RGB", True, False), ("RGBA", True, True), ("P", True, False),
     ("1", False, False), ("I;16", False, False)],
)  # fmt: skip
def test_facts(mode: str, colour: bool, alpha: bool) -> None:
    image = Image.fromarray(COLOUR).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.fromarray(GREY.astype(np.uint16) * 257)
    found = facts(stored(image))
    assert (found.width, found.height, found.colour, found.alpha) == (8, 6, colour, alpha)


def test_whole_pixels_are_kept() -> None:
    assert np.array_equal(pixels(stored(Image.fromarray(GREY)), 1, None, None)[..., 0], GREY)
    assert np.array_equal(pixels(stored(Image.fromarray(COLOUR)), 3, None, None), COLOUR)
    grey_as_colour = pixels(stored(Image.fromarray(GREY)), 3, None, None)
    assert all(np.array_equal(grey_as_colour[..., c], GREY) for c in range(3))
    opaque = pixels(stored(Image.fromarray(GREY)), 2, None, None)
    assert np.array_equal(opaque[..., 0], GREY)
    assert (opaque[..., 1] == 255).all()
    assert (pixels(stored(Image.fromarray(COLOUR)), 4, None, None)[..., 3] == 255).all()


def test_16_bits_and_1_bit_and_palette() -> None:
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert np.array_equal(pixels(stored(deep), 1, None, None)[..., 0], GREY)
    assert np.array_equal(pixels(stored(Image.fromarray(GREY > 99)), 1, None, None)[..., 0], 255 * (GREY > 99))
    palette = Image.fromarray(COLOUR).quantize(4)
    assert np.array_equal(pixels(stored(palette), 3, None, None), np.asarray(palette.convert("RGB")))


def test_alpha_that_is_not_asked_for_is_laid_on_white() -> None:
    clear = np.dstack([COLOUR, np.zeros((6, 8), np.uint8)])
    assert (pixels(stored(Image.fromarray(clear)), 3, None, None) == 255).all()
    assert (pixels(stored(Image.fromarray(clear)), 1, None, None) == 255).all()
    clear[..., 3] = 255
    assert np.array_equal(pixels(stored(Image.fromarray(clear)), 3, None, None), COLOUR)
    assert np.array_equal(pixels(stored(Image.fromarray(clear)), 4, None, None), clear)


def test_palette_with_transparency() -> None:
    palette = Image.fromarray(COLOUR).quantize(4)
    image = stored(palette, transparency=0)
    assert facts(image).alpha
    found = pixels(image, 4, None, None)
    assert np.array_equal(found[..., 3] == 0, np.asarray(palette) == 0)


def test_cmyk() -> None:
    image = stored(Image.fromarray(np.full((4, 4, 3), 200, np.uint8)).convert("CMYK"), "TIFF")
    assert facts(image).colour
    assert np.abs(pixels(image, 3, None, None).astype(int) - 200).max() <= 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_orientation_of_the_camera(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated clockwise
    image = stored(Image.fromarray(GREY), kind, exif=exif)
    found = facts(image)
    assert (found.width, found.height) == (6, 8)
    turned = pixels(image, 1, None, None)[..., 0]
    assert np.abs(turned.astype(int) - np.rot90(GREY, -1)).max() <= (40 if kind == "JPEG" else 0)


def test_crop_then_size() -> None:
    array = np.zeros((218, 178), np.uint8)
    array[39:179, 19:159] = 200
    found = pixels(Image.fromarray(array), 1, 64, 140)
    assert found.shape == (64, 64, 1)
    assert (found == 200).all()  # exactly the middle 140
    assert np.array_equal(pixels(Image.fromarray(array), 1, None, 140)[..., 0], array[39:179, 19:159])


def test_size_keeps_the_middle_square_and_averages() -> None:
    array = np.zeros((10, 30), np.uint8)
    array[:, 10:20] = 255
    assert pixels(Image.fromarray(array), 1, 5, None)[:, 1:-1].min() > 240
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    small = pixels(Image.fromarray(checks), 1, 8, None)
    assert np.abs(small.astype(int) - 127).max() < 20  # no aliasing
    assert pixels(Image.fromarray(GREY), 1, 32, None).shape == (32, 32, 1)


def test_large_jpegs_decode_reduced_without_a_difference_to_see() -> None:
    smooth = (127 + 100 * np.sin(np.indices((512, 768)).sum(0) / 60)).astype(np.uint8)
    quick = pixels(stored(Image.fromarray(smooth), "JPEG"), 1, 32, None).astype(int)
    slow = pixels(Image.fromarray(smooth), 1, 32, None).astype(int)
    assert np.abs(quick - slow).mean() < 2


@pytest.mark.parametrize(
    ("image", "crop", "told"),
    [
        (Image.new("L", (1, 1)), None, "is 1x1: expected pictures of at least 2x2"),
        (Image.new("L", (9, 1)), None, "is 9x1"),
        (Image.new("L", (9, 5)), 6, "is 9x5, smaller than the crop of 6x6"),
        (Image.new("F", (9, 5)), None, "32-bit pixels"),
        (Image.new("I", (9, 5)), None, "32-bit pixels"),
    ],
)
def test_unfit(image: Image.Image, crop: int | None, told: str) -> None:
    with pytest.raises(UnfitError, match=told):
        pixels(image, 1, 8, crop)


def test_pictures_of_all_kinds_beside_16_bits_are_what_they_show() -> None:
    white = Image.new("P", (8, 8), 0)
    white.putpalette([255] * 768)
    for image in (white, Image.new("LA", (8, 8), (0, 0)), Image.new("RGB", (8, 8), "white"), Image.new("1", (8, 8), 1)):
        found = pixels(stored(image), 1, None, None, "uint16")
        assert found.dtype == np.uint16 and found.shape == (8, 8, 1) and (found == 65535).all()


def test_pictures_in_memory_are_read_as_files_are() -> None:
    white = Image.new("P", (8, 8), 0)
    white.putpalette([255] * 768)
    assert float(load([white] * 10).train[:].min()) == 1.0
    assert load([Image.new("L", (8, 8)), Image.new("RGB", (8, 8))] * 5).shape == (3, 8, 8)
    assert load([Image.new("L", (8, 8)), Image.new("1", (8, 8))] * 5).shape == (1, 8, 8)
