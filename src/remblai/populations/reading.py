"""Two data sets of any kind as two tables: their columns matched by name, images as features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from remblai import data as datasets
from remblai.compare.points import label, loaded_pair, rows_of
from remblai.config.convert import quoted
from remblai.config.registry import Choice
from remblai.data import Dataset
from remblai.data.chosen import (
    AbsentColumn,
    AllBut,
    asked_columns,
    chosen_columns,
    in_one_of_both,
    picked,
    without_those_there,
)
from remblai.data.frames import is_frame
from remblai.data.labels import label_place
from remblai.data.raw import TABLES, Raw, raw_table
from remblai.features import FeaturesUsed, make_features
from remblai.populations.columns import column_of
from remblai.populations.table import Tables

FEATURES = "random-convolutions"
LEAST = 2
OWN = ("label", "exclude")
"""The options of `data.load` that a comparison of tables has too."""


@dataclass(frozen=True, eq=False)
class Read:
    """Two data sets as they are compared.

    Attributes:
        tables: the columns of both.
        images: those of both data sets (n + m, c, h, w) on the scale 0 to 1, whose features the columns are; or None.
        features: which those are.
    """

    tables: Tables
    images: Tensor | None = None
    features: FeaturesUsed | None = None


@dataclass(frozen=True)
class Chosen:
    """The columns that are asked for by name.

    Attributes:
        columns: those that are compared, or all but those that are not; None is all.
        given: the one within whose groups the others are compared, or None.
        label: one that is not compared, or None.
    """

    columns: Sequence[str] | None
    given: str | None
    label: str | None

    def __post_init__(self) -> None:
        if picked(self.columns) is not None and self.label is not None:
            raise ValueError(
                "drift: expected --columns or --label, got both: --columns names all that is compared, leave --label "
                "out."
            )

    @property
    def beside(self) -> bool:
        """Whether the given column is not compared itself."""
        if self.given is None or self.given == self.label:
            return self.given is not None
        if isinstance(self.columns, AllBut):
            return self.given in self.columns
        return self.given not in (self.columns or [self.given])

    @property
    def read(self) -> Sequence[str] | None:
        """The names of all columns to read; None is all."""
        if self.columns is None or not self.beside:
            return self.columns
        if isinstance(self.columns, AllBut):
            return AllBut(name for name in self.columns if name != self.given) or None
        return [*self.columns, str(self.given)]


def read(
    a: Any,
    b: Any,
    columns: Sequence[str] | None = None,
    features: Choice | None = None,
    options: Mapping[str, Any] | None = None,
    given: str | None = None,
) -> Read:
    """Reads two data sets.

    Args:
        a: a table of numbers, text and gaps (.csv, .tsv, .parquet, a data frame of pandas or polars), or what
            `data.load` reads: images, arrays, names.
        b: the data that it is compared with.
        columns: of tables, the names of those to take.
        features: of images; random convolutions when not given.
        options: of `data.load`, for data that it reads; `label` and `exclude` also of tables: columns that are not
            compared.
        given: the column of tables within which the others are compared: it is read even where `columns` or `label`
            leave it out of what is compared.

    Raises:
        ValueError: data that cannot be read or compared, each with what to do.
    """
    names = label(a), label(b)
    a, b = _made(a), _made(b)
    asked = asked_columns(columns, (options or {}).get("exclude"), None)
    chosen = Chosen(asked, given, (options or {}).get("label"))
    if features is not None and (_is_table(a) or _is_table(b)):
        raise ValueError("drift: features are of images, and these data are tables: leave out --features.")
    if _is_table(a) and _is_table(b):
        if used := [name for name, value in (options or {}).items() if value is not None and name not in OWN]:
            raise ValueError(f"--{used[0].replace('_', '-')} does not apply to tables: leave it out")
        (first_raw, absent), (second_raw, absent_too) = (_raw(one, chosen.read) for one in (a, b))
        in_one_of_both(absent, absent_too)
        return Read(_compared(first_raw, second_raw, names, chosen))
    if _is_table(a) or _is_table(b):
        other = b if _is_table(a) else a
        loaded, _ = loaded_pair(other, other, {**(options or {}), **dict.fromkeys(OWN)})
        if loaded.range is not None:
            raise ValueError(
                f"drift: expected two tables or two sets of images, got images in {label(other)} and a table in "
                f"{label(a if _is_table(a) else b)}: compare like with like."
            )
        wanted = chosen.read
        raws = [raw_table(one, wanted) if _is_table(one) else _numbers(loaded, one, wanted) for one in (a, b)]
        return Read(_compared(raws[0], raws[1], names, chosen))
    first, second = loaded_pair(a, b, {**(options or {}), "exclude": None})
    if (first.range is None) != (second.range is None):
        images, table = (a, b) if first.range is not None else (b, a)
        raise ValueError(
            f"drift: expected two tables or two sets of images, got images in {label(images)} and a table in "
            f"{label(table)}: compare like with like."
        )
    if first.range is None:
        unlabelled = replace(chosen, label=None)  # the labels of such data are no column
        return Read(_compared(_numbers(first, a, chosen.read), _numbers(second, b, chosen.read), names, unlabelled))
    if chosen.columns is not None or given is not None:
        option = "given" if given is not None else "exclude" if picked(chosen.columns) is None else "columns"
        raise ValueError(f"drift: columns are those of a table, and these data are images: leave out --{option}.")
    return _images(first, second, (a, b), features or FEATURES)


def _raw(source: Any, wanted: Sequence[str] | None) -> tuple[Raw, dict[str, AbsentColumn]]:
    """The columns of a table, without those to leave out that it has: of two tables one may lack some."""
    if not isinstance(wanted, AllBut):
        return raw_table(source, wanted), {}
    return without_those_there(lambda left_out: raw_table(source, left_out and AllBut(left_out)), wanted)


def _made(spec: Any) -> Any:
    """What a file of code makes, so that it runs once; of a split of it the spec, as any other spec."""
    found = datasets.made(spec)
    of_a_split = isinstance(spec, str | Path) and datasets.pick(spec)[1] is not None
    return spec if of_a_split and not is_frame(found) else found


def _is_table(source: Any) -> bool:
    """Whether it may hold text and gaps: a file of a table, or a data frame.

    Raises:
        ValueError: a split of a file, or a file that is not there.
    """
    if is_frame(source):
        return True
    if not isinstance(source, str | Path) or (isinstance(source, str) and source in datasets.DATA):
        return False
    path, split = datasets.pick(source)
    if not path.lower().endswith(TABLES):
        return False
    if split is not None:
        raise ValueError(f"drift: expected a whole table, got {source!r}: pass {path!r}, or write the split to a file.")
    datasets.reader_of(path)  # which says what is wrong with a path
    return True


def _numbers(dataset: Dataset, source: Any, columns: Sequence[str] | None) -> Raw:
    """The columns of points (n, d); those of an array of a higher rank are its entries."""
    rows = rows_of(dataset, source).flatten(1).numpy().astype(np.float64)
    names = list(dataset.units.columns or [f"column {place}" for place in range(1, rows.shape[1] + 1)])
    wanted = chosen_columns(names, columns, label(source))
    return {name: rows[:, names.index(name)] for name in wanted}


def _images(first: Dataset, second: Dataset, sources: tuple[Any, Any], features: Choice) -> Read:
    sets = [rows_of(one, source) for one, source in zip((first, second), sources, strict=True)]
    shapes = [tuple(one.shape[1:]) for one in sets]
    names = label(sources[0]), label(sources[1])
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"drift: expected images of one shape, got {shapes[0]} in {names[0]} and {shapes[1]} in {names[1]}: load "
            "both with --size and --channels."
        )
    chosen = make_features(features, first)
    values = [chosen.of(one, name).numpy().astype(np.float64) for one, name in zip(sets, names, strict=True)]
    raws = [{f"{chosen.name} {place + 1}": one[:, place] for place in range(one.shape[1])} for one in values]
    return Read(paired(raws[0], raws[1], names), torch.cat(sets), chosen.used)


def _compared(a: Raw, b: Raw, names: tuple[str, str], chosen: Chosen) -> Tables:
    """Both tables as one, without the label; a given column that is not compared stands beside the columns.

    Raises:
        ValueError: see `paired`; no column of the label's name, or none beside it.
    """
    note: tuple[str, ...] = ()
    if chosen.label is not None:
        label_place(list(dict.fromkeys([*a, *b])), chosen.label, " and ".join(names))
        note = (f"column {chosen.label!r} is the label and is not compared",)
        if chosen.label != chosen.given:
            a, b = ({name: one[name] for name in one if name != chosen.label} for one in (a, b))
    tables = paired(a, b, names)
    if chosen.beside:
        kept = tuple(one for one in tables.columns if one.name != chosen.given)
        if not kept:
            raise ValueError(f"drift: no column beside {chosen.given!r} has a value: expected values to compare.")
        tables = replace(tables, columns=kept, given=next((one for one in tables.columns if one not in kept), None))
    return replace(tables, notes=(*note, *tables.notes))


def paired(a: Raw, b: Raw, names: tuple[str, str]) -> Tables:
    """Both tables as one, columns in the order of the first.

    A column that has no value in either table is left out, with a note; one that has none in one of them stays.

    Raises:
        ValueError: columns that differ, a table of fewer than 2 rows, or a column that cannot be compared.
    """
    _check_names(a, b, names)
    sizes = [len(next(iter(one.values()), [])) for one in (a, b)]
    for size, name in zip(sizes, names, strict=True):
        if size < LEAST:
            raise ValueError(
                f"drift: expected at least {LEAST} rows in each table, got {size} in {name}: of one row no variation "
                "is known."
            )
    notes, columns = [], []
    for name in a:
        found, note = column_of(name, a[name], b[name], names)
        notes += [note] if note else []
        columns += [found] if found else []
    if not columns:
        raise ValueError(f"drift: no column has a value in {names[0]} or {names[1]}: expected values to compare.")
    return Tables(tuple(columns), sizes[0], sizes[1], names, tuple(notes))


def _check_names(a: Raw, b: Raw, names: tuple[str, str]) -> None:
    alone = [[name for name in one if name not in other] for one, other in ((a, b), (b, a))]
    parts = [f"{source} alone has {', '.join(one)}" for source, one in zip(names, alone, strict=True) if one]
    if parts:
        shared = [name for name in a if name in b]
        advice = (
            f"compare those of both with --columns {','.join(map(quoted, shared))}" if shared else "none is in both"
        )
        raise ValueError(f"drift: expected the same columns in both tables; {'; '.join(parts)}: {advice}.")
