"""What an entry of the gallery is: words, figures that were checked, and pictures."""

import math
from dataclasses import dataclass
from typing import Any

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

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; an infinite figure is the text "infinity" or "-infinity"."""
        found = self.found if math.isfinite(self.found) else str(self.found).replace("inf", "infinity")
        return vars(self) | {"found": found}


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
class Finding:
    """A sentence that an entry concludes, printed only where the checks behind it hold.

    Attributes:
        says: the sentence.
        backing: how the names of the checks behind it begin; each must begin one check of the entry at least.
    """

    says: str
    backing: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One worked example or figure of the founding texts, run from code.

    Attributes:
        title: what it shows, in a few words.
        words: what is computed and how; what the figures show is a finding where it depends on training.
        checks: the figures, each with the value or range that it had to have.
        pictures: one at least; their names begin with the entry's.
        source: the text that it comes from.
        findings: what it concludes, each backed by its checks.

    Raises:
        ValueError: a finding without a check behind it.
    """

    title: str
    words: str
    checks: tuple[Check, ...]
    pictures: tuple[Picture, ...]
    source: str
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        for finding in self.findings:
            for prefix in finding.backing or ("",):
                if not prefix or not any(check.what.startswith(prefix) for check in self.checks):
                    raise ValueError(
                        f"finding {finding.says!r}: expected a check whose name begins with {prefix!r}: name the "
                        "checks that the sentence rests on."
                    )

    @property
    def conclusions(self) -> list[tuple[str, bool]]:
        """Each finding's sentence and True, or, where a check behind it missed, which one and False."""
        return [self._conclusion(finding) for finding in self.findings]

    def _conclusion(self, finding: Finding) -> tuple[str, bool]:
        missed = [check for check in self.checks if check.what.startswith(finding.backing) and not check.holds]
        if not missed:
            return finding.says, True
        figures = "; ".join(f"{check.what}: {check.found:.4g}, expected {check.wanted}" for check in missed)
        return f"This run does not show it ({figures}): {finding.says}", False
