"""The place of an export: beside no files of others, never half written, also where the process is killed."""

import contextlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from remblai.runs.record import SCHEMA
from remblai.runtime.files import TEMPORARY, explained, remove_unlocked, reserve_folder, write_json

RECORD, CARD = "export.json", "README.md"
PARTS = ("encoder", "decoder", "sampler")
OWN = {RECORD, CARD, "run.json", *(f"{part}{end}" for part in PARTS for end in (".pt2", ".onnx"))}
OWN |= {f"{part}.{precision}.onnx" for part in PARTS for precision in ("float16", "int8")}
"""The files of an export: nothing else in its folder is ever removed."""
UNFINISHED, MARK = "unfinished", "unfinished.json"
"""What the record of a folder says while its files are exchanged, and the name of that record before it is there."""


def check_place(place: Path, overwrite: bool) -> None:
    """Refuses a folder with files of others, or an earlier export that is not to be replaced.

    Raises:
        ValueError: see above.
    """
    with explained(place):
        there = sorted(path.name for path in place.iterdir()) if place.is_dir() else [place.name] * place.exists()
    if not there:
        return
    record = _record(place) if place.is_dir() else None
    if record is None:
        raise ValueError(f"{place} holds {there[0]}, which is no export of remblai: name another --out.")
    if not (overwrite or record.get(UNFINISHED)):
        raise ValueError(f"{place} holds an export already: name another --out, or add --overwrite.")


@contextlib.contextmanager
def building(place: Path) -> Iterator[Path]:
    """Yields a folder beside the place, to be filled, which is gone afterwards; those that a kill left are removed."""
    with explained(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        handle, folder = reserve_folder(place.parent, _prefix(place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def move(folder: Path, place: Path) -> None:
    """Puts the files in their place; files of an earlier export go, others stay with a warning.

    Until the record, which comes last, is there, the one in its place says that the export is unfinished.
    """
    mark = folder / MARK
    write_json(mark, {"schema": SCHEMA, "files": {}, UNFINISHED: True})
    with explained(place):
        place.mkdir(parents=True, exist_ok=True)
        mark.replace(place / RECORD)
        for path in list(place.iterdir()):
            if path.name in OWN and path.name != RECORD and path.is_file():
                path.unlink()
        for path in sorted(folder.iterdir(), key=lambda path: (path.name == RECORD, path.name == CARD)):
            path.replace(place / path.name)
        foreign = sorted(path.name for path in place.iterdir() if path.name not in OWN)
    if foreign:
        warnings.warn(f"{place}: files that remblai did not write stay: {', '.join(foreign[:5])}", stacklevel=3)


def _record(place: Path) -> Mapping[str, Any] | None:
    """The record that `export` writes; None where the folder has none."""
    try:
        record: Mapping[str, Any] = json.loads((place / RECORD).read_text())
        return record if record["schema"] == SCHEMA and "files" in record else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _prefix(place: Path) -> str:
    return f".{place.name}-exporting-"


def _sweep(place: Path) -> None:
    """Removes folders of `building` that a kill left; those in use are locked and stay."""
    name = re.compile(re.escape(_prefix(place)) + "[a-z0-9_]{8}")
    for folder in place.parent.glob(".*"):
        if not name.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
            continue
        if any(not (path.name in OWN | {MARK} or TEMPORARY.fullmatch(path.name)) for path in folder.iterdir()):
            continue
        remove_unlocked(folder)
