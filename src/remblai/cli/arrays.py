"""Data that a command on a run reads, and arrays that it writes."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai import data as datasets
from remblai.cli.tables import write_table
from remblai.data import Dataset, Split, Units
from remblai.data.cells import cells_of
from remblai.data.labels import LABEL_NAMES
from remblai.data.look import REPEATED
from remblai.networks.classes import required
from remblai.report import save_film, save_grid
from remblai.report.films import encoder_of
from remblai.runs.chunks import Rows
from remblai.runs.data import data_like, file_arrays, without_label
from remblai.runs.labels import labels_for
from remblai.runs.model import Trained
from remblai.runtime.files import whole
from remblai.runtime.suffixes import FILMS, TABLES
from remblai.runtime.text import printable

LABELS = LABEL_NAMES[0]


def dataset_of(
    trained: Trained, data: str | None, options: Mapping[str, Any] | None = None, own_labels: bool = True
) -> Dataset:
    """The data set that is asked for, or the run's own, as the model takes it.

    Args:
        trained: the model.
        data: a name or a path; the run's own when None.
        options: of the data; where they are not given, those of the run.
        own_labels: whether a conditional model needs the labels of the data.

    Raises:
        ValueError: data of another shape.
    """
    own = trained.run.settings
    settings = own if own_labels else without_label(own, trained.units)
    found = data_like(settings, trained.units, data, options)
    described = found.range is not None  # the first note on images says what they are, the others what to mind
    for note in found.notes[described:] if data is not None else ():
        if REPEATED in note:  # of splits that the model was not trained on
            continue
        print(printable(f"data: {note}"), file=sys.stderr)
    return found


def splits(
    trained: Trained, data: str, options: Mapping[str, Any] | None = None, own_labels: bool = True
) -> Iterator[tuple[Dataset, Split]]:
    """The data set, with the split that is asked for, or with each of them."""
    name, split = datasets.pick(data)
    dataset = dataset_of(trained, name, options, own_labels)
    for one in [split] if split else datasets.SPLITS:
        yield dataset, dataset.split(one)


def first_rows(
    trained: Trained, parts: Sequence[Rows], n: int | None, class_: str | None = None
) -> tuple[Tensor, Tensor | None]:
    """The first n rows x (n, ...) of splits or tensors, or all, and of a conditional model their labels (n,).

    These are of the class that is named, if one is.

    Raises:
        ValueError: a conditional model, and rows without labels.
    """
    counts, left = [], sum(map(len, parts)) if n is None else n
    for part in parts:
        counts.append(min(left, len(part)))
        left -= counts[-1]
    rows = torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
    known = [labels_for(trained.objective, part, class_, trained.classes) for part in parts]
    if not trained.conditional:
        return rows, None
    return rows, torch.cat([required(own)[:count] for own, count in zip(known, counts, strict=True)])


def labels_column(trained: Trained, labels: Tensor | None) -> dict[str, list[str]]:
    """The names of the classes of labels (n,), under the name that the data's column of them has; of none nothing."""
    if labels is None:
        return {}
    name = trained.run.settings["data"]["options"].get("label") or LABELS
    return {str(name): [trained.classes[label] for label in labels.tolist()]}


def write(
    path: Path, x: Tensor, units: Units, columns: int | None, beside: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """A sheet of images, arrays under the names that `--data` reads again, or points as a table.

    Args:
        path: of a .png, .npz, .npy, .csv, .tsv or .parquet file.
        x: (n, ...) on the model's side.
        units: of the run.
        columns: of the sheet; None chooses.
        beside: the column of the classes' names in a table, as `labels_column` has it; in an .npz the array labels.

    Raises:
        ValueError: a sheet of points, or a table of images.
    """
    check_kind(path, units)
    if path.suffix == ".png":
        save_grid(path, units.display(x), columns)
        return path
    if path.suffix in TABLES:
        write_table(path, {**cells_of(x, units), **(beside or {})})
        return path
    named: dict[str, Any] = file_arrays(x, units)
    if units.columns is not None:
        named["columns"] = np.array(units.columns)
    for names in (beside or {}).values():  # not the numbers, which are the run's own
        named[LABELS] = np.array(names)
    with whole(path) as temporary:
        np.savez(temporary, **named) if path.suffix == ".npz" else np.save(temporary, next(iter(named.values())))
    return path


def check_film(path: Path) -> None:
    """Refuses, before anything is computed, a film that no package can write.

    Raises:
        ValueError: an .mp4 without the package av.
    """
    if path.suffix in FILMS:
        encoder_of(path)


def write_walks(path: Path, walks: Tensor, units: Units, beside: Mapping[str, Sequence[str]] | None = None) -> Path:
    """Walks (n, steps, ...) on the model's side: a row each, a film of all of them at once, or a table.

    A table has a row for each step, and two columns before its own: the number of the walk, and that of the step in it.

    Args:
        path: of a .gif or .mp4, or of what `write` takes. A column of the table's own that is called walk or step keeps
            its name, and that of the walks is walk_ or step_.
        walks: see above.
        units: of the run.
        beside: as for `write`, of each walk where all keep one class.

    Raises:
        ValueError: a sheet or a film of points.
    """
    count, steps = walks.shape[:2]
    each = {name: [one for one in names for _ in range(steps)] for name, names in (beside or {}).items()}
    if path.suffix in TABLES:
        check_kind(path, units)
        places = {"walk": np.arange(count).repeat(steps) + 1, "step": np.tile(np.arange(steps), count) + 1}
        own: dict[str, Any] = {**cells_of(walks.flatten(0, 1), units), **each}
        write_table(path, {name + "_" * (name in own): column for name, column in places.items()} | own)
        return path
    if path.suffix not in FILMS:
        return write(path, walks.flatten(0, 1), units, steps, each)
    check_kind(path, units)
    save_film(path, [units.display(step) for step in walks.transpose(0, 1)])
    return path


def check_kind(path: Path, units: Units) -> None:
    """Refuses a picture of points and a table of images.

    Raises:
        ValueError: the run's data are of the other kind.
    """
    if units.range is None and path.suffix in (".png", *FILMS):
        instead, what = (".npz", "points") if units.columns is None else (".csv", "rows of a table")
        raise ValueError(
            f"out: {what} cannot be drawn as a sheet of images; write {path.with_suffix(instead)} instead."
        )
    if units.range is not None and path.suffix in TABLES:
        raise ValueError(f"out: images are no table: write {path.with_suffix('.npz')} instead.")
