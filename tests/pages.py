"""What every page of the library has to be for people who read it without eyes, without a mouse or on a telephone."""

import itertools
import re
from html.parser import HTMLParser


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def check_page(text: str) -> None:
    """Images have words, headings go down one level at a time, ids are single, links inside the page lead somewhere."""
    tags = _Tags(text).found
    assert ("html", {"lang": "en"}) in tags
    assert any(attrs.get("name") == "viewport" for _, attrs in tags)
    assert all((attrs.get("alt") or "").strip() for tag, attrs in tags if tag == "img")
    assert all(attrs.get("aria-label") for tag, attrs in tags if tag == "svg")
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), levels
    ids = [attrs["id"] for _, attrs in tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    targets = [attrs["href"] or "" for tag, attrs in tags if tag == "a"]
    targets += ["#" + (attrs["aria-labelledby"] or "") for _, attrs in tags if "aria-labelledby" in attrs]
    assert {target[1:] for target in targets if target.startswith("#")} <= set(ids)
    assert all(attrs.get("scope") for tag, attrs in tags if tag == "th")
    assert ":focus-visible { outline:" in text
