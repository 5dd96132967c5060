"""Data in memory: arrays, tensors, data frames, PyTorch data sets and loaders, tables of the package `datasets`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.arrays import COLUMNS, arrays_by_name, data_set
from remblai.data.chosen import chosen_columns, picked
from remblai.data.collect import as_array, is_loader, items
from remblai.data.dataset import Dataset
from remblai.data.frames import FrameForm, categories, column, column_names, frame_array, is_frame
from remblai.data.labels import as_labels, label_place
from remblai.data.layout import Limits, check_numbers
from remblai.data.mixed_tables import mixed_table
from remblai.data.raw import raw_table
from remblai.data.splits import WHOLE, Part, points
from remblai.distances.validation import refuse_sparse

NAME = "custom"


def in_memory(data: Any, *, layout: str | None = None, range: Limits | None = None) -> Dataset:
    """A data set of what Python holds: an array or what becomes one, a PyTorch data set or loader.

    Samples are kept in their own type; a PyTorch data set, alone or in a loader, is read once, item by item, in order.

    Args:
        data: an array or a tensor, images (n, h, w), (n, h, w, c), (n, c, h, w), points (n, d) or numbers (n,);
            a list of them; a `torch` Dataset whose items are x or (x, label), or a DataLoader of one.
        layout: of the axes, where the shape does not say it: nhw, nhwc, nchw, nd or flat.
        range: the low and the high value of images, where they are neither bytes nor in [0, 1] or [-1, 1].

    Raises:
        ValueError: what is no data, samples of different shapes, and whatever is wrong with the values.
    """
    what = f"data ({kind_of(data)})"
    samples, labels, notes = _samples(data)
    known = {} if labels is None else {WHOLE: labels}
    return data_set(NAME, what, {WHOLE: samples}, known, layout=layout, limits=range, notes=notes)


def named_arrays(
    data: Mapping[Any, Any],
    *,
    layout: str | None = None,
    range: Limits | None = None,
    columns: tuple[str, ...] | None = None,
) -> Dataset:
    """A data set of {"x": ..., "y": ...}, arrays by name as in a file .npz: see `arrays.npz`.

    Args:
        data: arrays, or what becomes one.
        layout: see `in_memory`.
        range: see `in_memory`.
        columns: of points with names: the names of those to take, in this order.

    Raises:
        ValueError: see `in_memory`.
    """
    arrays = {str(key): _array(np.asarray(value) if key == COLUMNS else value) for key, value in data.items()}
    return arrays_by_name(NAME, f"data ({kind_of(data)})", arrays, layout=layout, limits=range, asked=columns)


def as_it_is(data: Dataset) -> Dataset:
    """A data set, which has no options left."""
    return data


def frame(data: Any, *, columns: tuple[str, ...] | None = None, label: str | None = None) -> Dataset:
    """A data frame of pandas or polars: a table, which comes back as such a frame.

    Words become a column of 0 and 1 for each, dates days, and empty cells are marked: see `mixed.Mixed`.

    Args:
        data: the frame.
        columns: the names of those to take, in this order; None takes all.
        label: the name of the column that holds each row's class, a number or a word.

    Raises:
        ValueError: no rows; a column that is missing, or that a model cannot learn.
    """
    what = f"data ({kind_of(data)})"
    present, labels = column_names(data), None
    if label is not None:
        present.pop(label_place(present, label, "the data frame"))
        labels = as_labels(list(column(data, label)), f"column {label!r} of the data frame")
    names = chosen_columns(present, columns, "the data frame")
    if len(data) == 0 or not names:
        raise ValueError(
            f"{what} is empty, of shape {(len(data), len(names))}: expected at least one row and one column"
        )
    table = _numbers(data, names, what)
    if table is None:
        return mixed_table(NAME, what, raw_table(data, names, text=True), picked(columns), None, labels, frame=data)
    found = points(NAME, {WHOLE: Part(table, labels)}, names)
    return replace(found, units=replace(found.units, frame=FrameForm.of(data, names)))


def _numbers(data: Any, names: list[str], what: str) -> NDArray[Any] | None:
    """The columns of a frame as numbers (n, d); None where some are words, categories, dates or gaps."""
    if not {*names}.isdisjoint(categories(data)):
        return None
    try:
        table = frame_array(data, names)
        check_numbers(table, what)
    except ValueError:  # which says what the first of them is, and not that all can be read otherwise
        return None
    return table


def reader_of(data: Any) -> Callable[..., Dataset]:
    """The function that reads such data."""
    if isinstance(data, Dataset):
        return as_it_is
    return frame if is_frame(data) else named_arrays if isinstance(data, Mapping) else in_memory


def kind_of(data: Any) -> str:
    """What sort of data it is, for run.json and for errors: the name of its type."""
    return type(data).__name__


def _samples(data: Any) -> tuple[NDArray[Any], NDArray[Any] | None, list[str]]:
    """The samples, their labels where there are any, and what to say about how they were read."""
    refuse_sparse("data", data)
    if is_loader(data):
        note = "read from the loader's data set, in order: its batches and its sampler are not used"
        return *items(data.dataset), [note]
    if isinstance(data, list | tuple) or hasattr(data, "__array__") or not hasattr(data, "__getitem__"):
        return _array(data), None, []
    return *items(data), []


def _array(data: Any) -> NDArray[Any]:
    found = as_array(data)
    if found.dtype == object:
        raise ValueError("the data holds Python objects: expected numbers in an array of one shape")
    return found
