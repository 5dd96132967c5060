"""The points of two data sets, made comparable: columns by name, tables in standard deviations."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai import data as datasets
from remblai.config.registry import Choice
from remblai.data import Dataset
from remblai.data.chosen import AbsentColumn, in_one_of_both, names_of, without_those_there
from remblai.data.look import REPEATED
from remblai.data.named_columns import fields_of
from remblai.data.raw import Raw, text_of
from remblai.data.sources import given_rows, kept_sources
from remblai.data.splits import IN_TRAINING
from remblai.data.standardise import ROUNDING, ROUNDING_OF_SINGLES, moments
from remblai.features import FeaturesUsed, make_features
from remblai.runs.conforming import conform, on_joint_columns, on_one_range


@dataclass(frozen=True, eq=False)
class Pair:
    """Points of two data sets.

    Attributes:
        x, y: (n, d) and (m, d), drawn without replacement.
        sizes: how many points each data set has.
        units: what a coordinate is measured in.
        features: that the points are; None where they are the data themselves.
        standard: whether these are the published features of `fid` and `kid`.
        notes: what one look after loading shows of each data set, what was left out among it.
        columns: the names of the coordinates, where the first data set has names.
    """

    x: Tensor
    y: Tensor
    sizes: tuple[int, int]
    units: str
    features: FeaturesUsed | None = None
    standard: bool = False
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None


def read_pair(
    a: Any,
    b: Any,
    n: int | Callable[[int], int],
    draws: torch.Generator,
    raw: bool = False,
    options: Mapping[str, Any] | None = None,
    features: Choice | None = None,
) -> Pair:
    """Reads both data sets.

    Images are pixels on the [0, 1] scale. A table's columns are standardised with the mean and the standard deviation
    of both sets together, so that the distance is symmetric and a permutation of the points changes no unit.

    Args:
        a: data, as `data.load` takes them; NAME:test picks a split.
        b: the data that it is compared with.
        n: at most so many points of each, or how many, by the numbers of a point.
        draws: which points those are.
        raw: leave tables in their own units.
        options: of `data.load`, for each as far as it has them.
        features: compare features of images (see `features`), fitted to the training split of A where they
            are fitted; tables have none.

    Raises:
        ValueError: data that cannot be read or compared, or columns that a table does not have; features that the data
            do not suit.
    """
    first, second = loaded_pair(a, b, options)
    if features is not None and (first.range is None or second.range is None):
        raise ValueError(
            "distance: features are of images, and these data are a table, whose columns are compared in standard "
            "deviations: leave out --features, and the metrics fid and kid, which need them, or give images."
        )
    sets, tables = [rows_of(first, a), rows_of(second, b)], first.range is None and second.range is None
    shapes = [rows.shape[1:] for rows in sets]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"distance: expected points of one shape, got {tuple(shapes[0])} in {label(a)} and {tuple(shapes[1])} in "
            f"{label(b)}: use data of the same size."
        )
    singles = np.float32 in (first.units.kind, second.units.kind)
    if singles:  # of which 0.1 is another number
        sets = [rows.float() for rows in sets]
    if tables and not raw:
        sets = _standardised(sets, first, ROUNDING_OF_SINGLES if singles else ROUNDING)
    every = [(spec, note) for spec, one in ((a, first), (b, second)) for note in _notes(one, spec)]
    of_splits = REPEATED, IN_TRAINING  # no split is held out here
    notes = tuple(f"{label(spec)}: {note}" for spec, note in every if not any(words in note for words in of_splits))
    most = n if isinstance(n, int) else n(max(1, shapes[0].numel()))
    x, y = (rows[torch.randperm(len(rows), generator=draws)[:most]] for rows in sets)
    if features is not None:
        chosen = make_features(features, first)
        x, y = chosen.of(x, label(a)), chosen.of(y, label(b))
        words = f"features {chosen.name}, sha256 {chosen.sha256[:12]}..."
        return Pair(x, y, (len(sets[0]), len(sets[1])), words, chosen.used, chosen.standard, notes)
    x, y = x.flatten(1), y.flatten(1)
    units = "the data's own units" if raw else "standard deviations of both sets together"
    units = units if tables else "pixels on the [0, 1] scale"
    return Pair(x, y, (len(sets[0]), len(sets[1])), units, notes=notes, columns=first.units.columns)


def _standardised(sets: Sequence[Tensor], first: Dataset, rounding: float) -> list[Tensor]:
    """Points (n, ...), (m, ...) in standard deviations of both together; columns that are constant in both are 0."""
    both = torch.cat(list(sets)).double().flatten(1).numpy()
    mean, deviation = moments(both, np.arange(len(both)), first.units.columns, rounding)
    if first.units.mixed is not None:
        deviation = first.units.mixed.shared(deviation)
    scaled = torch.from_numpy((both - mean) / np.where(deviation > 0, deviation, np.inf)).float()
    n = len(sets[0])
    return [part.reshape(rows.shape) for part, rows in zip((scaled[:n], scaled[n:]), sets, strict=True)]


def loaded_pair(a: Any, b: Any, options: Mapping[str, Any] | None) -> tuple[Dataset, Dataset]:
    """Both data sets, the columns of the second in the order of the first."""
    given = {name: value for name, value in (options or {}).items() if value is not None}
    # only where options are given: a file of code is run to tell which it has
    options_of = [set() if not given or isinstance(one, Dataset) else datasets.options_of(one) for one in (a, b)]
    known = [given.keys() & own for own in options_of]
    if unused := given.keys() - known[0] - known[1]:
        raise ValueError(f"--{min(unused)} applies to neither of the two data sets: leave it out")
    first, absent = _without_those_there(a, {name: given[name] for name in known[0]})
    second, absent_too = _without_those_there(b, {name: given[name] for name in known[1]})
    in_one_of_both(absent, absent_too)
    if first.units.mixed is not None or second.units.mixed is not None:
        specs = [datasets.pick(spec)[0] if isinstance(spec, str) else spec for spec in (a, b)]
        raws = [text_of(spec) if one.cells is None else None for one, spec in zip((first, second), specs, strict=True)]
        return _tables_joined(first, second, (label(a), label(b)), raws)
    if first.units.columns and second.units.columns and first.units.columns != second.units.columns:
        if left_out := [name for name in second.units.columns if name not in first.units.columns]:
            warnings.warn(f"columns of {label(b)} alone are left out: {', '.join(left_out)}", stacklevel=2)
        second = conform(second, first.units)
    elif bool(first.units.columns) != bool(second.units.columns) and first.range is None:
        named, other = (a, b) if first.units.columns else (b, a)
        warnings.warn(
            f"{label(other)} names no columns: they are taken in the order of those of {label(named)}", stacklevel=2
        )
    return on_one_range(first, second)


def _tables_joined(
    first: Dataset, second: Dataset, names: tuple[str, str], raws: Sequence[Raw | None]
) -> tuple[Dataset, Dataset]:
    """Two tables, one of which has words, dates or gaps, on the columns of both."""
    for one, name in zip((first, second), names, strict=True):
        if one.units.columns is None:
            raise ValueError(
                f"expected two tables whose columns have names, for one has words, dates or gaps; got none in {name}: "
                "pass a .csv, a .parquet, a data frame, or an .npz with their names as columns, as `remblai sample` "
                "writes"
            )
    own = [_own_names(one, other) for one, other in ((first, second), (second, first))]
    if left_out := sorted(own[1] - own[0]):
        warnings.warn(f"columns of {names[1]} alone are left out: {', '.join(left_out)}", stacklevel=3)
    return on_joint_columns(first, second, raws)


def _own_names(dataset: Dataset, other: Dataset) -> set[str]:
    """The names of a table's own columns; of columns of numbers those that they were made of, as the other shows."""
    if dataset.cells is not None or other.units.mixed is None:
        return set(dataset.units.names or ())
    return {field.name for field in fields_of(dataset.units.columns or (), other.units.mixed)}


