"""CelebA as its authors distribute it."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import SPLITS, Dataset
from remblai.data.decode import Pictures, decode
from remblai.data.images import picture_limits, stamp
from remblai.data.layout import Limits
from remblai.data.pages import open_image
from remblai.data.splits import Part, images
from remblai.runtime.text import one_line

FACES = "img_align_celeba"
PARTITION = "list_eval_partition.txt"
ATTRIBUTES = "list_attr_celeba.txt"
LABEL = "Smiling"


def is_celeba(path: Path) -> bool:
    """Whether a folder holds img_align_celeba/ and list_eval_partition.txt, flat or in Img/ and Eval/."""
    return path.is_dir() and _find(path, "Img", FACES) is not None and _find(path, "Eval", PARTITION) is not None


def celeba(
    path: Path,
    *,
    size: int = 64,
    crop: int = 140,
    channels: int = 3,
    range: Limits | None = None,
    max_pixels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Aligned faces with the authors' split: the papers' middle 140x140 of 178x218, resized to 64x64.

    Where list_attr_celeba.txt is there (flat or in Anno/), its column Smiling gives the labels.

    Args:
        path: the folder.
        size: pixels of a side.
        crop: the middle square of so many pixels is cut out first.
        channels: 3 RGB or 1 grey.
        range: the low and the high value of the images.
        max_pixels: of one image; larger ones are refused as decompression bombs.
        skip_broken: leave out images that cannot be decoded, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: a list that is not as the authors' or names a missing image; a broken image; values outside the
            range.

    Source: Liu et al., "Deep learning face attributes in the wild", 2015 (arXiv 1411.7766); the crop: Tolstikhin et
    al., "Wasserstein auto-encoders", 2018 (arXiv 1711.01558), and its code.
    """
    faces, partition = _find(path, "Img", FACES), _find(path, "Eval", PARTITION)
    if faces is None or partition is None:
        raise ValueError(f"{path} is not CelebA as its authors distribute it: expected {FACES}/ and {PARTITION}")
    names, split = _partition(partition)
    pictures = Pictures(
        str(faces), names, lambda number: open_image(faces / names[number]), stamp(faces, names), plain=True
    )
    options: dict[str, Any] = {"size": size, "crop": crop, "channels": channels, "max_pixels": max_pixels}
    found = decode(pictures, **options, skip_broken=skip_broken, cache=cache)
    limits, guess = picture_limits(found.array, range, str(path))
    attributes = _find(path, "Anno", ATTRIBUTES)
    labels = None if attributes is None else _labels(attributes, names)
    parts = {
        SPLITS[code]: Part(found.array, labels, np.flatnonzero(found.whole & (split == code)), limits)
        for code in np.unique(split)
    }
    classes = None if labels is None else [f"not {LABEL.lower()}", LABEL.lower()]
    return images("celeba", parts, classes, [*guess, *found.notes])


def _find(path: Path, folder: str, name: str) -> Path | None:
    return next((place for place in (path / name, path / folder / name) if place.exists()), None)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}. Fetch it again") from error


def _partition(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    rows = [line.split() for line in _lines(path) if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or row[1] not in {"0", "1", "2"}:
            raise ValueError(
                f"{path}, line {number}: expected a file name and 0, 1 or 2, got {one_line(' '.join(row)[:80])!r}"
            )
    return [name for name, _ in rows], np.array([int(code) for _, code in rows])


def _labels(path: Path, names: list[str]) -> NDArray[np.int64]:
    """The column of `LABEL`. Line 1 counts the rows, line 2 names the columns, then a name and -1 or 1 for each."""
    lines = _lines(path)
    columns = lines[1].split() if len(lines) > 1 else []
    if LABEL not in columns:
        raise ValueError(f"{path}, line 2: expected the names of the attributes, {LABEL} among them")
    place = 1 + columns.index(LABEL)
    known: dict[str, int] = {}
    for number, line in enumerate(lines[2:], 3):
        row = line.split()
        if len(row) != 1 + len(columns) or row[place] not in {"-1", "1"}:
            raise ValueError(f"{path}, line {number}: expected a file name and {len(columns)} times -1 or 1")
        known[row[0]] = int(row[place] == "1")
    missing = next((name for name in names if name not in known), None)
    if missing is not None:
        raise ValueError(f"{path} has no line for {missing}")
    return np.array([known[name] for name in names])
