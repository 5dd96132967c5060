"""Text as a terminal or a page may show it."""

import unicodedata

HIDDEN = ("C", "Zl", "Zp")  # control characters, bytes that are not UTF-8, separators of lines and paragraphs


def first_line(problem: BaseException) -> str:
    """The first line of what an error says: torch and others append frames of their code."""
    return str(problem).strip().partition("\n")[0]


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
