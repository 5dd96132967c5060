"""Columns of text that hold numbers, which are read, and dates or sentences, which a note says."""

import re
from collections.abc import Sequence
from dataclasses import replace

from remblai.data.moments import ISO_DATE, is_date
from remblai.data.table_cells import is_number
from remblai.populations.table import Tables

MANY = 20
"""Different numbers above which a column with a few other words is one of numbers with cells to correct."""
MOST = 0.5
"""Share of different values among the rows above which categories see little."""
NAMES_OF_MONTHS = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
DATES = re.compile(
    rf"(\d{{1,2}}([/.-])\d{{1,2}}\2(\d{{4}}|\d{{2}})|\d{{4}}([/.])\d{{1,2}}\4\d{{1,2}}"
    rf"|\d{{1,2}}[ -]{NAMES_OF_MONTHS}[ -]\d{{2,4}}|{NAMES_OF_MONTHS} \d{{1,2}},? \d{{4}})([ T,].*)?",
    re.IGNORECASE,
)
"""Dates as people write them, other than YYYY-MM-DD, with a time or without one."""


def with_form_notes(tables: Tables) -> Tables:
    """The tables with a note about each column of categories that looks like one of another kind."""
    categories = [(one, one.levels) for one in tables.columns if one.levels is not None]
    found = [form_note(column.name, levels, int((~column.gaps).sum())) for column, levels in categories]
    return replace(tables, notes=(*tables.notes, *filter(None, found)))


def form_note(name: str, levels: Sequence[str], rows: int) -> str:
    """What to say of a column of categories that looks like one of another kind; empty where it does not.

    Args:
        name: of the column.
        levels: its different values.
        rows: how many rows have a value.
    """
    words = [level for level in levels if not is_number(level)]
    start = f"column {name!r} is compared as categories"
    if words and len(levels) - len(words) > max(MANY, len(words)):
        return (
            f"{start}, for {words[0]!r} is no number, as {len(levels) - len(words):,} other values are: empty such "
            "cells, or correct them"
        )
    wrong = [level for level in levels if not is_date(level)]
    if len(levels) > 2 and wrong and all(ISO_DATE.fullmatch(level) for level in levels):
        return f"{start}, for {wrong[0]!r} is no day and time of the calendar: correct it"
    if len(levels) > 2 and all(DATES.fullmatch(level) for level in levels):
        return f"{start}: it is not sure which part of {levels[0]!r} is the day: write dates as YYYY-MM-DD"
    if len(levels) > max(MANY, MOST * rows):
        return (
            f"{start}, and sees little: it has {len(levels):,} different values in {rows:,} rows; make columns of "
            "numbers or fewer categories of it, or leave it out with --columns"
        )
    return ""
