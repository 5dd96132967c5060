"""Names from data in charts: nothing in them is read as a formula."""

from remblai.runtime.text import one_line


def literal(text: str) -> str:
    r"""The text as a chart's: printable, and with no formula between dollar signs.

    >>> literal("$\\frac{a}$")
    '\\$\\frac{a}\\$'
    """
    return one_line(text).replace("$", r"\$")
