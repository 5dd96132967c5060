"""Names from data as they are, in pictures, on pages and on terminals: nothing in them is read as a command."""

import unicodedata

HIDDEN = ("C", "Zl", "Zp")  # control characters, bytes that are not UTF-8, separators of lines and paragraphs


def printable(text: str, keep: str = "") -> str:
    r"""The text with what cannot be printed escaped: control characters, and bytes of names that are not UTF-8.

    Args:
        text: any.
        keep: characters that stay.

    >>> printable("a\x1b[31m\udcff")
    'a\\x1b[31m\\udcff'
    """
    return "".join(
        ascii(one)[1:-1] if one not in keep and unicodedata.category(one).startswith(HIDDEN) else one for one in text
    )


def literal(text: str) -> str:
    r"""The text as a chart's: printable, and with no formula between dollar signs.

    >>> literal("$\\frac{a}$")
    '\\$\\frac{a}\\$'
    """
    return printable(text).replace("$", r"\$")
