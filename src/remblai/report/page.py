"""The report: one HTML file with everything in it, which opens anywhere, offline."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from remblai.metrics.reading import BAND, Reading, place, read, verdict
from remblai.report.style import DARK, LIGHT, on_paper
from remblai.runtime.files import whole
from remblai.runtime.text import printable

INNER = ("terms", "validation", "codes", "quantiles")
"""Pictures of how a model was trained, and of where its codes lie."""
DENSITY = 2  # pictures are drawn with this many pixels for one of the page's


@dataclass(frozen=True)
class Picture:
    """A picture of a report.

    Attributes:
        name: of its PNG file, without the ending.
        title: what it is, in a few words.
        caption: what to look for.
        alt: what it shows, for those who cannot see it.
        png: the picture; `dark`, the same for dark paper where it differs.
        wide: whether it takes the page's whole width.
    """

    name: str
    title: str
    caption: str
    alt: str
    png: bytes
    dark: bytes | None = None
    wide: bool = False

    @classmethod
    def chart(
        cls, name: str, title: str, caption: str, alt: str, draw: Callable[..., bytes], **given: Any
    ) -> "Picture":
        """A chart of `figures`, drawn by `draw(**given)` once for light and once for dark paper."""
        return cls(name, title, caption, alt, draw(**given, theme=LIGHT), draw(**given, theme=DARK))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the page, in CSS pixels."""
        with Image.open(io.BytesIO(self.png)) as picture:
            return picture.width // DENSITY, picture.height // DENSITY


def filled(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures of a page of two columns, with no half row empty: what stands alone takes the whole width."""
    found: list[Picture] = []
    narrow = 0
    for number, picture in enumerate(pictures, 1):
        narrow = 0 if picture.wide else narrow + 1
        ends = number == len(pictures) or pictures[number].wide
        found.append(replace(picture, wide=picture.wide or (ends and narrow % 2 == 1)))
    return found


def write_pictures(folder: str | Path, pictures: Sequence[Picture]) -> list[Path]:
    """Writes each picture to `folder/name.png`, charts on white paper, whole or not at all; returns their paths."""
    written = [Path(folder) / f"{picture.name}.png" for picture in pictures]
    for path, picture in zip(written, pictures, strict=True):
        with whole(path) as temporary:
            temporary.write_bytes(picture.png if picture.dark is None else on_paper(picture.png))
    return written


def write_page(
    path: str | Path,
    *,
    title: str,
    summary: str,
    settings: Mapping[str, Any],
    command: str,
    metrics: Mapping[str, Mapping[str, Any]],
    pictures: Sequence[Picture],
    facts: Mapping[str, Any] | None = None,
    versions: Mapping[str, Any] | None = None,
) -> None:
    """Writes the report, whole or not at all. Every text is escaped: a name from the data cannot become markup.

    Args:
        path: of the HTML file.
        title: the heading, such as "WAE-MMD on digits".
        summary: one or two sentences on what was trained.
        settings: every argument of the run by its (dotted) name, folded away on the page.
        command: what runs it again.
        metrics: the card: by name {"value", "floor", "spread", "n"}.
        pictures: in the order of the page.
        facts: a few short ones for the head of the page, such as {"steps": "2,000"}.
        versions: by package.
    """
    readings: list[Reading] = read(metrics)
    write_html(
        path,
        "page.html",
        title=title,
        summary=summary,
        settings={key: _as_text(value) for key, value in settings.items()},
        command=command,
        readings=readings,
        verdict=verdict(readings),
        band=place(BAND),
        pictures=filled([picture for picture in pictures if picture.name not in INNER])
        + filled([picture for picture in pictures if picture.name in INNER]),
        inner=INNER,
        blurred=any("blur" in (figure.get("sees") or {}) for figure in metrics.values()),
        facts={key: _as_text(value) for key, value in (facts or {}).items()},
        versions={key: _as_text(value) for key, value in (versions or {}).items()},
    )


def write_html(path: str | Path, template: str, folder: Path | None = None, **given: Any) -> None:
    """Fills a template of this folder, or of another one that extends `base.html`, and writes it, whole or not at all.

    Args:
        path: of the HTML file.
        template: its name.
        folder: where it is, when it is not here.
        **given: what it reads; every text is escaped.
    """
    places = [Path(__file__).parent, *([folder] if folder else [])]
    here = Environment(
        loader=FileSystemLoader(places), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_printable,
    )  # fmt: skip
    here.filters |= {"embedded": _embedded, "percent": _percent}
    text = here.get_template(template).render(**given)
    with whole(Path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _printable(value: Any) -> Any:
    """What a template writes, escaped where it cannot be printed; finished markup is left as it is."""
    return printable(value, keep="\n\t") if type(value) is str else value


def _embedded(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _percent(position: float) -> str:
    """From the line -1 to 1 to a place in per cent of its length."""
    return f"{50 + 50 * position:.1f}%"


def _as_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_as_text(part) for part in value)
    return str(value)
