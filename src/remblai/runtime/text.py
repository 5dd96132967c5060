"""Text as a terminal may show it."""


def printable(text: str) -> str:
    """The text with every character that a terminal does not print as a sign, but for line ends, escaped."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)
