"""How commands tell what they found."""

import inspect
from json import dumps
from typing import Any


def as_json(value: Any) -> str:
    """JSON for people and programs; not-a-number is refused, for JSON has none."""
    return dumps(value, indent=1, allow_nan=False)


def first_line(part: Any) -> str:
    """The first line of a part's docstring, or the words themselves."""
    words: str = part if isinstance(part, str) else inspect.getdoc(part) or ""
    return words.partition("\n")[0]
