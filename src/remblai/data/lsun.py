"""LSUN as its authors distribute it: lmdb folders of encoded images."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from remblai.data.dataset import Dataset
from remblai.data.decode import Decoded, Pictures, decode
from remblai.data.images import stamp
from remblai.data.layout import Limits, limits_of
from remblai.data.pages import open_image
from remblai.data.splits import SPLIT_NAMES, WHOLE, Part, images


def databases(path: Path) -> dict[str, Path]:
    """The lmdb folders that a path means, by part: NAME_train_lmdb and NAME_val_lmdb in it, or one *_lmdb itself."""
    if path.name.endswith("_lmdb") and (path / "data.mdb").is_file():
        return {WHOLE: path}
    found: dict[str, Path] = {}
    for folder in sorted(path.glob("*_lmdb")):
        part = SPLIT_NAMES.get(folder.name.removesuffix("_lmdb").rpartition("_")[2])
        if part is not None and (folder / "data.mdb").is_file():
            if part in found:
                raise ValueError(f"{path} holds several {part} sets, {found[part].name} and {folder.name}: name one")
            found[part] = folder
    return found


def lsun(
    path: Path,
    *,
    size: int = 64,
    crop: int | None = None,
    channels: int = 3,
    range: Limits | None = None,
    max_pixels: int | None = None,
    skip_broken: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """One category of LSUN: the shorter side resized to 64, the middle square kept.

    A folder with NAME_train_lmdb and NAME_val_lmdb keeps them apart; one *_lmdb folder alone is split 80/10/10.

    Args:
        path: the folder, or one lmdb folder.
        size: pixels of a side.
        crop: cut out the middle square of so many pixels first.
        channels: 3 RGB or 1 grey.
        range: the low and the high value of the images.
        max_pixels: of one image; larger ones are refused as decompression bombs.
        skip_broken: leave out images that cannot be decoded, and say how many.
        cache: folder for the decoded images.

    Raises:
        ValueError: the package lmdb is not installed; a damaged database; a broken image; values outside the range.

    Source: Yu et al., "LSUN", 2015 (arXiv 1506.03365).
    """
    options: dict[str, Any] = {"size": size, "crop": crop, "channels": channels, "max_pixels": max_pixels}
    options |= {"skip_broken": skip_broken, "cache": cache}
    found = {part: _read(folder, **options) for part, folder in databases(path).items()}
    limits = limits_of([of.array for of in found.values()], range, str(path))
    parts = {part: Part(of.array, None, np.flatnonzero(of.whole), limits) for part, of in found.items()}
    notes = [note for of in found.values() for note in of.notes]
    return images(path.resolve().name.removesuffix("_lmdb"), parts, notes=notes)


def _read(folder: Path, **options: Any) -> Decoded:
    lmdb = _package()
    try:
        with lmdb.open(str(folder), readonly=True, lock=False, readahead=False) as database:
            _check_whole(folder, database)
            with database.begin() as view:
                keys = [bytes(key) for key in view.cursor().iternext(values=False)]
            names = [key.decode("ascii", "backslashreplace") for key in keys]
            pictures = Pictures(str(folder), names, _opener(database, keys), stamp(folder, ["data.mdb"]), plain=True)
            if not keys:
                raise ValueError(f"the database {folder} is empty")
            return decode(pictures, **options)
    except lmdb.Error as error:
        raise ValueError(f"{folder} cannot be read as an lmdb database: {error}") from error


def _check_whole(folder: Path, database: Any) -> None:
    """Refuses a file that is shorter than its pages: reading one that is missing would end the process.

    Raises:
        ValueError: the file is cut short.
    """
    expected = (database.info()["last_pgno"] + 1) * database.stat()["psize"]
    size = (folder / "data.mdb").stat().st_size
    if size < expected:
        raise ValueError(
            f"{folder} cannot be read as an lmdb database: data.mdb has {size} bytes of {expected}. Fetch it again"
        )


def _opener(database: Any, keys: list[bytes]) -> Callable[[int], Image.Image]:
    def opened(number: int) -> Image.Image:
        with database.begin() as view:
            return open_image(io.BytesIO(view.get(keys[number])))

    return opened


def _package() -> ModuleType:
    try:
        import lmdb  # an extra: only who reads LSUN needs it
    except ImportError as error:
        raise ValueError("reading LSUN needs the package lmdb: pip install 'remblai[lsun]'") from error
    module: ModuleType = lmdb
    return module
