"""Data sets by name or path: samples by position, endless shuffled batches on the device, and the way back."""

import difflib
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from remblai.config.registry import NAME, Choice, make, unknown
from remblai.data import celeba, digits, glyphs, hub, idx, lsun
from remblai.data.arrays import npy, npz
from remblai.data.dataset import SPLITS, Dataset, Modes, Split
from remblai.data.images import SUFFIXES, image_folder
from remblai.data.tables import csv_table, parquet
from remblai.data.toys import grid, ring, swiss_roll, two_moons
from remblai.data.units import Units

__all__ = ["DATA", "FILES", "SPLITS", "Dataset", "Modes", "Split", "Units", "load", "pick"]

DATA: dict[str, Callable[..., Dataset]] = {
    "digits": digits.digits,
    "glyphs": glyphs.glyphs,
    "grid": grid,
    "ring": ring,
    "swiss-roll": swiss_roll,
    "two-moons": two_moons,
}

FILES: dict[str, Callable[..., Dataset]] = {".csv": csv_table, ".npy": npy, ".npz": npz, ".parquet": parquet}

HUB = "hub:"


def load(
    spec: Choice | os.PathLike[str] | Dataset,
    *,
    size: int | None = None,
    crop: int | None = None,
    channels: int | None = None,
    layout: str | None = None,
    range: tuple[float, float] | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Loads a data set, whole: with its train, validation and test splits.

    Args:
        spec: a name of the table `DATA`, alone or as `{"name": "ring", "modes": 5}`; `hub:NAME`; a path to a folder of
            images, of idx files, CelebA or LSUN, or to a .npz, .npy, .csv or .parquet file; or a data set, returned as
            it is. A path holds a `/` or exists; a name of the table always means the table. A split named at the end,
            `NAME:test`, is left to `pick`.
        size: images are resized, the shorter side to this, and the middle square kept.
        crop: the middle square of so many pixels is cut out of images first.
        channels: of images: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA, instead of the most general among them.
        layout: of an array's axes, where its shape does not say it: nhw, nhwc, nchw or nd.
        range: the low and the high value of an array of images that is neither bytes nor in [0, 1] or [-1, 1].
        skip_broken: leave out images that cannot be decoded, and say how many, instead of refusing them.
        cache: folder for decoded images, instead of `remblai` in $XDG_CACHE_HOME or ~/.cache.

    Raises:
        ValueError: unknown name, missing path, an option that this kind of data does not have, and whatever is wrong
            with the data, each with how to mend it.
    """
    if isinstance(spec, Dataset):
        return spec
    if callable(spec):
        raise ValueError(f"expected a name, a path or a Dataset, got {spec!r}: call it and pass what it returns")
    asked = {"size": size, "crop": crop, "channels": channels, "layout": layout, "range": range}
    options = {name: value for name, value in asked.items() if value is not None}
    options |= {"skip_broken": True} if skip_broken else {}
    if isinstance(spec, Mapping):
        name = str(spec.get(NAME))
        if name not in DATA:
            raise unknown("data", name, DATA)
        return _named(spec, name, options, cache)
    source, _ = pick(spec)
    if source in DATA and isinstance(spec, str):
        return _named(source, source, options, cache)
    if source.startswith(HUB) and isinstance(spec, str):
        given = _accepted(hub.hub, "data of the hub", options, cache)
        return hub.hub(source.removeprefix(HUB), **given)
    return _from_path(Path(source).expanduser(), source, options, cache)


def pick(spec: str | os.PathLike[str]) -> tuple[str, str | None]:
    """Separates the split that a data set's name or path may end in.

    `"digits:test"` -> `("digits", "test")`, `"digits"` -> `("digits", None)`; the splits are train, validation and
    test. A path that exists as it stands is taken whole.

    Args:
        spec: a name or a path.
    """
    told = str(spec)
    source, colon, split = told.rpartition(":")
    if colon and split in SPLITS and source and not Path(told).exists():
        return source, split
    return told, None


def _named(spec: Choice, name: str, options: Mapping[str, Any], cache: Any) -> Dataset:
    given = _accepted(DATA[name], f"data {name!r}", options, cache)
    if isinstance(spec, Mapping):  # an option of the choice itself says more than the general one
        given = {key: value for key, value in given.items() if key not in spec}
    made = make(DATA, spec, kind="data", **given)
    assert isinstance(made, Dataset)
    return made


def _accepted(reader: Callable[..., Dataset], told: str, options: Mapping[str, Any], cache: Any) -> dict[str, Any]:
    """The options, once it is sure that the reader knows each; the cache only where it has one."""
    known = inspect.signature(reader).parameters
    for name in options:
        if name not in known:
            has = [f"--{key.replace('_', '-')}" for key in known if key not in {"path", "name", "cache"}]
            raise ValueError(
                f"--{name.replace('_', '-')} does not apply to {told}, which has "
                f"{'the options ' + ', '.join(has) if has else 'no options'}"
            )
    return {**options, **({"cache": cache} if cache is not None and "cache" in known else {})}


def _from_path(path: Path, told: str, options: Mapping[str, Any], cache: Any) -> Dataset:
    if not path.exists():
        raise _missing(path, told)
    reader = _reader(path)
    kind = f"{path}, which is read as {(inspect.getdoc(reader) or '').split(':')[0].split(',')[0].lower()}"
    try:
        return reader(path, **_accepted(reader, kind, options, cache))
    except OSError as error:
        raise ValueError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error


def _reader(path: Path) -> Callable[..., Dataset]:
    if path.is_dir():
        if idx.is_idx(path):
            return idx.idx
        if celeba.is_celeba(path):
            return celeba.celeba
        return lsun.lsun if lsun.databases(path) else image_folder
    suffix = path.suffix.lower()
    if suffix in FILES:
        return FILES[suffix]
    if suffix in SUFFIXES:
        raise ValueError(f"{path} is one image: expected the folder that holds them")
    raise ValueError(f"{path} is of an unknown kind: expected a folder, or a file in {', '.join(FILES)}")


def _missing(path: Path, told: str) -> ValueError:
    if "/" not in told:
        error = unknown("data", told, DATA)
        return ValueError(f"{error} Nor is there a file or folder of that name in {Path.cwd()}")
    parent = next((folder for folder in path.parents if folder.exists()), Path.cwd())
    below = path.relative_to(parent).parts[0] if parent in path.parents else path.name
    there = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    near = difflib.get_close_matches(below, there, n=1)
    hint = f" Did you mean {str(parent / near[0])!r}?" if near else f" The nearest folder that exists is {parent}."
    return ValueError(f"no file or folder {told!r}.{hint}")
