"""Names from data in charts: nothing in them is read as a formula."""

from remblai.runtime.text import printable


def literal(text: str) -> str:
    r"""The text as a chart's: printable, and with no formula between dollar signs.

    >>> literal("$\\frac{a}$")
    '\\$\\frac{a}\\$'
    """
    return printable(text, keep="").replace("$", r"\$")
