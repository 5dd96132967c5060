"""Arrays in numpy's files: .npy and .npz, images or points, with labels and splits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.dataset import SPLITS, Dataset
from remblai.data.labels import LABEL_NAMES
from remblai.data.layout import Limits, check_numbers, layout_of, limits_of, native, planes
from remblai.data.named_columns import NAMELESS, Named
from remblai.data.numpy_files import read_npy, read_npz
from remblai.data.splits import SPLIT_NAMES, WHOLE, Part, images, points
from remblai.runtime.text import one_line

SAMPLES = ("images", "values", "x", "data", "codes")
CLASSES, SPLIT, RANGE, COLUMNS = "classes", "split", "range", "columns"
OF_CODES = ("index", "log_prob")
"""What `encode` writes beside codes, and is no data."""
UNLABELLED = -1
"""What `encode` writes as the label of a row that has none, where rows of other splits have one."""
_ANY_PART = "|".join(SPLIT_NAMES)


def npy(path: Path, *, layout: str | None = None, range: Limits | None = None) -> Dataset:
    """One array: images (n, h, w), (n, h, w, c), (n, c, h, w), points (n, d) or numbers (n,), memory-mapped.

    Args:
        path: the file.
        layout: of the axes: nhw, nhwc, nchw, nd or flat, where the shape does not say it.
        range: the low and the high value of images, where they are neither bytes nor in [0, 1] or [-1, 1].

    Raises:
        ValueError: a damaged file, pickled objects, another rank, an ambiguous layout, NaN, values outside the range.
    """
    return data_set(path.stem, str(path), {WHOLE: read_npy(path)}, {}, layout=layout, limits=range)


def npz(
    path: Path, *, layout: str | None = None, range: Limits | None = None, columns: tuple[str, ...] | None = None
) -> Dataset:
    """Named arrays: one of images, values, x, data, codes (or a single array of any name), perhaps labels, y or target.

    Splits are names with train, validation (val, valid) or test before or after: x_train, train_images, labels_test;
    or, as `encode` writes it, an array `split` of the words train, validation, test. `classes` may name the labels,
    `range` the low and the high value of images and `columns` those of points (n, d), as `sample` writes them.

    Args:
        path: the file.
        layout: of the axes: nhw, nhwc, nchw, nd or flat, where the shape does not say it.
        range: the low and the high value of images, where they are neither bytes nor in [0, 1] or [-1, 1].
        columns: of points with names: the names of those to take, in this order; that of a table's own column takes
            all that are made of it, as `city` does of `city = oslo` and `city is empty`.

    Raises:
        ValueError: a damaged file, no array of a known name, pickled objects, another rank, an ambiguous layout, NaN,
            values outside the range, labels or names that do not fit, a column that is missing, more data than there is
            memory.
    """
    return arrays_by_name(path.stem, str(path), read_npz(path), layout=layout, limits=range, asked=columns)


def arrays_by_name(
    name: str,
    source: str,
    stored: Mapping[str, NDArray[Any]],
    *,
    layout: str | None = None,
    limits: Limits | None = None,
    asked: tuple[str, ...] | None = None,
) -> Dataset:
    """A data set of named arrays; see `npz` for the names.

    Args:
        name: of the data set.
        source: what errors call the source.
        stored: the arrays.
        layout: see `layout.layout_of`.
        limits: see `layout.limits_of`.
        asked: the names of the columns to take.
    """
    samples, labels = _names(source, list(stored))
    for key in samples.values():
        if "images" in key.lower() and stored[key].ndim == 1:
            raise ValueError(
                f"{source}: expected images (n, h, w) or more axes as {key}, got shape {stored[key].shape}"
            )
    arrays = {part: stored[key] for part, key in samples.items()}
    known = {part: stored[key] for part, key in labels.items() if part in samples}
    classes = None
    if CLASSES in stored and known and all(of.dtype.kind in "iu" for of in known.values()):  # words name themselves
        classes = [one_line(str(name)) for name in stored[CLASSES].ravel().tolist()]
    split = stored[SPLIT] if SPLIT in stored and WHOLE in samples else None
    read = {*samples.values(), *labels.values(), CLASSES, SPLIT, RANGE, COLUMNS}
    unread = [one_line(key) for key in stored if key not in read and key not in OF_CODES]
    if limits is None and RANGE in stored and stored[RANGE].shape == (2,) and stored[RANGE].dtype.kind in "iuf":
        limits = float(stored[RANGE][0]), float(stored[RANGE][1])
    return data_set(
        name, source, arrays, known, classes, layout=layout, limits=limits, split=split,
        named=Named(stored.get(COLUMNS), asked),
        notes=[f"arrays that are not read: {', '.join(unread)}"] if unread else [],
    )  # fmt: skip


def _names(path: str, keys: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The key of each part's samples and of its labels."""
    samples: dict[str, str] = {}
    labels: dict[str, str] = {}
    for key in keys:
        base, part = _split_name(key)
        kind = samples if base in (*SAMPLES, "") else labels if base in LABEL_NAMES else None
        if part is not None and kind is not None and kind.setdefault(part, key) != key:
            raise ValueError(f"{path} holds {kind[part]} and {key}: expected one of them")
    if samples:
        return samples, labels
    keys = [key for key in keys if key not in (RANGE, COLUMNS)]
    whole = [key for name in SAMPLES for key in keys if key.lower() == name] or (keys if len(keys) == 1 else [])
    if not whole:
        raise ValueError(
            f"{path} holds {one_line(', '.join(keys)) or 'nothing'}: expected an array called {', '.join(SAMPLES)}, "
            "or x_train, x_test and the like"
        )
    if len(whole) > 1:
        raise ValueError(f"{path} holds {' and '.join(whole)}: expected one of them")
    own = next((key for name in LABEL_NAMES for key in keys if key.lower() == name), None)
    return {WHOLE: whole[0]}, {} if own is None else {WHOLE: own}


