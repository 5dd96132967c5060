"""Data sets by name or path: samples by position, endless shuffled batches on the device, and the way back."""

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from remblai.config.code import from_file, is_code, own_line
from remblai.config.convert import convert
from remblai.config.registry import NAME, make, own_options, unknown
from remblai.data import celeba, digits, glyphs, hub, idx, lsun, memory
from remblai.data.arrays import npy, npz
from remblai.data.chosen import AllBut, asked_columns
from remblai.data.dataset import SPLITS, Dataset, Modes, Split
from remblai.data.images import image_folder
from remblai.data.look import remedy
from remblai.data.not_found import missing
from remblai.data.pages import PLUGINS, Pages, suffixes
from remblai.data.parquet_files import parquet
from remblai.data.parquet_images import SUFFIX, has_images, parquet_pictures
from remblai.data.stacked import stacked_mnist
from remblai.data.tables import csv_table
from remblai.data.toys import grid, ring, swiss_roll, two_moons
from remblai.data.units import Units
from remblai.runtime.text import one_line
from remblai.runtime.timing import timed

__all__ = ["DATA", "FILES", "SPLITS", "Dataset", "Modes", "Split", "Units", "load", "made", "pick"]

DATA: dict[str, Callable[..., Dataset]] = {
    "digits": digits.digits,
    "glyphs": glyphs.glyphs,
    "grid": grid,
    "ring": ring,
    "stacked-mnist": stacked_mnist,
    "swiss-roll": swiss_roll,
    "two-moons": two_moons,
}

FILES: dict[str, Callable[..., Dataset]] = {
    ".csv": csv_table,
    ".csv.gz": csv_table,
    ".npy": npy,
    ".npz": npz,
    ".parquet": parquet,
    ".tsv": csv_table,
    ".tsv.gz": csv_table,
}

HUB = "hub:"


