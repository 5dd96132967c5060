"""Images from the Hugging Face hub, through its own library `datasets`."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from remblai.data.dataset import SPLITS, Dataset
from remblai.data.decode import Pictures, decode
from remblai.data.images import SPLIT_FOLDERS
from remblai.data.splits import WHOLE, Part, images

PICTURES = ("image", "img", "picture", "jpg", "png", "webp")
LABELS = ("label", "labels", "fine_label", "cls")


def hub(
    name: str,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """A data set of images of the hub: its image column, its label column if there is one, its own splits.

    Args:
        name: as the hub calls it, such as "ylecun/mnist".
        size: resize the shorter side to this many pixels and keep the middle square.
        crop: cut out the middle square of this many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA, instead of the most general of the images.
        skip_broken: leave out images that cannot be decoded, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: the package `datasets` is not installed; the hub does not give the data; no column of images.
    """
    tables = _tables(name)
    features = next(iter(tables.values())).features
    picture, label = _columns(name, features)
    rows = [(part, row) for part, table in tables.items() for row in range(len(table))]

    def opened(number: int) -> Image.Image:
        part, row = rows[number]
        image: Image.Image = tables[part][row][picture]
        return image.copy()  # the caller closes what it opened; the library may keep its own

    names = [f"{part}[{row}]" for part, row in rows]
    key = {"hub": name, "tables": {part: str(table._fingerprint) for part, table in tables.items()}}
    found = decode(
        Pictures(f"hub:{name}", names, opened, key),
        size=size,
        crop=crop,
        channels=channels,
        skip_broken=skip_broken,
        cache=cache,
    )
    labels = None if label is None else np.array([value for table in tables.values() for value in table[label]])
    of = np.array([part for part, _ in rows])
    parts = {part: Part(found.array, labels, np.flatnonzero(found.whole & (of == part))) for part in tables}
    classes = getattr(features[label], "names", None) if label is not None else None
    return images(name, parts, classes, found.note)


def _tables(name: str) -> dict[str, Any]:
    """The tables of the data set, by part."""
    try:
        import datasets  # an extra: only who reads from the hub needs it
    except ImportError as error:
        raise ValueError("reading from the hub needs the package datasets: pip install 'remblai[hub]'") from error
    try:
        source = datasets.load_dataset(name)
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"the hub does not give the data set {name!r}: {error}") from error
    given = {SPLIT_FOLDERS.get(part, part): table for part, table in source.items()}
    tables = {part: given[part] for part in SPLITS if part in given}
    if "train" in tables:
        return tables
    if len(given) == 1:
        return {WHOLE: next(iter(given.values()))}
    raise ValueError(f"hub:{name} has the splits {', '.join(source)}: expected train, perhaps validation and test")


def _columns(name: str, features: Mapping[str, Any]) -> tuple[str, str | None]:
    """The names of the column of images and of the column of labels."""
    picture = next((key for key in PICTURES if key in features), None)
    picture = picture or next((key for key, of in features.items() if type(of).__name__ == "Image"), None)
    if picture is None:
        raise ValueError(f"hub:{name} has the columns {', '.join(features)}: expected one of images")
    return picture, next((key for key in LABELS if key in features), None)