def _split_name(key: str) -> tuple[str, str | None]:
    """`x_train`, `train_images` or `train` -> the rest of the name and the part, None where none is named."""
    found = re.fullmatch(rf"(?:(?P<a>{_ANY_PART})(?:_(?P<b>\w+))?)|(?:(?P<c>\w+)_(?P<d>{_ANY_PART}))", key.lower())
    if found is None:
        return key.lower(), None
    return found["b"] or found["c"] or "", SPLIT_NAMES[found["a"] or found["d"]]


def data_set(
    name: str,
    source: str,
    arrays: Mapping[str, NDArray[Any]],
    labels: Mapping[str, NDArray[Any]],
    classes: list[str] | None = None,
    *,
    layout: str | None = None,
    limits: Limits | None = None,
    split: NDArray[Any] | None = None,
    notes: Sequence[str] = (),
    named: Named = NAMELESS,
) -> Dataset:
    """A data set of arrays in memory or memory-mapped, by part; they are kept in their own type.

    Args:
        name: of the data set.
        source: what errors call the source.
        arrays: images or points of each part.
        labels: of those parts that have them.
        classes: the names of the labels 0, 1, ...; None makes them of the labels.
        layout: see `layout.layout_of`.
        limits: see `layout.limits_of`.
        split: (n,) words, the part of each row of the only array.
        notes: what else to say about the data.
        named: the names of the columns of points, and which are asked for.

    Raises:
        ValueError: see `npz`.
    """
    calls = {part: source if part == WHOLE else f"the {part} part of {source}" for part in arrays}
    bytes_ = all(array.dtype == np.uint8 for array in arrays.values())
    layouts = {part: layout_of(array.shape, layout, calls[part], bytes_) for part, array in arrays.items()}
    for part, array in arrays.items():
        if array.size == 0:
            raise ValueError(f"{calls[part]} is empty, of shape {array.shape}: expected at least one sample")
    if {"nd", "flat"} & set(layouts.values()):
        if limits is not None:
            raise ValueError(f"range is for images; {source} holds points (n, d), which are standardised")
        for part, array in arrays.items():
            check_numbers(array, calls[part])
        item = next(iter(arrays.values())).shape[1:]
        flat = {part: array.reshape(len(array), -1) for part, array in arrays.items()}
        names, flat = named.chosen(flat, item, source)
        item = item if names is None else (len(names),)
        return points(name, _parts(flat, labels, split), names, notes, None if len(item) == 1 else item)
    named.refuse_images(source)
    if limits is None and not bytes_:
        for part, array in arrays.items():
            check_numbers(array, calls[part])
    kinds = {array.dtype for array in arrays.values()}
    of_kind = {kind: [array for array in arrays.values() if array.dtype == kind] for kind in kinds}
    found = {kind: limits_of(of, limits, source) for kind, of in of_kind.items()}
    pictures = {part: planes(native(array, calls[part]), layouts[part]) for part, array in arrays.items()}
    limits_by_part = {part: found[array.dtype] for part, array in arrays.items()}
    parts = {
        part: replace(of, limits=limits_by_part.get(part) or limits_by_part[WHOLE])
        for part, of in _parts(pictures, labels, split).items()
    }
    first = arrays.get("train", next(iter(arrays.values()))).dtype
    kind = first if first.kind == "u" else None  # uint32 and uint64 are held as int64, and come back as they are
    return images(name, parts, classes, notes, next(iter(layouts.values())), kind)


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
    places = {str(word): np.flatnonzero(split == word) for word in words}
    known = labels.get(WHOLE)
    if known is None or known.shape != (len(array),):
        return {word: Part(array, known, rows) for word, rows in places.items()}
    without = {word for word, rows in places.items() if np.all(known[rows] == UNLABELLED)}
    if without and len(without) < len(places):  # what stands at rows that have no label is no class
        gaps = np.isin(split, list(without))
        known = np.where(gaps, known[~gaps][0], known)
    return {word: Part(array, None if word in without else known, rows) for word, rows in places.items()}
