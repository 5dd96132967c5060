"""How commands print what they found: JSON, tables, and text that a terminal may show."""

import inspect
from collections.abc import Iterable, Sequence
from json import dumps
from typing import Any

from remblai.runtime.text import aligned, printable


def show(text: object) -> None:
    """Prints text on stdout; control characters, which could act on a terminal, are shown escaped."""
    print(printable(str(text)))


def show_json(value: Any) -> None:
    """Prints JSON for people and programs; not-a-number is refused, for JSON has none."""
    print(dumps(value, indent=1, allow_nan=False))


def show_table(rows: Iterable[Sequence[str]], heads: Sequence[str] = (), indent: str = "") -> None:
    """Prints rows of cells of equal number in columns, under their heads where there are any."""
    for line in aligned(rows, heads, indent):
        show(line)


def summary_of(part: Any) -> str:
    """The first line of what a part says of itself: the words, its field `meaning`, or its docstring."""
    words: str = part if isinstance(part, str) else getattr(part, "meaning", None) or inspect.getdoc(part) or ""
    return words.partition("\n")[0]
