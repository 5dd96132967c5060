"""New data in the units of a run: its columns, standardisation, range of values or codes."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from remblai.data import Dataset, Split, Units
from remblai.data.chosen import chosen_columns
from remblai.data.coded import coded
from remblai.data.field import Field
from remblai.data.layout import BYTES, extremes
from remblai.data.look import range_note
from remblai.data.mixed import Mixed, joined
from remblai.data.named_columns import as_values, cells_of
from remblai.data.raw import Raw
from remblai.data.rows import Rows
from remblai.data.scored import scored
from remblai.data.sources import given_rows
from remblai.data.standardise import moments

T = TypeVar("T")


def conform(dataset: Dataset, units: Units, keep_limits: bool = False) -> Dataset:
    """The data set in other units: points standardised as by them, images of the same type in the same range, or codes.

    Args:
        dataset: any data set.
        units: of a run.
        keep_limits: whether the range of images was asked for, and stays.

    Raises:
        ValueError: another shape, or values outside the range.
    """
    if units.scores is None and dataset.units.scores is None:
        return _conformed(dataset, units, keep_limits)
    if dataset.units == units:
        return dataset
    seen = conform(dataset.seen, units.visible)
    return seen if units.scores is None else scored(seen, units.scores)


def _conformed(dataset: Dataset, units: Units, keep_limits: bool) -> Dataset:
    """The same of data that are no normal scores."""
    if units.mixed is not None or dataset.units.mixed is not None:
        return dataset if dataset.units == units else _recoded(dataset, units)
    if units.columns and dataset.units.columns and dataset.units.columns != units.columns:
        dataset = by_name(dataset, units.columns)
    if units.codes is not None:
        return dataset if dataset.units == units else coded(dataset.seen, units.codes, units)
    if dataset.shape != units.shape or (dataset.range is None) != (units.range is None):
        kinds = ["images" if of.range else "points" for of in (units, dataset)]
        raise ValueError(
            f"data: expected {kinds[0]} of shape {units.shape}, {dataset.name} holds {kinds[1]} of {dataset.shape}: "
            f"use data of that shape{', or --size and --channels' * (kinds == ['images', 'images'])}"
        )
    if replace(dataset.units, columns=units.columns) == units:  # a run of an earlier version may have no names
        return replace(dataset, units=units)
    if dataset.range is not None:
        if keep_limits or not same_type(dataset.units, units) or dataset.units.limits == units.limits:
            return replace(dataset, units=units)
        found = _with_rows(dataset, units, lambda rows: _within(rows, units, dataset.name))
        warnings.warn(range_note(dataset.name, dataset.units.limits or BYTES, units.limits or BYTES), stacklevel=4)
        return found
    return _with_rows(dataset, units, lambda rows: _restandardised(rows, dataset.units, units))


def on_one_range(first: Dataset, second: Dataset) -> tuple[Dataset, Dataset]:
    """Images of one type on one range, that of both together: each alone was read on its own, or on what was asked for.

    Args:
        first: any data set.
        second: the one that it is compared with.
    """
    a, b = first.units, second.units
    ranges = [one.limits or BYTES for one in (a, b)]
    if first.range is None or second.range is None or not same_type(a, b) or ranges[0] == ranges[1]:
        return first, second
    lows, highs = zip(*ranges, strict=True)
    limits = min(lows), max(highs)
    warnings.warn(
        f"values of {first.name} alone would be on the range {lows[0]:g} to {highs[0]:g}, those of {second.name} on "
        f"{lows[1]:g} to {highs[1]:g}: both are on {limits[0]:g} to {limits[1]:g}, name another with --range",
        stacklevel=4,
    )

    def on_both(one: Dataset) -> Dataset:
        return _with_rows(one, replace(one.units, limits=limits), lambda rows: Rows(rows.array, limits))

    return on_both(first), on_both(second)


def same_type(a: Units, b: Units) -> bool:
    """Whether values are of one type of numbers, so that one range means the same; floats of any precision are."""
    return a.kind == b.kind or a.kind.kind == b.kind.kind == "f"


def by_name(dataset: Dataset, columns: Sequence[str]) -> Dataset:
    """A table's columns by their names, in this order."""
    old = dataset.units
    assert old.columns is not None
    names = chosen_columns(old.columns, columns, f"data {dataset.name}")
    places = [old.columns.index(name) for name in names]

    def picked(of: tuple[T, ...] | None) -> tuple[T, ...] | None:
        return None if of is None else tuple(of[place] for place in places)

    mean, deviation, types = picked(old.mean), picked(old.deviation), picked(old.types)
    units = replace(old, shape=(len(names),), columns=tuple(names), mean=mean, deviation=deviation, types=types)

    def chosen(rows: Rows) -> Rows:
        return Rows(
            np.ascontiguousarray(rows.array[:, places]), source=None if rows.source is None else rows.source[:, places]
        )

    return _with_rows(dataset, units, chosen)


