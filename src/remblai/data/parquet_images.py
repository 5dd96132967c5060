"""Images inside .parquet files, as the Hugging Face hub keeps its data sets."""

import functools
import io
import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from remblai.data.dataset import SPLITS, Dataset
from remblai.data.decode import Pictures
from remblai.data.images import consecutive, pictures_by_part, stamp
from remblai.data.labels import LABEL_NAMES, as_labels, label_place
from remblai.data.layout import Limits
from remblai.data.pages import open_image
from remblai.data.splits import SPLIT_NAMES, WHOLE
from remblai.runtime.text import one_line

PICTURES = ("image", "img", "picture", "jpg", "png", "webp")
"""What columns of images are called, the first one that is there being taken."""
SUFFIX = ".parquet"
FOLDERS = 64
"""Folders of a folder that are looked into for .parquet files."""
GROUPS = 8
"""Groups of rows kept in memory: images are decoded nearly in order, by a few threads."""


def parquet_pictures(
    path: Path,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    range: Limits | None = None,
    label: str | None = None,
    max_pixels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Images in .parquet files: the encoded images of one column, the classes of another if there is one.

    Of a folder, the files in it, in its folder `data` or in its only folder that has some; files named train-...,
    validation-... and test-... are kept apart as splits.

    Args:
        path: a file, or a folder of them as one downloads it from the hub.
        size: resize the shorter side to this many pixels and keep the middle square.
        crop: cut out the middle square of this many pixels first.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA, instead of the most general of the images.
        range: the low and the high value of the images.
        label: the column of the classes; when not given that of a name such as label, where there is one.
        max_pixels: of one image; larger ones are refused as decompression bombs.
        skip_broken: leave out images that cannot be decoded, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: a damaged file, files of different columns, a broken image, mixed sizes without `size`, splits of
            other names.
    """
    options: dict[str, Any] = {"size": size, "crop": crop, "channels": channels, "max_pixels": max_pixels}
    options |= {"skip_broken": skip_broken, "cache": cache}
    groups, notes = _parts(path)
    with ExitStack() as opened:
        files = {part: [_File.of(one, opened, label) for one in ones] for part, ones in groups.items()}
        each = [one for ones in files.values() for one in ones]
        if other := next((one for one in each if (one.picture, one.label) != (each[0].picture, each[0].label)), None):
            named = " and ".join(f"{one.picture} and {one.label} in {one.path.name}" for one in (each[0], other))
            raise ValueError(
                f"{one_line(str(path))}: expected the same columns of images and labels in all files, got "
                f"{one_line(named)}: pass one of them"
            )
        left = [one for one in each[0].file.schema_arrow.names if one not in (each[0].picture, each[0].label)]
        used = f"images are those of column {each[0].picture!r}, labels {each[0].label!r}"
        notes += [one_line(f"{used}; left out: {', '.join(left)}")] * bool(left)
        rows = [(file, row) for file in each for row in file.rows]
        names = [f"{file.path.name}[{row}]" for file, row in rows]
        folder = path if path.is_dir() else path.parent
        key = {"column": each[0].picture, **stamp(folder, [os.path.relpath(one.path, folder) for one in each])}

        def opener(number: int) -> Image.Image:
            file, row = rows[number]
            return file.image(row)

        of = consecutive({part: sum(len(one.rows) for one in ones) for part, ones in files.items()})
        name, pictures = (path.resolve().name if path.is_dir() else path.stem), Pictures(str(path), names, opener, key)
        return pictures_by_part(name, pictures, of, _labels(each), each[0].classes, range, notes, **options)


def has_images(path: Path) -> bool:
    """Whether a .parquet file, or the first one of a folder, has a column of images; False where none can be read."""
    try:
        files = _files(path)
    except OSError:
        return False  # the reader of images says what is wrong
    if not files:
        return False
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        return False  # the reader of tables says what to install
    try:
        return _picture(parquet.read_schema(files[0])) is not None
    except (ArrowException, OSError):
        return False  # the reader of tables says what is wrong


@dataclass(frozen=True, eq=False)
class _File:
    """An open .parquet file: its columns of images and of labels, and how many rows it has."""

    path: Path
    file: Any
    picture: str
    label: str | None
    classes: list[str] | None
    ends: NDArray[np.int64]
    lock: Any

    @classmethod
    def of(cls, path: Path, opened: ExitStack, label: str | None) -> "_File":
        from pyarrow import ArrowException, parquet

        try:
            file = opened.enter_context(parquet.ParquetFile(path))
        except (ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{one_line(str(path))} cannot be read: {reason}. Expected a whole .parquet file"
            ) from error
        schema = file.schema_arrow
        picture = _picture(schema)
        if picture is None:
            raise ValueError(f"{one_line(str(path))} has no column of images, which the other files have")
        if label is None:
            label = next((name for name in LABEL_NAMES if name in schema.names), None)
        else:
            label_place(schema.names, label, one_line(str(path)))
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        names = _features(schema).get(label or "", {}).get("names")
        classes = [str(name) for name in names] if isinstance(names, list) else None
        return cls(path, file, picture, label, classes, np.cumsum([0, *sizes]), threading.Lock())

    @property
    def rows(self) -> Sequence[int]:
        return range(int(self.ends[-1]))

    def image(self, row: int) -> Image.Image:
        """The image of a row, opened.

        Raises:
            OSError: the cell is empty, or the file is damaged there.
        """
        group = int(np.searchsorted(self.ends, row, side="right")) - 1
        with self.lock:
            cell = self._group(group)[row - int(self.ends[group])].as_py()
        content = cell.get("bytes") if isinstance(cell, Mapping) else cell
        if not content:
            place = cell.get("path") if isinstance(cell, Mapping) else None
            raise OSError(
                f"is the path {one_line(str(place))!r} and no image: pass the folder" if place else "is empty"
            )
        return open_image(io.BytesIO(content))

    @functools.cached_property
    def _group(self) -> Any:
        @functools.lru_cache(GROUPS)
        def column(group: int) -> Any:
            from pyarrow import ArrowException

            try:
                return self.file.read_row_group(group, columns=[self.picture]).column(self.picture)
            except ArrowException as error:
                raise OSError(" ".join(str(error).split())) from error

        return column


def _labels(files: Sequence[_File]) -> NDArray[Any] | None:
    """The classes of all rows of the files."""
    label = files[0].label
    if label is None:
        return None
    kinds = [(_kind(one.file.schema_arrow.field(label).type), one.path.name) for one in files]
    if other := next((one for one in kinds if one[0] != kinds[0][0]), None):
        named = " and ".join(f"{kind} in {one_line(name)}" for kind, name in (kinds[0], other))
        raise ValueError(f"column {one_line(label)!r}: expected classes of one kind in all files, got {named}")
    cells = [value for one in files for value in one.file.read(columns=[label]).column(label).to_pylist()]
    return as_labels(cells, f"column {one_line(label)!r} of {one_line(files[0].path.name)}")


def _kind(of: Any) -> str:
    """What classes of a type are written as: whole numbers, or the name of another type."""
    import pyarrow as arrow

    of = of.value_type if arrow.types.is_dictionary(of) else of
    return "whole numbers" if arrow.types.is_integer(of) else str(of).removeprefix("large_")


def _parts(path: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """The files by part, and what to say about those left out.

    Raises:
        ValueError: splits of other names, none of which is train.
    """
    files = _files(path)
    named: dict[str, list[Path]] = {}
    for one in files:
        word = re.split(r"[-_.]", one.stem)[0].lower()
        named.setdefault(SPLIT_NAMES.get(word, word), []).append(one)
    if "train" in named and len(named) > 1:
        parts = {part: named[part] for part in SPLITS if part in named}
        left = sorted(one.name for part, ones in named.items() if part not in parts for one in ones)
        return parts, [one_line(f"{len(left)} files of no split left out, as {left[0]}")] if left else []
    if len(named) > 1 and {*named} & {*SPLITS}:
        raise ValueError(
            f"{one_line(str(path))} has the splits {one_line(', '.join(named))}: expected train, perhaps validation "
            "and test"
        )
    return {WHOLE: files}, []


def _files(path: Path) -> list[Path]:
    """The .parquet files of a path: itself, those of a folder, of its folder `data`, or of its only folder with some.

    Raises:
        ValueError: all its folders have some, and there are several.
    """
    if path.is_file():
        return [path]
    for folder in (path, path / "data"):
        if files := _inside(folder):
            return files
    with os.scandir(path) as entries:  # which know what they are: of a million images none is asked
        folders = [path / one.name for one in entries if one.is_dir() and not one.name.startswith(".")]
    found = {one.name: files for one in folders[:FOLDERS] if (files := _inside(one))}
    if len(found) == 1:
        return next(iter(found.values()))
    if found and len(found) == len(folders):
        names = one_line(", ".join(sorted(found)))
        raise ValueError(f"{one_line(str(path))} holds several data sets of .parquet files: {names}. Pass one of them")
    return []


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:  # a folder of a million images is looked at too
        names = sorted(one.name for one in entries if one.name.endswith(SUFFIX) and not one.name.startswith("."))
    return [folder / name for name in names]


def _picture(schema: Any) -> str | None:
    """The column of images: as the hub's metadata say, else encoded files of a name that images have."""
    import pyarrow as arrow

    marked = [name for name, of in _features(schema).items() if of.get("_type") == "Image" and name in schema.names]
    if (found := image_column(marked)) is not None:
        return found

    def encoded(kind: Any) -> bool:
        if arrow.types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0 and encoded(kind.field("bytes").type)
        return bool(arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind))

    return next((name for name in PICTURES if name in schema.names and encoded(schema.field(name).type)), None)


def image_column(names: Sequence[str]) -> str | None:
    """Which of the columns that hold images is taken: that of a name that images have, else the first; None of none."""
    return next((name for name in (*PICTURES, *names) if name in names), None)


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """What the hub's library wrote about each column; nothing where it did not write the file."""
    try:
        found = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return {name: of for name, of in found.items() if isinstance(of, dict)} if isinstance(found, dict) else {}
