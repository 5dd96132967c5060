"""How commands print what they found: JSON, tables, and text that a terminal may show."""

import inspect
from collections.abc import Iterable, Sequence
from json import dumps
from typing import Any

from remblai.runtime.text import printable


def show(text: object) -> None:
    """Prints text on stdout; control characters, which could act on a terminal, are shown escaped."""
    print(printable(str(text)))


def show_json(value: Any) -> None:
    """Prints JSON for people and programs; not-a-number is refused, for JSON has none."""
    print(dumps(value, indent=1, allow_nan=False))


def show_table(rows: Iterable[Sequence[str]], heads: Sequence[str] = (), indent: str = "") -> None:
    """Prints rows of cells: the first column to the left, the last as it is, those between to the right.

    Args:
        rows: cells of equal number.
        heads: of the columns.
        indent: before each row.
    """
    lines = [list(heads)] * bool(heads) + [list(row) for row in rows]
    if not lines:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        if not heads and others:
            cells[-1] = others[-1]
        show(indent + "  ".join(cells).rstrip())


def summary_of(part: Any) -> str:
    """The first line of what a part says of itself: the words, its field `meaning`, or its docstring."""
    words: str = part if isinstance(part, str) else getattr(part, "meaning", None) or inspect.getdoc(part) or ""
    return words.partition("\n")[0]
