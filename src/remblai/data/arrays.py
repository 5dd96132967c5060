"""Arrays in numpy's files: .npy and .npz, images or points, with labels and splits."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import SPLITS, Dataset
from remblai.data.layout import check_numbers, layout_of, planes, to_bytes
from remblai.data.splits import WHOLE, Part, images, points

SAMPLES = ("images", "values", "x", "data", "codes")
LABELS = ("labels", "y")
CLASSES, SPLIT = "classes", "split"
_PARTS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_ANY_PART = "|".join(_PARTS)

Limits = tuple[float, float]


def npy(path: Path, *, layout: str | None = None, range: Limits | None = None) -> Dataset:
    """One array: images (n, h, w), (n, h, w, c), (n, c, h, w) or points (n, d); memory-mapped, so of any size.

    Args:
        path: the file.
        layout: of the axes: nhw, nhwc, nchw or nd, where the shape does not say it.
        range: the low and the high value of images, where they are neither bytes nor in [0, 1] or [-1, 1].

    Raises:
        ValueError: a damaged file, pickled objects, another rank, an ambiguous layout, NaN, values outside the range.
    """
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path} is not a .npy file, though it is called so: expected one array")
    return data_set(path.stem, str(path), {WHOLE: array}, {}, layout=layout, limits=range)


def npz(path: Path, *, layout: str | None = None, range: Limits | None = None) -> Dataset:
    """Named arrays: one of images, values, x, data, codes (or a single array of any name), perhaps labels or y.

    Splits are names with train, validation (val, valid) or test before or after: x_train, train_images, labels_test;
    or, as `encode` writes it, an array `split` of the words train, validation, test. `classes` may name the labels.

    Args:
        path: the file.
        layout: of the axes: nhw, nhwc, nchw or nd, where the shape does not say it.
        range: the low and the high value of images, where they are neither bytes nor in [0, 1] or [-1, 1].

    Raises:
        ValueError: a damaged file, no array of a known name, pickled objects, another rank, an ambiguous layout, NaN,
            values outside the range, labels that do not fit.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is damaged or cut short: expected a whole file that numpy.savez wrote")
    try:
        with np.load(path, allow_pickle=False) as stored:
            samples, labels = _names(path, list(stored.keys()))
            arrays = {part: _get(path, stored, key) for part, key in samples.items()}
            known = {part: _get(path, stored, key) for part, key in labels.items() if part in samples}
            classes = (
                [str(name) for name in _get(path, stored, CLASSES).ravel().tolist()]
                if CLASSES in stored and known
                else None
            )
            split = _get(path, stored, SPLIT) if SPLIT in stored and WHOLE in samples else None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, error) from error
    if classes is not None and any(of.dtype.kind not in "iu" for of in known.values()):
        classes = None  # labels in words name themselves
    return data_set(path.stem, str(path), arrays, known, classes, layout=layout, limits=range, split=split)


def _get(path: Path, stored: Mapping[str, NDArray[Any]], key: str) -> NDArray[Any]:
    try:
        return stored[key]
    except ValueError as error:
        raise _unreadable(path, error) from error


def _names(path: Path, keys: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The key of each part's samples and of its labels."""
    samples: dict[str, str] = {}
    labels: dict[str, str] = {}
    for key in keys:
        base, part = _split_name(key)
        if part is not None and base in (*SAMPLES, ""):
            samples[part] = key
        elif part is not None and base in LABELS:
            labels[part] = key
    if samples:
        return samples, labels
    whole = [key for name in SAMPLES for key in keys if key.lower() == name] or (keys if len(keys) == 1 else [])
    if not whole:
        raise ValueError(
            f"{path} holds {', '.join(keys) or 'nothing'}: expected an array called {', '.join(SAMPLES)}, or x_train, "
            "x_test and the like"
        )
    if len(whole) > 1:
        raise ValueError(f"{path} holds {' and '.join(whole)}: expected one of them")
    own = next((key for name in LABELS for key in keys if key.lower() == name), None)
    return {WHOLE: whole[0]}, {} if own is None else {WHOLE: own}


def _split_name(key: str) -> tuple[str, str | None]:
    """`x_train`, `train_images` or `train` -> the rest of the name and the part, None where none is named."""
    found = re.fullmatch(rf"(?:(?P<a>{_ANY_PART})(?:_(?P<b>\w+))?)|(?:(?P<c>\w+)_(?P<d>{_ANY_PART}))", key.lower())
    if found is None:
        return key.lower(), None
    return found["b"] or found["c"] or "", _PARTS[found["a"] or found["d"]]


def data_set(
    name: str,
    told: str,
    arrays: Mapping[str, NDArray[Any]],
    labels: Mapping[str, NDArray[Any]],
    classes: list[str] | None = None,
    *,
    layout: str | None = None,
    limits: Limits | None = None,
    split: NDArray[Any] | None = None,
) -> Dataset:
    """A data set of arrays in memory or memory-mapped, by part.

    Args:
        name: of the data set.
        told: what errors call the source.
        arrays: images or points of each part.
        labels: of those parts that have them.
        classes: the names of the labels 0, 1, ...; None makes them of the labels.
        layout: see `layout.layout_of`.
        limits: see `layout.to_bytes`.
        split: (n,) words, the part of each row of the only array.

    Raises:
        ValueError: see `npz`.
    """
    calls = {part: told if part == WHOLE else f"the {part} part of {told}" for part in arrays}
    layouts = {part: layout_of(array.shape, layout, calls[part]) for part, array in arrays.items()}
    for part, array in arrays.items():
        if array.size == 0:
            raise ValueError(f"{calls[part]} is empty, of shape {array.shape}: expected at least one sample")
    if "nd" in layouts.values():
        if limits is not None:
            raise ValueError(f"range is for images; {told} holds points (n, d), which are standardised")
        for part, array in arrays.items():
            check_numbers(array, calls[part])
        return points(name, _parts(arrays, labels, split))
    pictures = {part: planes(to_bytes(array, limits, calls[part]), layouts[part]) for part, array in arrays.items()}
    return images(name, _parts(pictures, labels, split), classes)


def _parts(
    arrays: Mapping[str, NDArray[Any]], labels: Mapping[str, NDArray[Any]], split: NDArray[Any] | None
) -> dict[str, Part]:
    if split is None:
        return {part: Part(array, labels.get(part)) for part, array in arrays.items()}
    array = arrays[WHOLE]
    if split.shape != (len(array),) or not set(np.unique(split).tolist()) <= set(SPLITS):
        raise ValueError(f"the array split must hold {len(array)} words, each of {', '.join(SPLITS)}")
    words = np.unique(split)
    if "train" not in words:  # codes of one split alone are a source without splits
        return {WHOLE: Part(array, labels.get(WHOLE))}
    return {str(word): Part(array, labels.get(WHOLE), np.flatnonzero(split == word)) for word in words}


def _unreadable(path: Path, error: Exception) -> ValueError:
    if "Object arrays" in str(error) or "Python objects" in str(error):  # numpy's words for a pickle within
        return ValueError(f"{path} holds pickled objects, which are never read, for they could run code: save numbers")
    if "pickled data" in str(error):  # numpy takes whatever is not its own for a pickle
        return ValueError(f"{path} cannot be read: it is no array of numpy's. Expected a file that numpy.save wrote")
    return ValueError(f"{path} cannot be read: {error}. Expected a whole file that numpy.save or numpy.savez wrote")
