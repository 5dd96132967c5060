"""The data that a run asks for: what names it, and the data set that it means."""

import os
from collections.abc import Mapping
from typing import Any

from remblai import data as datasets
from remblai.data import Dataset


def data_of(
    spec: str | Mapping[str, Any] | None, options: Mapping[str, Any] | None, base: Mapping[str, Any] | None
) -> tuple[str | Mapping[str, Any], dict[str, Any], Dataset]:
    """What data is asked for, with which options: those of the run to repeat, or the digits, where none is named.

    Raises:
        ValueError: unknown data, what is no name or path, or a split where a whole data set is wanted.
    """
    given = dict(options or {})
    if isinstance(spec, os.PathLike):
        spec = os.fspath(spec)
    if spec is not None and not isinstance(spec, str | Mapping):
        raise ValueError(
            f"data: expected a name, a path or a mapping such as {{'name': 'ring'}}, got {type(spec).__name__}: a run "
            "names its data, so write an array with numpy.save and give its path."
        )
    if base is not None and spec in (None, base["data"]["spec"]):
        spec, given = base["data"]["spec"], base["data"]["options"] | given
    spec = spec or "digits"
    name, split = datasets.pick(spec) if isinstance(spec, str) else ("", None)
    if split is not None:
        raise ValueError(f"data {spec!r}: the whole data set is wanted here, its splits are known: --data {name}.")
    return spec, given, datasets.load(spec, **given)
