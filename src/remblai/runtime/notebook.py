"""What a notebook shows of a value: a small table of its own, without a network, in the notebook's colours."""

from collections.abc import Iterable, Sequence
from html import escape

from remblai.runtime.text import printable

CELL = "text-align:left;color:inherit;background:transparent"


def table(title: str, rows: Iterable[Sequence[object]], heads: Sequence[str] = ()) -> str:
    """A title and rows of cells as HTML; every text is escaped, and colours are those of the page, light or dark."""
    head = f"<thead><tr>{''.join(_cell('th', one) for one in heads)}</tr></thead>" if heads else ""
    body = "".join(f"<tr>{''.join(_cell('td', one) for one in row)}</tr>" for row in rows)
    return f'<table><caption style="{CELL}">{_text(title)}</caption>{head}<tbody>{body}</tbody></table>'


def _cell(tag: str, content: object) -> str:
    return f'<{tag} style="{CELL}">{_text(content)}</{tag}>'


def _text(content: object) -> str:
    return escape(printable(f"{content:.6g}" if isinstance(content, float) else str(content)))
