"""The gallery's pages: one of all entries of a call and one of each, with the pictures beside them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from remblai.gallery.entry import Entry
from remblai.report import write_html, write_pictures

COLUMN = 500
"""CSS pixels that half of the page's width holds: wider pictures take all of it."""


def write_gallery(
    folder: str | Path, entries: Mapping[str, Entry], versions: Mapping[str, str], known: Iterable[str] = ()
) -> Path:
    """Writes `folder/index.html` with every entry on it, one page for each, and its pictures; returns the first path.

    Args:
        folder: where to.
        entries: by the name that runs one again.
        versions: by package, for the foot of the page.
        known: names of entries, to whose pages of earlier calls in this folder the first page leads.
    """
    path = Path(folder) / "index.html"
    for name, entry in entries.items():
        write_pictures(folder, entry.pictures)
        _write(path.with_name(f"{name}.html"), {name: entry}, versions)
    earlier = [name for name in known if name not in entries and path.with_name(f"{name}.html").is_file()]
    _write(path, entries, versions, earlier)
    return path


def _write(path: Path, entries: Mapping[str, Entry], versions: Mapping[str, str], earlier: Iterable[str] = ()) -> None:
    write_html(
        path,
        "gallery.html",
        Path(__file__).parent,
        title="The theory, made to run",
        summary="The worked examples and figures of the texts that this library stands on: each is computed here, from "
        "the library's own parts, and checked against what it has to be.",
        entries={name: _laid_out(entry) for name, entry in entries.items()},
        versions=versions,
        earlier=list(earlier),
    )


def _laid_out(entry: Entry) -> Entry:
    return replace(entry, pictures=tuple(replace(one, wide=one.size[0] > COLUMN) for one in entry.pictures))
