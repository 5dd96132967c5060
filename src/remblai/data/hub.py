"""Images from the Hugging Face hub, through its own library `datasets`."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from remblai.data.chosen import chosen_columns
from remblai.data.dataset import SPLITS, Dataset
from remblai.data.decode import Pictures
from remblai.data.images import consecutive, pictures_by_part
from remblai.data.labels import LABEL_NAMES
from remblai.data.layout import Limits, check_numbers
from remblai.data.parquet_images import image_column
from remblai.data.splits import SPLIT_NAMES, WHOLE, Part, points


def hub(
    name: str,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    range: Limits | None = None,
    max_pixels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """A data set of images of the hub: its image column, its label column if there is one, its own splits.

    Args:
        name: as the hub calls it, such as "ylecun/mnist".
        size: resize the shorter side to this many pixels and keep the middle square.
        crop: cut out the middle square of this many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA, instead of the most general of the images.
        range: the low and the high value of the images.
        max_pixels: of one image; larger ones are refused as decompression bombs.
        skip_broken: leave out images that cannot be decoded, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: the package `datasets` is not installed; the hub does not give the data; no column of images.
    """
    options: dict[str, Any] = {"size": size, "crop": crop, "channels": channels, "max_pixels": max_pixels}
    options |= {"skip_broken": skip_broken, "cache": cache}
    return _from_tables(name, f"hub:{name}", _tables(name), range, **options)


def is_table(data: Any) -> bool:
    """Whether it is a table, or a dictionary of tables, of the package `datasets`, which is not imported for it."""
    one = next(iter(data.values()), None) if isinstance(data, Mapping) else data
    return all(hasattr(one, name) for name in ("features", "_fingerprint", "__getitem__", "__len__"))


def of_tables(
    data: Any,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    range: Limits | None = None,
    max_pixels: int | None = None,
    columns: tuple[str, ...] | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Tables of the package `datasets` in memory: of images where there is a column of them, else of numbers.

    Args:
        data: a `datasets.Dataset`, or a `DatasetDict` with the splits train, perhaps validation and test.
        size: resize the shorter side to this many pixels and keep the middle square.
        crop: cut out the middle square of this many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
        range: the low and the high value of the images.
        max_pixels: of one image; larger ones are refused as decompression bombs.
        columns: of a table of numbers, which to take, in this order.
        skip_broken: leave out images that cannot be decoded, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: splits of other names, a column that is missing or holds no numbers.
    """
    tables = _parts(data, "data") if isinstance(data, Mapping) else {WHOLE: data}
    features = next(iter(tables.values())).features
    if columns is None and _picture(features) is not None:
        options: dict[str, Any] = {"size": size, "crop": crop, "channels": channels, "max_pixels": max_pixels}
        options |= {"skip_broken": skip_broken, "cache": cache}
        return _from_tables("custom", "data", tables, range, **options)
    if range is not None:
        raise ValueError("range is for images; the table holds numbers, which are standardised")
    names = chosen_columns(list(features), columns, "the table")
    parts = {}
    for part, table in tables.items():
        numbers = [np.asarray(table[name]) for name in names]
        odd = next((name for name, of in zip(names, numbers, strict=True) if of.dtype.kind not in "buif"), None)
        if odd is not None or any(of.ndim != 1 for of in numbers):
            raise ValueError(f"column {odd or names[0]!r} of the table: expected numbers. Choose others with columns")
        parts[part] = Part(np.stack(numbers, 1))
        check_numbers(parts[part].array, "the table")
    return points("custom", parts, names)


def _from_tables(name: str, source: str, tables: Mapping[str, Any], asked: Limits | None, **options: Any) -> Dataset:
    """The images of tables, by part, and the range that was asked for."""
    features = next(iter(tables.values())).features
    picture, label = _columns(source, features)
    rows = [(part, row) for part, table in tables.items() for row in range(len(table))]

    def opened(number: int) -> Image.Image:
        part, row = rows[number]
        image: Image.Image = tables[part][row][picture]
        return image.copy()  # the caller closes what it opened; the library may keep its own

    names = [f"{part}[{row}]" for part, row in rows]
    key = {"hub": name, "tables": {part: str(table._fingerprint) for part, table in tables.items()}}
    labels = None if label is None else np.array([value for table in tables.values() for value in table[label]])
    classes = getattr(features[label], "names", None) if label is not None else None
    of = consecutive({part: len(table) for part, table in tables.items()})
    return pictures_by_part(name, Pictures(source, names, opened, key), of, labels, classes, asked, **options)


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
    return _parts(source, f"hub:{name}")


def _parts(source: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The tables by the names of the splits; a single one of another name is a source without splits."""
    given = {SPLIT_NAMES.get(part, part): table for part, table in source.items()}
    tables = {part: given[part] for part in SPLITS if part in given}
    if "train" in tables:
        return tables
    if len(given) == 1:
        return {WHOLE: next(iter(given.values()))}
    raise ValueError(f"{what} has the splits {', '.join(source)}: expected train, perhaps validation and test")


def _columns(source: str, features: Mapping[str, Any]) -> tuple[str, str | None]:
    """The names of the column of images and of the column of labels."""
    picture = _picture(features)
    if picture is None:
        raise ValueError(f"{source} has the columns {', '.join(features)}: expected one of images")
    return picture, next((key for key in LABEL_NAMES if key in features), None)


def _picture(features: Mapping[str, Any]) -> str | None:
    """The name of the column of images: that of a name that images have, or the first one."""
    return image_column([key for key, of in features.items() if type(of).__name__ == "Image"])
