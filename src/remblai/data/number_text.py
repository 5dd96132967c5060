"""Numbers as people write them: with a currency, a unit, a decimal comma, marks between thousands."""

import re
from collections.abc import Sequence

NUMBERS = re.compile(r"(?P<before>[^\d]*?)(?P<number>[-+(]?\d[\d,.'\s]*)(?P<after>[^\d]*)")
"""A number with what stands before and after it, such as a currency."""
BEFORE = re.compile(r"[^\w\s]*|[A-Z]{3}")
AFTER = re.compile(r"\s*[^\w\s]*|\s*[A-Z]{3}|\s+[^\W\d_]+")
"""Signs, codes of currencies and units: with other letters it is a name, such as A1."""
WRITTEN = r"[-+(]?(?P<whole>\d+|\d{{1,3}}(?:{thousands}\d{{3}})+)(?:{decimal}(?P<decimals>\d+))?"
"""A number, with marks between thousands or without them."""
NO_DIGIT = r"\D"
THOUSAND = 3
"""Digits behind a mark between thousands."""
ADDRESS, LARGEST_PART = 4, 255
"""Parts of an address of the internet, and the largest number in one."""
FEWEST = 3
"""Different texts from which a column of them may be one of numbers, or of dates."""


def numbers_of(texts: Sequence[str]) -> dict[str, float] | None:
    """The numbers that texts are, by text, where all have one sign, such as a currency, or none; None where not.

    A comma or a point that stands once in every text is the decimal one, unless three digits follow it in all of them
    and something other than 0 goes before it; of both in one text the last. Other commas, points, apostrophes and
    spaces stand between thousands. A minus may stand behind the number. Addresses such as 192.168.1.20 are none.

    Args:
        texts: different ones.

    >>> numbers_of(["10,5", "9,25", "1.000,0"])
    {'10,5': 10.5, '9,25': 9.25, '1.000,0': 1000.0}
    >>> numbers_of(["A1", "A2", "A3"])
    """
    found = [NUMBERS.fullmatch(text.strip()) for text in texts]
    known = [one for one in found if one is not None]
    if all(_is_address(text) for text in texts):
        return None
    signs = {(one["before"].strip(), _behind(one).strip()) for one in known}
    if len(texts) < FEWEST or len(known) < len(texts) or len(signs) > 1:
        return None
    if not all(BEFORE.fullmatch(one["before"].strip()) and AFTER.fullmatch(_behind(one).rstrip()) for one in known):
        return None
    written = [one["number"].strip() for one in known]
    decimal = _decimal_mark(written)
    form = re.compile(WRITTEN.format(thousands="['\\s,]" if decimal == "." else "['\\s.]", decimal=re.escape(decimal)))
    parts = [form.fullmatch(one) for one in written]
    if not all(parts):
        return None
    values = [float(f"{re.sub(NO_DIGIT, '', one['whole'])}.{one['decimals'] or 0}") for one in parts if one]
    negative = [one["number"].strip().startswith(("-", "(")) or _is_behind(one) for one in known]
    return {text: -one if minus else one for text, one, minus in zip(texts, values, negative, strict=True)}


def _behind(found: re.Match[str]) -> str:
    """What stands after the number, with the space before it."""
    after = found["number"][len(found["number"].rstrip()) :] + found["after"].replace(")", "")
    return after.rstrip().removesuffix("-") if _is_behind(found) else after


def _is_behind(found: re.Match[str]) -> bool:
    """Whether a minus stands behind the number, as bookkeepers write it."""
    return found["after"].strip() == "-" and not found["number"].startswith("-")


def _is_address(text: str) -> bool:
    """Whether it is an address of the internet: four numbers up to 255."""
    parts = text.strip().split(".")
    return len(parts) == ADDRESS and all(part.isdecimal() and int(part) <= LARGEST_PART for part in parts)


def _decimal_mark(numbers: Sequence[str]) -> str:
    """The comma or the point, whichever stands before decimals."""
    both = [one for one in numbers if "," in one and "." in one]
    if both:
        return max(",.", key=both[0].rfind)
    for mark in ",.":
        decimals = [one.split(mark)[1:] for one in numbers if mark in one]
        once = all(len(one) == 1 for one in decimals)
        whole = [one.split(mark)[0].lstrip("-+( ") for one in numbers if mark in one]
        below_one = any(part.startswith("0") for part in whole)  # no group of thousands begins so
        if decimals and once and (below_one or any(len(one[0]) != THOUSAND for one in decimals)):
            return mark
    return "," if any("." in one for one in numbers) else "."