def recoded(dataset: Dataset, units: Units, mixed: Mixed, made: bool = False) -> Dataset:
    """A table whose columns are made of its own as in other data.

    Args:
        dataset: a table with words, dates or gaps, or of numbers alone.
        units: that the data set gets.
        mixed: the columns.
        made: whether its columns of numbers are those of the other data already, and stay as they are.

    Raises:
        ValueError: a column that is missing, words where numbers are expected, or empty cells where none are.
    """

    def changed(rows: Rows) -> Rows:
        if made:
            return _restandardised(rows, dataset.units, replace(units, frame=None, mixed=None))
        try:
            numbers = mixed.numbers(_cells(dataset, rows, mixed))
        except ValueError as problem:
            raise ValueError(f"data {dataset.name}: {problem}") from None
        return Rows(replace(units, frame=None, mixed=None, item=None).scale(numbers).numpy())

    return _with_rows(dataset, units, changed)


def on_joint_columns(
    first: Dataset, second: Dataset, raws: Sequence[Raw | None] = (None, None)
) -> tuple[Dataset, Dataset]:
    """Two tables, one of which has words, dates or gaps, on columns that have the words of both.

    They are standardised by the training split of the first.

    Args:
        first: any table whose columns have names.
        second: the one that it is compared with; columns of its own alone are left out.
        raws: the cells of each as they are written, where they are known and the data set does not have them.

    Raises:
        ValueError: a column that the second lacks, or that has too many different words.
    """
    first, second = (
        replace(one, cells=one.cells if one.cells is not None else raw)
        for one, raw in zip((first, second), raws, strict=True)
    )
    first, second = _as_values(first, second), _as_values(second, first)
    pairs = (first, second), (second, first)
    like = [other.units.mixed or Mixed(()) for _, other in pairs]
    cells = [_cells(one, one.train.rows, fields) for (one, _), fields in zip(pairs, like, strict=True)]
    mixed = joined(cells[0], cells[1], f"data {second.name}")
    mean, deviation = moments(mixed.numbers(cells[0]), first.train.index.numpy(), mixed.columns)
    deviation = mixed.shared(deviation)
    units = Units(
        (len(mean),), mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()), columns=mixed.columns,
        frame=first.units.frame, mixed=mixed,
    )  # fmt: skip
    return recoded(first, units, mixed), recoded(second, units, mixed)


def _as_values(dataset: Dataset, other: Dataset) -> Dataset:
    """A table beside one of numbers alone: its text of numbers and dates, in whatever form, as these."""
    fields = dataset.units.mixed
    if other.cells is not None or dataset.cells is None or fields is None:
        return dataset
    return replace(dataset, cells=as_values(dataset.cells, fields))


def _cells(dataset: Dataset, rows: Rows, like: Mixed) -> Raw:
    """The cells of a table by column, of one of numbers these numbers, or what they were made of.

    Args:
        dataset: the table.
        rows: of it.
        like: the fields of another, by whose names is known what columns of numbers were made of.
    """
    if dataset.cells is not None:
        return dataset.cells
    own = given_rows(dataset.units, rows).astype(np.float64)
    names = dataset.units.columns or [f"column {place}" for place in range(1, 1 + own.shape[1])]
    return cells_of(own, names, like)


def _recoded(dataset: Dataset, units: Units) -> Dataset:
    if units.columns is None or units.range is not None or units.codes is not None or dataset.range is not None:
        raise ValueError(
            f"data: expected data like those of the run, {dataset.name} is a table with words, dates or gaps"
            if units.mixed is None
            else f"data: expected a table with the columns {', '.join(units.mixed.names)}, got {dataset.name}"
        )
    mixed = units.mixed or Mixed(tuple(Field(name) for name in units.columns))
    if dataset.cells is not None:
        return recoded(dataset, units, mixed)
    # an array of the columns of numbers, as samples in .npz are: by name where they have names
    if dataset.units.columns is None:
        return recoded(dataset, units, mixed, made=dataset.shape == units.shape)
    if not {*units.columns} <= {*dataset.units.columns}:
        return recoded(dataset, units, mixed)
    return recoded(by_name(dataset, units.columns), units, mixed, made=True)


def _with_rows(dataset: Dataset, units: Units, change: Callable[[Rows], Rows]) -> Dataset:
    """The data set with its rows changed by a function, which is called once for rows that splits share."""
    known: dict[int, Rows] = {}

    def changed(split: Split) -> Split:
        if id(split.rows) not in known:
            known[id(split.rows)] = change(split.rows)
        return replace(split, rows=known[id(split.rows)], draw=None)

    return dataset.with_splits(changed, units=units)


def _within(rows: Rows, units: Units, name: str) -> Rows:
    """The same images in the range of the run's data."""
    low, high = units.limits or BYTES
    lowest, highest = extremes([rows.array])
    if lowest < low or highest > high:
        raise ValueError(
            f"data {name}: expected values from {low:g} to {high:g}, as the run was trained on, got {lowest:g} to "
            f"{highest:g}: scale them, or name their range with --range"
        )
    return Rows(rows.array, (low, high))


def _restandardised(rows: Rows, old: Units, units: Units) -> Rows:
    own = given_rows(old, rows)
    own = own.reshape(len(own), -1)
    return Rows(replace(units, item=None).scale(own).numpy(), source=rows.source)