def load(
    spec: Any,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    layout: str | None = None,
    range: tuple[float, float] | None = None,
    columns: tuple[str, ...] | None = None,
    exclude: tuple[str, ...] | None = None,
    label: str | None = None,
    pages: Pages | None = None,
    max_pixels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Loads a data set, whole: with its train, validation and test splits.

    Args:
        spec: a name of the table `DATA`, alone or as `{"name": "ring", "modes": 5}`; `hub:NAME`; a path to a folder of
            images, of idx files, CelebA, LSUN or .parquet files of images, or to a .npz, .npy or .parquet file, a .csv
            or .tsv, plain or gzipped; `path/to/file.py:function`, whose code is run, for what that function returns;
            data in memory (see `memory`); or a data set, returned as it is. A path holds a `/` or exists; a name of
            the table always means the table. A split named at the end, `NAME:test`, is left to `pick`.
        size: images are resized, the shorter side to this, and the middle square kept.
        crop: the middle square of so many pixels is cut out of images first.
        channels: of images: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA, instead of grey where all are and RGB otherwise,
            with alpha where all have it.
        layout: of an array's axes, where its shape does not say it: nhw, nhwc, nchw, nd, or flat: points of any rank.
        range: the low and the high value of images that are neither bytes nor in [0, 1] or [-1, 1].
        columns: of a table, or of points in a .npz with names: these names, joined by commas (one with a comma in
            quotes), which picks and orders them.
        exclude: of a table: the names of columns to leave out, joined by commas.
        label: of a table: the column whose values, numbers or words, are the classes; it is none of the others.
        pages: of image files with several: first, frames (each page is an image) or channels.
        max_pixels: of one image file; larger ones are refused as decompression bombs. When not given 179 million.
        skip_broken: leave out images that cannot be read, and say how many, instead of refusing them.
        cache: folder for decoded images, instead of `remblai` in $XDG_CACHE_HOME or ~/.cache.

    Raises:
        ValueError: unknown name, missing path, an option that this kind of data does not have, and whatever is wrong
            with the data, each with what to do.
    """
    asked: dict[str, Any] = {"size": size, "crop": crop, "channels": channels, "layout": layout}
    asked["range"] = None if range is None else convert("range", range, tuple[float, float])
    asked |= {"columns": asked_columns(columns, exclude, label), "label": label}
    asked |= {"pages": pages, "max_pixels": max_pixels}
    options = {name: value for name, value in asked.items() if value is not None}
    options |= {"skip_broken": True} if skip_broken else {}
    if is_code(spec):
        found = load(made(spec), cache=cache, **options)
        return replace(found, name=pick(spec)[0].rpartition(":")[2]) if found.name == memory.NAME else found
    reader, what = reader_of(spec)
    accepted = _accepted(reader, what, options, cache)
    if isinstance(spec, Mapping) and NAME in spec:  # an option of the choice itself says more than the general one
        given = {key: value for key, value in accepted.items() if key not in spec}
        found = make(DATA, spec, kind="data", **given)
        assert isinstance(found, Dataset)
        return found
    if not isinstance(spec, str | os.PathLike):
        return reader(spec, **accepted)
    return _named(reader, spec, accepted)


def reader_of(spec: Any) -> tuple[Callable[..., Dataset], str]:
    """The function that reads such data, and what errors call the data.

    Raises:
        ValueError: unknown name, missing path, or what is no data.
    """
    spec = made(spec)
    if isinstance(spec, Mapping) and NAME in spec:
        name = str(spec[NAME])
        if name not in DATA:
            raise unknown("data", name, DATA)
        return DATA[name], f"data {name!r}"
    if not isinstance(spec, str | os.PathLike):
        if callable(spec) or spec is None:
            raise ValueError(f"expected a name, a path or data, got {spec!r}: call it and pass what it returns")
        if hub.is_table(spec):
            return hub.of_tables, f"data ({memory.kind_of(spec)})"
        return memory.reader_of(spec), f"data ({memory.kind_of(spec)})"
    source, _ = pick(spec)
    if not source.strip():
        raise ValueError(
            "data: expected a name, a folder or a file, got an empty text: choose one of remblai list data"
        )
    if source in DATA and isinstance(spec, str):
        return DATA[source], f"data {source!r}"
    if source.startswith(HUB) and isinstance(spec, str):
        return hub.hub, "data of the hub"
    path = _path(source)
    reader = _reader(path)
    return reader, f"{path}, which is read as {(inspect.getdoc(reader) or '').split(':')[0].split(',')[0].lower()}"


def options_of(spec: Any) -> set[str]:
    """The names of the options of `load` that such data has.

    Raises:
        ValueError: see `reader_of`.
    """
    known = set(inspect.signature(reader_of(spec)[0]).parameters)
    return (known | ({"exclude"} if "columns" in known else set())) & {option.name for option in own_options(load)}


def made(spec: Any) -> Any:
    """What `path/to/file.py:function` returns, or the data of that name in the file; another spec as it is.

    Raises:
        ValueError: no such file or name, a file or a function that fails, or a function that returns nothing.
    """
    if not is_code(spec):
        return spec
    source, _ = pick(spec)
    found = from_file(source, "data")
    if not inspect.isroutine(found):
        return found
    try:
        found = found()
    except Exception as problem:
        what = f"{type(problem).__name__}: {str(problem).removesuffix('.')}{own_line(problem)}"
        raise ValueError(f"data {source!r}: the function fails: {what}.") from problem
    if found is None:
        raise ValueError(f"data {source!r}: the function returns nothing: expected arrays, a data frame or a data set.")
    return found


def pick(spec: str | os.PathLike[str]) -> tuple[str, str | None]:
    """Separates the split that a data set's name or path may end in.

    `"digits:test"` -> `("digits", "test")`, `"digits"` -> `("digits", None)`; the splits are train, validation and
    test. A path that exists as it stands is taken whole.

    Args:
        spec: a name or a path.
    """
    whole = str(spec)
    source, colon, split = whole.rpartition(":")
    if colon and split in SPLITS and source and not source.endswith(".py") and not _exists(whole):
        return source, split
    return whole, None


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name that is too long for the file system
        return False


def _accepted(reader: Callable[..., Dataset], what: str, options: Mapping[str, Any], cache: Any) -> dict[str, Any]:
    """The options, once it is sure that the reader knows each; the cache only where it has one."""
    known = inspect.signature(reader).parameters
    for option, value in options.items():
        if option not in known:
            name = "exclude" if isinstance(value, AllBut) else option
            has = [f"--{key.replace('_', '-')}" for key in known if key not in {"path", "name", "data", "cache"}]
            raise ValueError(
                f"--{name.replace('_', '-')} does not apply to {what}, which has "
                f"{'the options ' + ', '.join(has) if has else 'no options'}"
            )
    return {**options, **({"cache": cache} if cache is not None and "cache" in known else {})}


def _named(reader: Callable[..., Dataset], spec: str | os.PathLike[str], accepted: Mapping[str, Any]) -> Dataset:
    """The data of a name of the table, of the hub or of a path."""
    source, _ = pick(spec)
    if reader is DATA.get(source) and isinstance(spec, str):
        return reader(**accepted)
    if reader is hub.hub:
        return reader(source.removeprefix(HUB), **accepted)
    return _read(reader, Path(source).expanduser(), accepted)


def _path(source: str) -> Path:
    """The folder or file that is meant.

    Raises:
        ValueError: there is none, or it cannot be looked at.
    """
    try:
        path = Path(source).expanduser()
        if not path.exists():
            raise missing(path, source, DATA)
    except (OSError, RuntimeError) as error:  # a name that is too long, ~ of nobody
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"data {one_line(source[:200])!r} cannot be read: {reason}") from error
    if not (path.is_dir() or path.is_file()):
        raise ValueError(f"{one_line(str(path))} is neither a folder nor a regular file: expected one of them")
    return path


def _read(reader: Callable[..., Dataset], path: Path, options: Mapping[str, Any]) -> Dataset:
    """What the reader returns; every error of bad data names the file."""
    try:
        with timed(f"reading {one_line(path.name)}"):
            return reader(path, **options)
    except OSError as error:
        raise ValueError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error
    except UnicodeError as error:
        raise ValueError(f"{path} cannot be read: it is not UTF-8 text ({error}). Save it as UTF-8") from error


def _reader(path: Path) -> Callable[..., Dataset]:
    if path.is_dir():
        if idx.is_idx(path):
            return idx.idx
        if celeba.is_celeba(path):
            return celeba.celeba
        if lsun.databases(path):
            return lsun.lsun
        if has_images(path):
            return parquet_pictures
        _check_pictures(path)
        return image_folder
    known = next((ending for ending in FILES if path.name.lower().endswith(ending)), None)
    if known is not None:
        return parquet_pictures if known == SUFFIX and has_images(path) else FILES[known]
    suffix = path.suffix.lower()
    if suffix in suffixes() or suffix in PLUGINS:
        raise ValueError(f"{path} is one image: expected the folder that holds them")
    raise ValueError(f"{path} is of an unknown kind: expected a folder, or a file in {', '.join(FILES)}{remedy(path)}")


def _check_pictures(folder: Path) -> None:
    """Refuses a folder of nothing but files, none of them a picture, one of which is data by itself."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return  # which the reader says better
    pictures = {*suffixes(), *PLUGINS}
    if any(entry.suffix.lower() in pictures or entry.is_dir() for entry in entries):
        return
    if alone := [entry for entry in sorted(entries) if entry.name.lower().endswith(tuple(FILES))]:
        names = one_line(", ".join(entry.name for entry in alone[:3]))
        raise ValueError(
            f"no images in the folder {one_line(str(folder))}, but files that are data by themselves ({names}): pass "
            f"the path of one, {one_line(str(alone[0]))}"
        )
