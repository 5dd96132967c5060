"""The gallery's one page, and its pictures beside it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from remblai.gallery.entry import Entry
from remblai.report import write_html, write_pictures

COLUMN = 500
"""CSS pixels that half of the page's width holds: wider pictures take all of it."""


def write_gallery(folder: str | Path, entries: Mapping[str, Entry], versions: Mapping[str, str]) -> Path:
    """Writes `folder/index.html` with every entry on it, and each picture as a PNG; returns its path.

    Args:
        folder: where to.
        entries: by the name that runs one again.
        versions: by package, for the foot of the page.
    """
    path = Path(folder) / "index.html"
    for entry in entries.values():
        write_pictures(folder, entry.pictures)
    write_html(
        path,
        "gallery.html",
        Path(__file__).parent,
        title="The theory, made to run",
        summary="The worked examples and figures of the texts that this library stands on: each is computed here, from "
        "the library's own parts, and checked against what it has to be.",
        entries={name: _laid_out(entry) for name, entry in entries.items()},
        versions=versions,
    )
    return path


def _laid_out(entry: Entry) -> Entry:
    return replace(entry, pictures=tuple(replace(one, wide=one.size[0] > COLUMN) for one in entry.pictures))
