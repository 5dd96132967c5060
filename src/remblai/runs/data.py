"""The data that a run asks for, and new data as a run's model sees it."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from remblai import data as datasets
from remblai.config.code import is_code
from remblai.data import Dataset, Units
from remblai.data.chosen import without_those_there
from remblai.data.labels import NoColumnNames, NoLabelColumn, as_labels, label_place
from remblai.data.memory import kind_of
from remblai.data.mixed import Mixed
from remblai.data.mixed_tables import mixed_table
from remblai.data.raw import Raw, text_of
from remblai.data.values import level
from remblai.runs.conforming import conform
from remblai.runs.labels import with_classes
from remblai.runs.record import CUSTOM, DATA_OPTIONS
from remblai.runs.seen_as import OF_RUNS, loaded, recorded

FEWEST = 2
"""Samples to train on, at least."""

Spec = str | Mapping[str, Any]


def data_of(
    spec: Any = None, options: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
) -> tuple[Spec, dict[str, Any], Dataset]:
    """What data is asked for, with which options, and the data set; the digits where nothing is named.

    Args:
        spec: a name, a path, data in memory (see `data.load`) or a data set; None is the data of the run.
        options: of `data.load`, `codes_of` and `scaling`; they are taken before those of the run.
        settings: of a run (run.json), whose options other data take over, as far as they have them.

    Returns:
        how run.json names the data, the options, the data set.

    Raises:
        ValueError: unknown data, a split where a whole data set is wanted, data of a run that were passed in Python or
            are not where they were.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    if isinstance(spec, os.PathLike):
        spec = os.fspath(spec)
    if settings is not None and (spec is None or (_is_name(spec) and spec == settings["data"]["spec"])):
        return _of_run(settings, given, named=spec is not None)
    spec = "digits" if spec is None else spec
    _refuse_split(spec)
    own = own_options(settings)
    known = datasets.options_of(spec) | OF_RUNS if own else set()
    inherited = {name: value for name, value in own.items() if name in known and name not in given}
    given, left_out = inherited | given, inherited.get("exclude")  # other data than the run's may lack some of these
    dataset, absent = without_those_there(
        lambda some: loaded(spec, given | ({"exclude": some} if left_out else {})), left_out
    )
    if left_out:
        given["exclude"] = [name for name in left_out if name not in absent] or None
        given = {name: value for name, value in given.items() if value is not None}
    return _named(spec), recorded(given, dataset), dataset


def data_like(
    settings: Mapping[str, Any], units: Units, spec: Any = None, options: Mapping[str, Any] | None = None
) -> Dataset:
    """Data as a run's model sees them: with the run's own options, ranges of values, standardisation and classes.

    Args:
        settings: of the run (run.json).
        units: of the run.
        spec: a name, a path, data in memory or a data set; None is the data of the run.
        options: of `data.load`, before those of the run.

    Raises:
        ValueError: see `data_of`; data of another shape, values outside the run's range, columns that are missing, or
            a class that a conditional model does not have.
    """
    dataset = spec if isinstance(spec, Dataset) else _like(settings, units, spec, options)
    found = conform(dataset, units, keep_limits="range" in (options or {}))
    return with_classes(found, settings["data"]["classes"]) if settings.get("conditional") else found


def _like(settings: Mapping[str, Any], units: Units, spec: Any, options: Mapping[str, Any] | None) -> Dataset:
    """The data. Rows without the column of the run's labels are read without labels, unless the model has classes."""
    try:
        return _by_name(settings, units, spec, options)
    except NoLabelColumn:
        if spec is None or "label" in (options or {}):
            raise
        if settings.get("conditional"):
            raise NoLabelColumn(
                f"data {_called(spec)} has no column {own_options(settings).get('label')!r} of the run's classes: add "
                "the column, or, in commands that have it, pass --class NAME for all rows."
            ) from None
        return _by_name(without_label(settings, units), units, spec, options)


def _by_name(settings: Mapping[str, Any], units: Units, spec: Any, options: Mapping[str, Any] | None) -> Dataset:
    """The data, of a table that is not the run's own the columns of the run, whatever others it has."""
    given = {name: value for name, value in (options or {}).items() if value is not None}
    named = {**own_options(settings), **given}
    if spec is None or units.names is None or "columns" in given or "columns" not in datasets.options_of(spec):
        return data_of(spec, options, settings)[2]
    if units.mixed is not None and (raw := text_of(spec)) is not None:
        return _as_fields(units.mixed, raw, spec, named.get("label"))
    try:
        return data_of(spec, given if "columns" in named else {**given, "columns": units.names}, settings)[2]
    except NoColumnNames:
        whole = {**own_options(settings), "columns": None, "exclude": None}
        found = data_of(spec, options, {**settings, "data": {**settings["data"], "options": whole}})[2]
    warnings.warn(f"data {found.name} names no columns: they are taken in the order of those of the run", stacklevel=4)
    return found


def _as_fields(fields: Mixed, raw: Raw, spec: Any, label: str | None) -> Dataset:
    """A table whose cells are read as those of a run, however few and whatever they look like.

    Raises:
        NoLabelColumn: the table lacks the column of labels.
        ValueError: cells of another kind.
    """
    name, labels = _called(spec), None
    if label is not None:
        label_place(list(raw), label, f"data {name}")
        labels = as_labels([level(one) for one in raw[label]], f"data {name}, column {label!r}")
    try:
        return mixed_table(name, name, raw, fields.names, label, labels, fields=fields)
    except ValueError as problem:
        raise ValueError(f"data {name}: {problem}") from None


