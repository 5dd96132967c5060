"""Data that a command on a run reads, and arrays that it writes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai import data as datasets
from remblai.data import Dataset, Split, Units
from remblai.report import save_grid
from remblai.runs.data import data_like, file_arrays
from remblai.runs.labels import labels_of
from remblai.runs.model import Trained
from remblai.runtime.files import whole


def dataset_of(trained: Trained, data: str | None, options: Mapping[str, Any] | None = None) -> Dataset:
    """The data set that is asked for, or the run's own, as the model takes it.

    Args:
        trained: the model.
        data: a name or a path; the run's own when None.
        options: of the data; where they are not given, those of the run.

    Raises:
        ValueError: data of another shape.
    """
    return data_like(trained.run.settings, trained.units, data, options)


def splits(trained: Trained, data: str, options: Mapping[str, Any] | None = None) -> Iterator[Split]:
    """The split that is asked for, or all of them."""
    name, split = datasets.pick(data)
    dataset = dataset_of(trained, name, options)
    for one in [split] if split else datasets.SPLITS:
        yield dataset.split(one)


def first_rows(trained: Trained, parts: Sequence[Split], n: int | None) -> tuple[Tensor, Tensor | None]:
    """The first n rows x (n, ...) of splits, or all, and of a conditional model their labels (n,)."""
    counts, left = [], sum(map(len, parts)) if n is None else n
    for part in parts:
        counts.append(min(left, len(part)))
        left -= counts[-1]
    rows = torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
    if not trained.conditional:
        return rows, None
    return rows, torch.cat([labels_of(part)[:count] for part, count in zip(parts, counts, strict=True)])


def write(path: Path, x: Tensor, units: Units, columns: int | None) -> Path:
    """A sheet of images, or arrays under the names that `--data` reads again.

    Args:
        path: of a .png, .npz or .npy file.
        x: (n, ...) on the model's side.
        units: of the run.
        columns: of the sheet; None chooses.

    Raises:
        ValueError: a sheet of points.
    """
    if path.suffix == ".png":
        if units.range is None:
            raise ValueError(
                f"out: points cannot be drawn as a sheet of images; write {path.with_suffix('.npz')} instead."
            )
        save_grid(path, units.display(x), columns)
        return path
    named: dict[str, Any] = file_arrays(x, units)
    with whole(path) as temporary:
        np.savez(temporary, **named) if path.suffix == ".npz" else np.save(temporary, next(iter(named.values())))
    return path
