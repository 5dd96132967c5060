"""What a notebook shows: a value as a small table of its own, without a network; a bar of progress as a widget."""

import warnings
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from remblai.runtime.text import printable

CELL = "text-align:left;color:inherit;background:transparent"


def table(title: str, rows: Iterable[Sequence[object]], heads: Sequence[str] = ()) -> str:
    """A title and rows of cells as HTML; every text is escaped, and colours are those of the page, light or dark."""
    head = f"<thead><tr>{''.join(_cell('th', one) for one in heads)}</tr></thead>" if heads else ""
    body = "".join(f"<tr>{''.join(_cell('td', one) for one in row)}</tr>" for row in rows)
    return f'<table><caption style="{CELL}">{_text(title)}</caption>{head}<tbody>{body}</tbody></table>'


def bar_class() -> tuple[type[Any], bool]:
    """tqdm's bar for where Python runs, and whether that is a widget of a notebook.

    A notebook without ipywidgets has no widgets, of which tqdm warns: lines of text take their place.
    """
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm  # before what it is made of, for it keeps a warning of that away
        from tqdm.autonotebook import tqdm as chosen
        from tqdm.std import tqdm as text
    return tqdm, chosen is not text


def _cell(tag: str, content: object) -> str:
    return f'<{tag} style="{CELL}">{_text(content)}</{tag}>'


def _text(content: object) -> str:
    return escape(printable(f"{content:.6g}" if isinstance(content, float) else str(content)))