def _notes(dataset: Dataset, spec: Any) -> Sequence[str]:
    """What to say of the data; of one split of images not the first note, which counts the images of all."""
    of_a_split = isinstance(spec, str | Path) and datasets.pick(spec)[1] is not None
    return dataset.notes[1:] if of_a_split and dataset.range is not None else dataset.notes


def label(spec: Any) -> str:
    """What errors call data: its name or path, or its type."""
    return str(spec) if isinstance(spec, str | Path) else f"data ({type(spec).__name__})"


def _without_those_there(spec: Any, options: Mapping[str, Any]) -> tuple[Dataset, dict[str, AbsentColumn]]:
    """The data, without those of the columns to exclude that they have: of two sets one may lack some."""
    others = {name: value for name, value in options.items() if name != "exclude"}

    def read(exclude: tuple[str, ...] | None) -> Dataset:
        return _loaded(spec, others if exclude is None else {**others, "exclude": exclude})

    return without_those_there(read, names_of(options.get("exclude")))


def _loaded(spec: Any, options: Mapping[str, Any]) -> Dataset:
    with kept_sources():
        return datasets.load(datasets.pick(spec)[0] if isinstance(spec, str) else spec, **options)


def rows_of(dataset: Dataset, spec: Any) -> Tensor:
    """The rows of a data set, or of the split that its name ends in: points in the data's units, images on 0 to 1."""
    chosen = datasets.pick(spec)[1] if isinstance(spec, str) else None
    splits = [dataset.split(one) for one in ([chosen] if chosen else datasets.SPLITS)]
    if dataset.range is not None:
        return torch.cat([one[:] for one in splits])
    units = dataset.units
    own = np.concatenate([given_rows(units, one.rows, one.index.numpy()).astype(np.float64) for one in splits])
    return torch.from_numpy(own.reshape(len(own), *(units.sample_shape or (1,))))
