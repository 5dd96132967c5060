"""What people hold in memory, as one array: tensors, lists, data frames, and the items of a PyTorch data set."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def as_array(data: Any, columns: Sequence[str] | None = None) -> Array:
    """What holds samples as an array of them: arrays, tensors, lists, data frames, PyTorch data sets, loaded data.

    A data set that `data.load` returned comes whole, in the order of its source where that has no splits of its own,
    else train, validation and test one after the other.

    Args:
        data: what is given.
        columns: of a frame, by name and in this order; None takes all as they come.

    Raises:
        ValueError: rows of different shapes, what is no array, a column that is missing or holds no numbers.
    """
    if isinstance(data, Tensor):
        host = data.detach().cpu()
        return (host.float() if host.dtype == torch.bfloat16 else host).numpy()
    if is_frame(data):
        return frame_array(data, columns)
    if hasattr(data, "units") and hasattr(data, "split"):
        return _whole(data)
    if hasattr(data, "__array__"):
        return np.asarray(data)
    if isinstance(data, list | tuple):
        return stacked(data)
    if is_loader(data) or (hasattr(data, "__getitem__") and not isinstance(data, str | bytes | Mapping)):
        return items(data.dataset if is_loader(data) else data)[0]
    raise ValueError(
        f"expected an array, a tensor, a list of numbers, a data frame or a PyTorch data set, got "
        f"{type(data).__name__}: convert it with numpy.asarray"
    )


def is_loader(data: Any) -> bool:
    """Whether it is a `torch` DataLoader: its data set has an order, which its batches need not have."""
    return hasattr(data, "dataset") and hasattr(data, "batch_size")


def _whole(dataset: Any) -> Array:
    """Every sample of a loaded data set, in its own units."""
    splits = [dataset.split(name) for name in ("train", "validation", "test")]
    rows, index = torch.cat([split[:] for split in splits]), torch.cat([split.index for split in splits])
    if torch.equal(index.sort().values, torch.arange(len(index))):
        rows = rows[index.argsort()]
    restored: Array = dataset.units.restore(rows)
    return restored


def is_frame(data: Any) -> bool:
    """Whether it is a data frame of pandas or polars: neither package is imported."""
    return hasattr(data, "columns") and hasattr(data, "to_numpy") and type(data).__name__ == "DataFrame"


def frame_array(frame: Any, columns: Sequence[str] | None = None) -> Array:
    """The columns of a data frame as (n, d).

    Raises:
        ValueError: a column that is missing, holds no numbers or has gaps.
    """
    present = [str(name) for name in frame.columns]
    by_name = dict(zip(present, frame.columns, strict=True))
    parts = []
    for name in chosen_columns(present, columns, "the data frame"):
        column = np.asarray(frame[by_name[name]].to_numpy())
        with contextlib.suppress(TypeError, ValueError):  # what is no number is refused below
            column = column.astype(np.float64) if column.dtype.kind == "O" else column
        if column.dtype.kind not in "buif":
            raise ValueError(
                f"column {name!r} of the data frame holds {column.dtype}: expected numbers. Choose others with columns"
            )
        parts.append(column)
    return np.stack(parts, 1) if parts else np.empty((len(frame), 0))


def chosen_columns(present: Sequence[str], asked: Sequence[str] | None, source: str) -> list[str]:
    """The names of the columns to take, in order.

    Args:
        present: the names that the data has.
        asked: those that are wanted; None takes all.
        source: what errors call the data.

    Raises:
        ValueError: one is missing, or is there or asked for twice.
    """
    if asked is None:
        return list(present)
    missing = [name for name in asked if name not in present]
    if missing:
        raise ValueError(f"{source} has the columns {', '.join(present)}: expected {', '.join(missing)} too")
    twice = [name for name in asked if list(asked).count(name) > 1 or list(present).count(name) > 1]
    if twice:
        raise ValueError(f"the column {twice[0]!r} of {source} is there or asked for twice: expected it once")
    return list(asked)


def stacked(items: Sequence[Any]) -> Array:
    """Samples of one shape side by side: numbers, arrays, tensors or pictures of Pillow.

    Raises:
        ValueError: no samples, different shapes, or what is no number.
    """
    if not items:
        raise ValueError("the data is empty: expected at least one sample")
    arrays = [np.asarray(item.detach().cpu() if isinstance(item, Tensor) else item) for item in items]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        first, second = sorted(shapes)[:2]
        raise ValueError(f"the samples have {len(shapes)} different shapes, as {first} and {second}: expected one")
    found = np.stack(arrays)
    if found.dtype.kind not in "buif":
        raise ValueError(f"the samples hold {found.dtype}, as {type(items[0]).__name__}: expected numbers")
    return found


def items(data: Any) -> tuple[Array, Array | None]:
    """The samples and labels of a PyTorch data set, in order: an item is x, (x, label) or a dictionary of them.

    Raises:
        ValueError: a data set without a length, none or mixed samples, or a dictionary without one.
    """
    if not hasattr(data, "__len__") or not hasattr(data, "__getitem__"):
        raise ValueError(
            f"{type(data).__name__} has no length, so it may never end: expected a data set with __len__ and "
            "__getitem__; take a part of it as a list"
        )
    samples, labels = [], []
    for place in range(len(data)):
        sample, label = _parts(data[place])
        samples.append(sample)
        if label is not None:
            labels.append(label)
    known = len(labels) == len(samples) and all(np.ndim(label) == 0 for label in labels)
    return stacked(samples), np.asarray([_plain(label) for label in labels]) if known and labels else None


def _parts(item: Any) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        sample = next((key for key in SAMPLE_KEYS if key in item), None)
        if sample is None:
            raise ValueError(f"an item holds {', '.join(map(str, item))}: expected one of {', '.join(SAMPLE_KEYS)}")
        label = next((key for key in LABEL_KEYS if key in item), None)
        return item[sample], None if label is None else item[label]
    if isinstance(item, tuple | list) and item and not np.isscalar(item[0]):
        return item[0], item[1] if len(item) > 1 else None
    return item, None


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, Tensor | np.ndarray | np.generic) else label


SAMPLE_KEYS = ("image", "images", "x", "data", "pixel_values", "input")
LABEL_KEYS = ("label", "labels", "y", "target")
