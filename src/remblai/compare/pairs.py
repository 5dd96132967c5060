"""Two data sets as points that can be compared: in the same range, the columns of tables in the same order."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from remblai import data as datasets
from remblai.data import Dataset
from remblai.runs.data import conform


def points_of(a: Any, b: Any, options: Mapping[str, Any] | None = None) -> list[Tensor]:
    """Every point of two data sets, float32 or better: images (n, c, h, w) on the scale 0 to 1, tables (n, d).

    The columns of a table are matched by name with those of the first.

    Args:
        a: data, as `data.load` takes them; NAME:test picks a split.
        b: the data that they are compared with.
        options: of `data.load`, for each as far as it has them.

    Raises:
        ValueError: data that cannot be read, a column that is missing, or an option that neither has.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    known = [given.keys() & (datasets.options_of(one) if not isinstance(one, Dataset) else set()) for one in (a, b)]
    if unused := given.keys() - known[0] - known[1]:
        raise ValueError(f"--{min(unused)} applies to neither of the two data sets: leave it out")
    first = _loaded(a, {name: given[name] for name in known[0]})
    second = _loaded(b, {name: given[name] for name in known[1]})
    if first.units.columns and second.units.columns and first.units.columns != second.units.columns:
        second = conform(second, first.units)
    return [_points(one, spec) for one, spec in ((first, a), (second, b))]


def label(spec: Any) -> str:
    """How messages call the data."""
    return str(spec) if isinstance(spec, str | Path) else f"data ({type(spec).__name__})"


def _loaded(spec: Any, options: Mapping[str, Any]) -> Dataset:
    return datasets.load(datasets.pick(spec)[0] if isinstance(spec, str) else spec, **options)


def _points(dataset: Dataset, spec: Any) -> Tensor:
    chosen = datasets.pick(spec)[1] if isinstance(spec, str) else None
    rows = torch.cat([dataset.split(one)[:] for one in ([chosen] if chosen else datasets.SPLITS)])
    return rows if dataset.range else torch.from_numpy(dataset.units.restore(rows))
