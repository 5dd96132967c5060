"""Files of codes, as `encode` writes them or of one's own making."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.config.registry import unknown
from remblai.data.labels import LABEL_NAMES
from remblai.data.numpy_files import read_npy, read_npz
from remblai.data.raw import Raw, raw_table
from remblai.data.table_cells import is_number
from remblai.runtime.text import one_line

CODES, CLASS = "codes", "class"


def read_codes(path: Path, latent: int, names: Sequence[str]) -> tuple[NDArray[Any], list[int] | None]:
    """The codes (n, latent) of a file, and the numbers of the classes of its rows, where it has any.

    Args:
        path: a table with the columns code_0, code_1 and so on, perhaps label or class; an .npz with the array codes,
            perhaps labels; or a .npy.
        latent: how many numbers a code of the model has.
        names: of the model's classes, in their order; empty where it has none.

    Raises:
        ValueError: no such file, one that cannot be read, or without codes of that width; classes that are unknown, or
            that are not those that the labels say.
    """
    if not path.is_file():
        raise ValueError(f"codes: no such file: {one_line(str(path))}.")
    match path.suffix.lower():
        case ".npy":
            return _of_width(read_npy(path), latent, path), None
        case ".npz":
            arrays = read_npz(path)
            if CODES not in arrays:
                found = ", ".join(map(one_line, arrays))
                raise ValueError(f"codes: expected an array of the name {CODES!r} in {path}, got {found}: rename it.")
            labels = next((arrays[name].reshape(-1) for name in LABEL_NAMES if name in arrays), None)
            known = None if labels is None or not names else _numbers(labels, names, path)
            return _of_width(arrays[CODES], latent, path), known
        case ".csv" | ".tsv" | ".parquet":
            table = raw_table(path, None)
            return _columns(table, latent, path), _classes(table, names, path) if names else None
    raise ValueError(f"codes: expected a .csv, .tsv, .parquet, .npz or .npy file, got {one_line(str(path))}.")


def _of_width(codes: NDArray[Any], latent: int, path: Path) -> NDArray[Any]:
    if codes.dtype.kind not in "iuf" or codes.ndim != 2 or codes.shape[1] != latent or not len(codes):
        raise ValueError(
            f"codes: expected numbers (n, {latent}) in {path}, for a code of this model has {latent}, got "
            f"{codes.dtype} {codes.shape}."
        )
    return codes


def _columns(table: Raw, latent: int, path: Path) -> NDArray[Any]:
    wanted = [f"code_{axis}" for axis in range(latent)]
    named = [name for name in table if name.startswith("code_")]
    if sorted(named) != sorted(wanted):
        raise ValueError(
            f"codes: expected the columns {wanted[0]} to {wanted[-1]} in {path}, for a code of this model has {latent} "
            f"numbers, got {', '.join(named) or 'none of such a name'}."
        )
    if words := [name for name in wanted if table[name].dtype.kind != "f"]:
        raise ValueError(f"codes: expected numbers in column {words[0]} of {path}, got text or dates.")
    return _of_width(np.stack([table[name] for name in wanted], 1), latent, path)


def _classes(table: Raw, names: Sequence[str], path: Path) -> list[int] | None:
    """The numbers of the classes, by the column of labels or that of names; both must say the same."""
    labels = next((table[name] for name in LABEL_NAMES if name in table), None)
    numbers = None if labels is None else _numbers(labels, names, path)
    if CLASS not in table:
        return numbers
    named = [_place(value, names) for value in table[CLASS].tolist()]
    if numbers is not None and numbers != named:
        row = next(k for k, pair in enumerate(zip(numbers, named, strict=True)) if pair[0] != pair[1])
        raise ValueError(
            f"codes: the label of row {row + 1} of {path} is {numbers[row]}, and its class is number {named[row]}: "
            "correct one, or leave one column out."
        )
    return named


def _numbers(labels: NDArray[Any], names: Sequence[str], path: Path) -> list[int]:
    """The numbers of the classes of rows by labels (n,): their numbers, or their names."""
    if labels.dtype.kind not in "biuf":
        return [_place(value, names) for value in labels.tolist()]
    wrong = np.flatnonzero((labels != np.rint(labels)) | (labels < 0) | (labels >= len(names)))
    if len(wrong):
        raise ValueError(
            f"codes: expected labels from 0 to {len(names) - 1} in {path}, got {labels[wrong[0]]:g} in row "
            f"{wrong[0] + 1}: correct it, or leave the labels out and pass --class NAME."
        )
    return [int(label) for label in labels]


def _place(value: Any, names: Sequence[str]) -> int:
    """The number of a class by its name, which may have been read as a number."""
    for place, name in enumerate(names):
        if value == name or (isinstance(value, float) and is_number(name) and float(name) == value):
            return place
    raise unknown("class", f"{value:g}" if isinstance(value, float) else str(value), names)
