"""The folder of a comparison: what is known there of its trainings, which more seeds and models go on with."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from remblai.compare.request import Request
from remblai.runs.record import SCHEMA
from remblai.runs.start import next_folder
from remblai.runtime.files import explained, write_json
from remblai.runtime.locks import locked

FILE, RUNS = "compare.json", "runs"


@contextmanager
def opened(out: Path | None, request: Request) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The comparison's folder, locked, and what is known of its trainings.

    Raises:
        ValueError: the folder holds something else, or a comparison on other data, with another budget or with another
            recipe of the same name.
    """
    folder = next_folder("compare") if out is None else out
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        path = folder / FILE
        record: dict[str, Any] = {"steps": {}, "memory": {}, "recipes": {}}
        if path.is_file():
            known = _read(path)
            if "result" in known or _begun(folder):  # else it was refused before it began
                record |= known
                _check_same(folder, record, request)
        elif any(folder.iterdir()):
            raise ValueError(f"{folder} is not empty and holds no comparison: name another --out.")
        record["request"] = request.identity
        record["recipes"] |= request.recipes
        yield folder, record


def keep(folder: Path, record: Mapping[str, Any]) -> None:
    """Writes what is known of the trainings, and the last result."""
    write_json(folder / FILE, {"schema": SCHEMA, **record})


def _check_same(folder: Path, record: Mapping[str, Any], request: Request) -> None:
    known, begun = record["request"], _begun(folder)
    for name in ("data", "budget"):
        if known.get(name) != request.identity[name]:
            raise ValueError(
                f"{folder} holds another comparison: {name} was {known.get(name)}, now {request.identity[name]}: name "
                "another --out."
            )
    for entry in request.entries:
        was, now = record["recipes"].get(entry.label), request.recipes.get(entry.label)
        if was is not None and was != now and entry.slug in begun:
            raise ValueError(
                f"{folder}: {entry.label} was trained by a file with the sha256 {was[:12]}..., and {entry.recipe} has "
                f"{(now or '')[:12]}...: name another --out."
            )


def _begun(folder: Path) -> set[str]:
    """The entries, by how their folders are called, of which there is a run."""
    return {path.parent.name.rpartition("-")[0] for path in (folder / RUNS).glob("*/run.json")}


def _read(path: Path) -> dict[str, Any]:
    """What `compare.json` says of the request, its trainings and what was found last."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept: dict[str, dict[str, Any]] = {name: dict(found[name]) for name in ("request", "steps", "memory")}
        kept |= {name: dict(found[name]) for name in ("recipes", "result") if name in found}
    except (ValueError, KeyError, TypeError) as problem:
        raise ValueError(f"{path} cannot be read ({problem}): name another --out.") from None
    return kept
