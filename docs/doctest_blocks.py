"""Examples (>>>) of docstrings as blocks of code, where they stand outside a section "Examples" too."""

import re
from typing import Any

from griffe import Extension

BLOCK = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?P=indent)\S.*)*", re.MULTILINE)


class DoctestBlocks(Extension):
    """Puts each block of a docstring that begins with >>> between fences."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Called for each module, class, function and attribute once its docstring is known."""
        if obj.docstring is not None:
            obj.docstring.value = BLOCK.sub(_fenced, obj.docstring.value)


def _fenced(block: re.Match[str]) -> str:
    return f"{block['indent']}```pycon\n{block[0]}\n{block['indent']}```"
