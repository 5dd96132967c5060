"""What people hold in memory, as one array: tensors, lists, data frames, and the items of a PyTorch data set."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from remblai.data.frames import frame_array, is_frame
from remblai.data.labels import LABEL_NAMES
from remblai.data.pixels import in_memory
from remblai.distances.validation import refuse_sparse

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
    refuse_sparse("data", data)
    if isinstance(data, Tensor):
        host = data.detach().cpu()
        return (host.float() if host.dtype == torch.bfloat16 else host).numpy()
    if is_frame(data):
        return frame_array(data, columns)
    if hasattr(data, "units") and hasattr(data, "split"):
        return _whole(data)
    if isinstance(data, np.ma.MaskedArray) and bool(np.ma.getmaskarray(data).any()):
        hidden = int(np.ma.getmaskarray(data).sum())
        raise ValueError(
            f"expected an array without a mask, got {hidden:,} masked entries, whose numbers mean nothing: fill them, "
            "or leave such samples out"
        )
    if hasattr(data, "__array__"):
        return np.asarray(data)
    if isinstance(data, list | tuple):
        return stacked(data)
    if is_loader(data) or (hasattr(data, "__getitem__") and not isinstance(data, str | bytes | Mapping)):
        return items(data.dataset if is_loader(data) else data)[0]
    named = isinstance(data, str | Path)
    raise ValueError(
        f"expected an array, a tensor, a list of numbers, a data frame or a PyTorch data set, got "
        f"{type(data).__name__}: {'read it with remblai.data.load' if named else 'convert it with numpy.asarray'}"
    )


def one_sample(x: Any) -> Any:
    """One sample as a batch of one: an array, a tensor, a list, a row (Series) of a frame or a frame of one row.

    Raises:
        ValueError: a frame of another number of rows.
    """
    if is_frame(x):
        if len(x) != 1:
            raise ValueError(f"expected one row of a data frame, got {len(x)}: pass frame[:1]")
        return x
    if is_row(x):
        return x.to_frame().T
    return (x if isinstance(x, Tensor) else np.asarray(x))[None]


def is_row(x: Any) -> bool:
    """Whether it is a row of a data frame of pandas, which has one type for all its numbers."""
    return hasattr(x, "to_frame") and hasattr(x, "index")


def is_loader(data: Any) -> bool:
    """Whether it is a `torch` DataLoader: its data set has an order, which its batches need not have."""
    return hasattr(data, "dataset") and hasattr(data, "batch_size")


def _whole(dataset: Any) -> Array:
    """Every sample of a loaded data set, in its own units."""
    splits = [dataset.split(name) for name in ("train", "validation", "test")]
    rows, index = torch.cat([split[:] for split in splits]), torch.cat([split.index for split in splits])
    if torch.equal(index.sort().values, torch.arange(len(index))):
        rows = rows[index.argsort()]
    restored: Array = dataset.units.exact.restore(rows)
    return restored


def stacked(items: Sequence[Any]) -> Array:
    """Samples of one shape side by side: numbers, arrays, tensors or pictures of Pillow.

    Raises:
        ValueError: no samples, different shapes, or what is no number.
    """
    if not items:
        raise ValueError("the data is empty: expected at least one sample")
    if all(isinstance(item, Image.Image) for item in items):
        items = in_memory(items)
    arrays = [np.asarray(item.detach().cpu() if isinstance(item, Tensor) else item) for item in items]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        first, second = sorted(shapes)[:2]
        pair = len(arrays) == 2 and len(first) == 1 and len(second) > 1 and first[0] == second[0]
        remedy = ". Samples and their labels go as {'x': samples, 'labels': labels}" if pair else ""
        raise ValueError(
            f"the samples have {len(shapes)} different shapes, as {first} and {second}: expected one{remedy}"
        )
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
    if labels and not known:
        odd = next((label for label in labels if np.ndim(label) > 0), None)
        what = f"of shape {tuple(np.shape(odd))}" if odd is not None else f"for {len(labels)} of {len(samples)} samples"
        warnings.warn(
            f"the items hold second parts {what}, which are no classes and are left out: a class is one number or word "
            "for each sample",
            stacklevel=4,
        )
    return stacked(samples), np.asarray([_plain(label) for label in labels]) if known and labels else None


def _parts(item: Any) -> tuple[Any, Any]:
    if isinstance(item, Mapping):
        sample = next((key for key in SAMPLE_KEYS if key in item), None)
        if sample is None:
            raise ValueError(f"an item holds {', '.join(map(str, item))}: expected one of {', '.join(SAMPLE_KEYS)}")
        label = next((key for key in LABEL_NAMES if key in item), None)
        return item[sample], None if label is None else item[label]
    if isinstance(item, tuple | list) and item and not np.isscalar(item[0]):
        return item[0], item[1] if len(item) > 1 else None
    return item, None


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, Tensor | np.ndarray | np.generic) else label


SAMPLE_KEYS = ("image", "images", "x", "data", "pixel_values", "input")
