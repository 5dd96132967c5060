"""What an entry of the gallery is: words, figures that were checked, and pictures."""

from dataclasses import dataclass

from remblai.report import Picture


@dataclass(frozen=True)
class Check:
    """A figure that the entry computed, and what it had to be.

    Attributes:
        what: what was computed, in a few words.
        found: the figure.
        wanted: what it had to be, in words or numbers.
        holds: whether it is.
    """

    what: str
    found: float
    wanted: str
    holds: bool


def equal(what: str, found: float, expected: float, tolerance: float = 1e-9) -> Check:
    """The figure must be `expected`, up to the absolute tolerance; equal infinities are equal."""
    found, expected = float(found), float(expected)
    close = found == expected or abs(found - expected) <= tolerance
    return Check(what, found, f"{expected:.6g}", close)


def between(what: str, found: float, low: float = float("-inf"), high: float = float("inf")) -> Check:
    """The figure must lie in [low, high]."""
    found = float(found)
    words = f"at least {low:.6g}" if high == float("inf") else f"at most {high:.6g}"
    both = low > float("-inf") and high < float("inf")
    return Check(what, found, f"{low:.6g} to {high:.6g}" if both else words, low <= found <= high)


@dataclass(frozen=True)
class Entry:
    """One worked example or figure of the founding texts, run from code.

    Attributes:
        title: what it shows, in a few words.
        words: three sentences: what is computed, what one sees, why it matters.
        checks: the figures, each with what it had to be.
        pictures: one at least; their names begin with the entry's.
        source: the text that it comes from.
    """

    title: str
    words: str
    checks: tuple[Check, ...]
    pictures: tuple[Picture, ...]
    source: str
