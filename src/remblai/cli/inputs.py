"""The data that a command on a run reads: a name, a path, one picture, or what comes on stdin."""

import io
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.cli.arrays import dataset_of, splits
from remblai.data import Dataset, Split
from remblai.data.layout import check_numbers
from remblai.data.pages import PLUGINS, suffixes
from remblai.data.picture import picture
from remblai.networks.classes import required
from remblai.runs.chunks import Rows
from remblai.runs.data import own_options
from remblai.runs.labels import labels_for
from remblai.runs.model import Trained

STDIN = "-"
NUMPY, IMAGES = b"\x93NUMPY", (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"P5", b"P6")
"""How arrays and the common kinds of images begin; anything else on stdin is a table."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows that belong together.

    Attributes:
        rows: as the model sees them.
        split: its name; empty where there are none.
        index: (n,), where each lies in its source.
        labels: (n,), or None.
        files: the name of the file of each, or None.
        classes: the names of labels, or None.
    """

    rows: Rows
    split: str
    index: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None
    files: Sequence[str] | None = None
    classes: Sequence[str] | None = None


def read_inputs(
    trained: Trained,
    data: str,
    options: Mapping[str, Any] | None = None,
    in_order: bool | None = False,
    class_: str | None = None,
) -> Iterator[Inputs]:
    """What a command's model reads, split by split; one picture and what comes on stdin have no splits.

    Args:
        trained: the model.
        data: a name or a path, with a split or without; the path of one image; or - for stdin.
        options: of the data, before those of the run.
        in_order: whether the rows of one source come in its own order, without splits, where none is picked; None is
            for other data than the run's own.
        class_: the class of every row, instead of their own; None takes those of the data.

    Raises:
        ValueError: data of another shape, or that cannot be read; an unknown class, or a model without classes; a
            conditional model, and rows without classes.
    """
    if class_ is None:
        for part in _read(trained, data, options, in_order):
            if trained.conditional and part.labels is None:
                raise ValueError(
                    "data: expected a class for each row, for the model is conditional, got none: pass --class NAME "
                    "for all of them, or use class folders, an .npz with labels, or a table with --label COLUMN."
                )
            yield part
        return
    known = labels_for(trained.objective, range(1), class_, trained.classes)
    for part in _read(trained, data, options, in_order, own_labels=False):
        labels = np.full(len(part.rows), int(required(known)))
        yield replace(part, labels=labels, classes=trained.classes)


def _read(
    trained: Trained, data: str, options: Mapping[str, Any] | None, in_order: bool | None, own_labels: bool = True
) -> Iterator[Inputs]:
    path = Path(data)
    if data == STDIN:
        yield _from_stdin(trained, sys.stdin.buffer.read(), options, own_labels)
    elif path.suffix.lower() in {*suffixes(), *PLUGINS} and path.is_file():
        yield _alone(picture(path, path.name, trained.units, _all_options(trained, options)), [path.name])
    else:
        found = list(splits(trained, data, options, own_labels))
        if in_order is None:
            in_order = found[0][0].fingerprint != trained.run.settings["data"]["fingerprint"]
        if in_order and len(found) > 1 and len({id(split.rows) for _, split in found}) == 1:
            found = [(dataset, _whole(dataset)) for dataset, _ in found[:1]]
        for dataset, split in found:
            yield _of_split(dataset, split)


def _of_split(dataset: Dataset, split: Split) -> Inputs:
    index = split.index.numpy()
    files = None if dataset.files is None else [dataset.files[place] for place in index]
    labels = None if split.labels is None else split.labels.numpy()
    return Inputs(split, split.name, index, labels, files, dataset.classes)


def _from_stdin(trained: Trained, content: bytes, options: Mapping[str, Any] | None, own_labels: bool) -> Inputs:
    """An image, an array as .npy, or a table as .csv; in the order in which its rows come.

    Raises:
        ValueError: nothing came, or what cannot be read.
    """
    if not content:
        raise ValueError("data: expected an image, an .npy array or a .csv table on stdin, got nothing: pipe one in.")
    if content.startswith(NUMPY):
        try:
            array = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, EOFError, OSError) as problem:
            raise ValueError(f"stdin cannot be read as .npy ({problem}): pipe a whole array in.") from None
        check_numbers(array, "stdin")
        units = trained.units
        if asked := (options or {}).get("range"):
            units = replace(units, limits=tuple(asked), dtype=array.dtype.name)
        alone = len(units.axes) - 1 if units.range else len(units.sample_shape)
        return _alone(units.scale(array[None] if array.ndim == alone else array))
    if content.startswith(IMAGES):
        every = _all_options(trained, options)
        return _alone(picture(io.BytesIO(content), "stdin", trained.units, every), [STDIN])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdin.csv"
        path.write_bytes(content)
        try:
            dataset = dataset_of(trained, str(path), options, own_labels)
        except ValueError as problem:
            raise ValueError(str(problem).replace(str(path), "stdin")) from None
    return _of_split(dataset, _whole(dataset))


def _whole(dataset: Dataset) -> Split:
    """All rows of a source that its splits share, in its own order."""
    every_split = [dataset.train, dataset.validation, dataset.test]
    index = torch.cat([split.index for split in every_split])
    order = index.argsort()
    known = [split.labels for split in every_split if split.labels is not None]
    return Split("", dataset.train.rows, index[order], torch.cat(known)[order] if known else None)


def _alone(x: Tensor, files: Sequence[str] | None = None) -> Inputs:
    """Rows without classes."""
    return Inputs(x, "", np.arange(len(x)), None, files)


def _all_options(trained: Trained, options: Mapping[str, Any] | None) -> dict[str, Any]:
    return own_options(trained.run.settings) | dict(options or {})
