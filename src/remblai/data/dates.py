"""Dates as people write them, read where it is sure which part is the day."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from remblai.data.number_text import FEWEST

TIME = r"(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
YEAR_LAST = re.compile(rf"(\d{{1,2}})([./-])(\d{{1,2}})\2(\d{{4}}){TIME}")
YEAR_FIRST = re.compile(rf"(\d{{4}})([./-])(\d{{1,2}})\2(\d{{1,2}}){TIME}")
MONTHS = 12
EPOCH = datetime(1970, 1, 1)


class Dates(NamedTuple):
    """Days since 1970-01-01 by text, and the order of the parts in words."""

    days: dict[str, float]
    order: str


def dates_of(texts: Sequence[str]) -> Dates | None:
    """The dates that texts are, where all have one form and all are days of the calendar; None where not.

    A year that stands first is followed by the month. Where it stands last the day is first between points, as in
    24.12.2023; between other marks the part that is above 12 in some text is the day. Without one it is not known.

    Args:
        texts: different ones.

    >>> dates_of(["24.12.2023", "01.02.2024", "3.4.2024 12:00"]).order
    'day, month, year'
    >>> dates_of(["1/2/2024", "3/4/2024", "5/6/2024"])
    """
    if len(texts) < FEWEST:
        return None
    first = [YEAR_FIRST.fullmatch(text.strip()) for text in texts]
    last = [YEAR_LAST.fullmatch(text.strip()) for text in texts]
    found = [one for one in (first if all(first) else last) if one]
    if len(found) < len(texts) or len({one[2] for one in found}) > 1:
        return None
    if all(first):
        return _dated(texts, found, (1, 3, 4), "year, month, day")
    above = [any(int(one[part]) > MONTHS for one in found) for part in (1, 3)]
    if above[0] or (found[0][2] == "." and not above[1]):
        return _dated(texts, found, (4, 3, 1), "day, month, year")
    return _dated(texts, found, (4, 1, 3), "month, day, year") if above[1] else None


def _dated(
    texts: Sequence[str], found: Sequence[re.Match[str]], parts: tuple[int, int, int], order: str
) -> Dates | None:
    days = {}
    for text, one in zip(texts, found, strict=True):
        numbers = [int(one[part]) for part in parts] + [int(one[part] or 0) for part in (5, 6, 7)]
        try:
            days[text] = (datetime(*numbers) - EPOCH).total_seconds() / 86_400  # type: ignore[arg-type]  # six numbers
        except ValueError:
            return None
    return Dates(days, order)