def _called(spec: Any) -> str:
    """What errors call a table."""
    return Path(spec).name.partition(".")[0] if isinstance(spec, str | os.PathLike) else kind_of(spec)


def without_label(settings: Mapping[str, Any], units: Units) -> dict[str, Any]:
    """The settings of a run as of one whose data have no labels: of a table its columns without that of the label."""
    options = dict(settings["data"].get("options") or {})
    if options.pop("label", None) is not None and units.columns:
        options["columns"] = list(units.names or ())
    return {**settings, "conditional": False, "data": {**settings["data"], "options": options}}


def location(spec: Spec) -> str | None:
    """The absolute path of data that a path names; None of others."""
    if not isinstance(spec, str) or spec in datasets.DATA or not _exists(spec):
        return None
    return str(Path(datasets.pick(spec)[0]).expanduser().absolute())


def check_enough(dataset: Dataset) -> None:
    """Refuses data too few to be trained on, before anything is trained.

    Raises:
        ValueError: fewer than 2 samples to train on, or none held out.
    """
    n = len(dataset.train) + len(dataset.validation) + len(dataset.test)
    if len(dataset.train) < FEWEST or not len(dataset.test):
        raise ValueError(
            f"data {dataset.name}: expected at least {FEWEST} samples to train on, one to validate and one to test, "
            f"got {n}, of which {len(dataset.train)} would be trained on: add more"
        )


def file_arrays(x: Tensor, units: Units) -> dict[str, NDArray[Any]]:
    """What the model made as arrays of a file that `data.load` reads again: in the data's own type and range.

    Args:
        x: (n, ...) on the model's side.
        units: of the run.

    Returns:
        `images` (n, h, w, c), with their `range` where it is not that of bytes, or `values` (n, d).
    """
    if units.range is None:
        return {"values": units.whole(units.restore(x))}
    named = {"images": replace(units, layout="nhwc").restore(x)}
    return named if units.limits is None else named | {"range": np.array(units.limits)}


def _of_run(settings: Mapping[str, Any], given: dict[str, Any], named: bool) -> tuple[Spec, dict[str, Any], Dataset]:
    """The data of a run, from where it was or, by its absolute path, where that leads.

    Data that are named, or read with other options, may be others than those of the run.
    """
    spec = settings["data"]["spec"]
    if isinstance(spec, str) and spec.startswith(CUSTOM):
        raise ValueError(
            f"this run was trained on data that were passed in Python ({spec}): pass data=... (--data on the command "
            "line), as an array or a file of them"
        )
    if is_code(spec) and not named:
        raise ValueError(
            f"this run was trained on data of a file of your own, which is not run unasked: pass data={spec!r} (--data "
            f"{spec} on the command line)."
        )
    options = own_options(settings) | given
    codes = Units.from_json(settings["data"]["units"]).codes if "codes_of" in options else None
    place = settings["data"].get("path")
    known = None if named or given else settings["data"].get("fingerprint")
    where = spec
    try:
        found = loaded(spec, options, codes)
    except ValueError as problem:
        if place and _exists(place) and not _exists(spec):
            where, found = place, loaded(place, options, codes)
        elif isinstance(spec, Mapping) or spec in datasets.DATA or _exists(spec):
            raise
        else:
            raise ValueError(
                f"{problem}{'' if str(problem).endswith(('.', '?')) else '.'} These are the data of the run. Where "
                "they moved, put them or a link there, or name them with --data, of `train --resume` too."
            ) from None
    return spec, recorded(options, found), _unchanged(found, where, known)


def _unchanged(dataset: Dataset, spec: Spec, known: str | None) -> Dataset:
    """The data set, where a path leads to the data that the run was trained on.

    A figure against other data would not be what it says, and a run.json from elsewhere could name any folder of the
    person who opens it.

    Raises:
        ValueError: they are others.
    """
    is_path = isinstance(spec, str) and spec not in datasets.DATA
    if is_path and known is not None and dataset.fingerprint != known:
        raise ValueError(
            f"data {spec}: expected the data that the run was trained on (fingerprint {known[:12]}), found others "
            f"({dataset.fingerprint[:12]}): restore them, measure against others with `evaluate --data`, or train anew "
            "with `train --from RUN --data ... --out ...`."
        )
    return dataset


def own_options(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options with which a run's data were read, as `data.load` takes them; none without settings."""
    saved = {} if settings is None else settings["data"].get("options") or {}
    found = {name: saved[name] for name in DATA_OPTIONS if saved.get(name) is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def _exists(spec: Any) -> bool:
    try:
        return isinstance(spec, str) and Path(datasets.pick(spec)[0]).expanduser().exists()
    except (OSError, RuntimeError):
        return False


def _named(spec: Any) -> Spec:
    """How run.json names data: those in memory by the name of their type, as custom."""
    if _is_name(spec):
        return spec if isinstance(spec, str) else dict(spec)
    return f"{CUSTOM}{kind_of(spec)}"


def _is_name(spec: Any) -> bool:
    return isinstance(spec, str) or (isinstance(spec, Mapping) and "name" in spec)


def _refuse_split(spec: Any) -> None:
    name, split = datasets.pick(spec) if isinstance(spec, str) else ("", None)
    if split is not None:
        raise ValueError(f"data {spec!r}: the whole data set is wanted here, its splits are known: --data {name}.")
