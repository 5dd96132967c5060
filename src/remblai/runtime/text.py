"""Text as a terminal or a page may show it."""

import unicodedata
from collections.abc import Iterable, Sequence

HIDDEN = ("C", "Zl", "Zp")  # control characters, bytes that are not UTF-8, separators of lines and paragraphs


def first_line(problem: BaseException) -> str:
    """The first line of what an error says: torch and others append frames of their code."""
    return str(problem).strip().partition("\n")[0]


def duration(seconds: float) -> str:
    """A time in words, in the unit that has two or three digits of it.

    >>> duration(7.2), duration(130), duration(60 * 150)
    ('7 s', '2 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def printable(text: str, keep: str = "\n") -> str:
    r"""The text with what cannot be printed escaped: control characters, and bytes of names that are not UTF-8.

    Args:
        text: any.
        keep: characters that stay.

    >>> printable("a\x1b[31m\udcff")
    'a\\x1b[31m\\udcff'
    """
    if text.isprintable():  # in one pass of C: embedded pictures have millions of characters
        return text
    return "".join(
        ascii(one)[1:-1] if one not in keep and unicodedata.category(one).startswith(HIDDEN) else one for one in text
    )


def one_line(text: str) -> str:
    r"""The text with line breaks escaped too, as names are shown.

    >>> one_line("a\nb")
    'a\\nb'
    """
    return printable(text, keep="")


def aligned(rows: Iterable[Sequence[str]], heads: Sequence[str] = (), indent: str = "") -> list[str]:
    """Rows of cells as lines of text: the first column to the left, those after it to the right.

    Args:
        rows: cells of equal number.
        heads: of the columns; without them the last column, which is then of words, is to the left too.
        indent: before each row.
    """
    lines = [list(heads)] * bool(heads) + [list(row) for row in rows]
    if not lines:
        return []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    found = []
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        if not heads and others:
            cells[-1] = others[-1]
        found.append((indent + "  ".join(cells)).rstrip())
    return found
