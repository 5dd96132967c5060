"""Letters of the typefaces that come with matplotlib: a good-looking labelled image set without a download."""

import functools
import os
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from remblai.data.cache import Allocate, Broken, stored
from remblai.data.dataset import Dataset
from remblai.data.mixing import uniform
from remblai.data.splits import Part
from remblai.data.splits import images as data_set

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FACES = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmtt10"),
)
WEIGHTS = 4
HELD_OUT = 2_000
_FINER = 2  # letters are drawn so many times finer and averaged
_STARTS = {"train": 0, "validation": 1 << 40, "test": 1 << 41}


def glyphs(size: int = 28, pool: int = 20_000, seed: int = 0, cache: str | os.PathLike[str] | None = None) -> Dataset:
    """Capital letters A to Z, white on black, of random typeface, weight, slant, turn, size and place.

    Endless: letter number i is a function of (seed, i) alone, of any size; see `letter`. A training set is a pool of
    the first `pool` letters, drawn once (some ten thousand a second at 28x28) and cached, so that training is as fast
    as with any other data; 2,000 for validation and 2,000 for test come from far away numbers.

    Args:
        size: pixels of a side.
        pool: letters in the training set.
        seed: another seed is another set of letters.
        cache: folder for the drawn letters.

    Raises:
        ValueError: size below 8, an empty pool, a negative seed.
    """
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, got {size}: letters are not legible below")
    if pool < 1 or seed < 0:
        raise ValueError(f"pool must be at least 1 and seed not negative, got {pool} and {seed}")
    counts = {"train": pool, "validation": HELD_OUT, "test": HELD_OUT}
    index = np.concatenate([_STARTS[part] + np.arange(n) for part, n in counts.items()])
    key = {"glyphs": 1, "size": size, "pool": pool, "seed": seed, "typefaces": mpl.__version__}
    entry = stored(key, functools.partial(_draw, index, size, seed), cache)
    labels = _traits(index, seed)[0]
    ends = np.cumsum([0, *counts.values()])
    parts = {
        part: Part(entry.array, labels, np.arange(ends[place], ends[place + 1])) for place, part in enumerate(counts)
    }
    return data_set("glyphs", parts, list(LETTERS))


def letter(number: int, size: int = 28, seed: int = 0) -> tuple[NDArray[np.uint8], int]:
    """Letter number `number` of a seed, at any size: (size, size) uint8 and its place in the alphabet.

    Args:
        number: any whole number from 0.
        size: pixels of a side.
        seed: another seed is another set of letters.
    """
    labels, traits = _traits(np.array([number]), seed)
    return _picture(int(labels[0]), traits[0], size), int(labels[0])


def _draw(index: NDArray[np.int64], size: int, seed: int, allocate: Allocate) -> tuple[Broken, list[str]]:
    array = allocate((len(index), 1, size, size))
    labels, traits = _traits(index, seed)
    for row in tqdm(range(len(index)), desc="drawing letters", file=sys.stderr, disable=None, delay=0.5):
        array[row, 0] = _picture(int(labels[row]), traits[row], size)
    return [], []


def _traits(index: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Of each letter its class (n,), and eight numbers in [0, 1) that say all else about it (n, 8)."""
    drawn = np.stack([uniform(index, 16 * seed + trait) for trait in range(9)], 1)
    return (drawn[:, 0] * len(LETTERS)).astype(np.int64), drawn[:, 1:]


def _picture(label: int, traits: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Draws one letter: sheared, turned and scaled into its place at twice the size, then averaged down."""
    face, weight, slant, turn, stretch, height, right, down = traits.tolist()
    side = _FINER * size
    template = _template(FACES[int(face * len(FACES))], LETTERS[label], int(weight * WEIGHTS), side)
    angle, shear, wide = 0.2 * (turn - 0.5), 0.5 * (slant - 0.4), 0.85 + 0.3 * stretch
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.array([[wide, -shear], [0.0, 1.0]])
    box = np.abs(matrix) @ np.array(template.size)  # holds the turned letter: its corners' extent
    scale = min((0.5 + 0.35 * height) * side / box[1], 0.9 * side / box[0])
    room = np.minimum(0.9 * (side - scale * box), 0.25 * side)
    centre = side / 2 + room * np.array([right - 0.5, down - 0.5])
    inverse = np.linalg.inv(scale * matrix)  # Pillow asks where each pixel comes from
    offset = np.array(template.size) / 2 - inverse @ centre
    where = (*inverse[0], offset[0], *inverse[1], offset[1])
    large = template.transform((side, side), Image.Transform.AFFINE, where, Image.Resampling.BILINEAR)
    return np.asarray(large.reduce(_FINER))


@functools.lru_cache(maxsize=len(FACES) * len(LETTERS) * WEIGHTS)
def _template(face: str, character: str, weight: int, side: int) -> Image.Image:
    """One upright letter, white on black, cut to its ink with two pixels about it, about 0.8 `side` high."""
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    em = round(1.1 * side)
    font = ImageFont.truetype(path, em)
    stroke = round(0.012 * weight * em)
    left, top, right, bottom = font.getbbox(character, stroke_width=stroke)
    image = Image.new("L", (round(right - left) + 4, round(bottom - top) + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), character, fill=255, font=font, stroke_width=stroke)
    return image
