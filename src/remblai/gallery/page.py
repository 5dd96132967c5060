"""The gallery's one page, and its pictures beside it."""

from collections.abc import Mapping
from pathlib import Path

from remblai.gallery.entry import Entry
from remblai.report import write_html, write_pictures


def write_gallery(folder: str | Path, entries: Mapping[str, Entry], versions: Mapping[str, str]) -> Path:
    """Writes `folder/index.html` with every entry on it, and each picture as a PNG; tells where the page is.

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
        entries=entries,
        versions=versions,
    )
    return path
