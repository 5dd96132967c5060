"""Dates and times as text."""

import re
from datetime import UTC, datetime

import numpy as np

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ][\d:.,]+(Z|[+-]\d{2}:?\d{2})?)?")
"""Dates and times that are read, with a zone or without one (RFC 3339)."""


def moment(text: str) -> datetime:
    """The date or time that a text of the form `ISO_DATE` is, in UTC where it has a zone.

    Raises:
        ValueError: no day or time of the calendar.
    """
    return utc(datetime.fromisoformat(text.replace(",", ".")))


def utc(value: datetime) -> datetime:
    """A time without its zone, which is that of UTC."""
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def is_date(text: str) -> bool:
    """Whether the text is a date or time that is read."""
    if ISO_DATE.fullmatch(text) is None:
        return False
    try:
        moment(text)
    except ValueError:
        return False
    return True


def date_text(days: float) -> str:
    """A date as YYYY-MM-DD, with the time to the second where it is not midnight, from days since 1970-01-01."""
    moment = np.datetime64("1970-01-01T00:00:00") + np.timedelta64(round(days * 86_400), "s")
    return str(moment).removesuffix("T00:00:00").replace("T", " ")
