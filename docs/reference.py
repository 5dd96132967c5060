"""Writes docs/reference.md from the tables: every recipe and part, with the meaning and default of each option.

python docs/reference.py
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from remblai.cli.commands.about import LISTS
from remblai.cli.output import summary_of
from remblai.config.registry import Option, own_options
from remblai.data import load
from remblai.recipes import Recipe
from remblai.runs.train import train
from remblai.training import State

PATH = Path(__file__).with_suffix(".md")
INTRODUCTION = """# Recipes, parts and options

Written by `python docs/reference.py` from signatures and docstrings, as the command line's `--help` is. An option of a
chosen part is dotted after it: `--penalty mmd --penalty.kernel gaussian --penalty.kernel.scale 2`.
"""


def text() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    listed: dict[str, str] = {}  # the first list that a name stands in
    for kind, table in LISTS.items():
        parts.append(f"\n## {kind.capitalize()}\n")
        for name, part in table.items():
            above = listed.setdefault(name, kind)
            same = above != kind and LISTS[above][name] is part
            parts.append(f"\n**{name}**: see {above}.\n" if same else _entry(name, part))
    parts.append("\n## Training loop\n\n" + _rows(own_options(State)))
    parts.append("\n## Data options\n\n" + _rows(own_options(load)))
    hidden = {"recipe", "data_options"}
    parts.append("\n## Run\n\n" + _rows(o for o in own_options(train) if o.name not in hidden))
    return "".join(parts)


def _entry(name: str, part: Any) -> str:
    if not callable(part):
        return f"\n**{name}**: {summary_of(part)}\n"
    words, factory = _words(part), part.function if isinstance(part, Recipe) else part
    rows = _rows(own_options(factory))
    loop = ", ".join(f"{key} {value}" for key, value in part.loop.items()) if isinstance(part, Recipe) else ""
    return f"\n### {name}\n\n{words}\n" + (f"\nIts loop: {loop}.\n" if loop else "") + (f"\n{rows}" if rows else "")


def _words(part: Callable[..., Any]) -> str:
    words = inspect.getdoc(part) or ""
    for title in ("Args:", "Attributes:", "Raises:", "Returns:"):
        words = words.partition(f"\n\n{title}")[0]
    return words


def _rows(options: Iterable[Option]) -> str:
    rows = [f"| `{o.name.replace('_', '-')}` | {_shown(o.default)} | {_cell(o.help)} |\n" for o in options]
    return "| option | default | meaning |\n|---|---|---|\n" + "".join(rows) if rows else ""


def _cell(words: str) -> str:
    return words.replace("|", r"\|").replace("\n", " ")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        name, *own = value.items()
        options = ", ".join(f"{key.replace('_', '-')} {_shown(item)}" for key, item in own)
        value = f"{name[1]} ({options})" if own else name[1]
    if isinstance(value, tuple):
        value = ", ".join(str(item) for item in value)
    return "" if value is None else f"{value}"


if __name__ == "__main__":
    PATH.write_text(text())
