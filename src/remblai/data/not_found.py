"""Data that are not where they were looked for."""

import difflib
from collections.abc import Collection
from pathlib import Path

from remblai.config.registry import unknown
from remblai.data.dataset import SPLITS
from remblai.runtime.text import one_line


def missing(path: Path, source: str, names: Collection[str]) -> ValueError:
    """The error of data that are not there, with what was meant perhaps.

    Args:
        path: where they were looked for.
        source: as they were asked for.
        names: of data sets.
    """
    whole, _, split = source.rpartition(":")
    if split and (whole in names or (whole and Path(whole).expanduser().exists())):
        return ValueError(f"{one_line(whole)} has no split {one_line(split)!r}: expected {', '.join(SPLITS)}")
    if "/" not in source and not Path(source).suffix:
        error = unknown("data", one_line(source), names)
        return ValueError(f"{error} Nor is there a file or folder of that name in {Path.cwd()}")
    parent = next((folder for folder in path.parents if folder.exists()), Path.cwd())
    below = path.relative_to(parent).parts[0] if parent in path.parents else path.name
    there = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    near = difflib.get_close_matches(below, there, n=1)
    where = f"the current folder, {Path.cwd()}" if parent.resolve() == Path.cwd() else parent
    hint = f" Did you mean {str(parent / near[0])!r}?" if near else f" The nearest folder that exists is {where}."
    return ValueError(f"no file or folder {one_line(source)!r}.{hint}")
