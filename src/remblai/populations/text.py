"""Drift in words: the verdict, what each column did, and the rows of tables that terminal and page share."""

from typing import TYPE_CHECKING

from remblai.data.moments import date_text
from remblai.metrics.reading import number
from remblai.populations.given import Within
from remblai.populations.shifts import Change, Shift
from remblai.populations.table import Bools, Column
from remblai.runtime.text import aligned

if TYPE_CHECKING:
    from remblai.populations.entry import Drift

LISTED = 15
"""Columns that a terminal shows, at most."""
NAMED = 4
"""Columns, levels or sizes that a sentence names, at most."""
HEADS = ("column", "moved by", "at least", "floor", "p", "p corrected", "smallest seen", "what")
UNITS = {"numbers": "standard deviations", "categories": "of the rows"}
"""What a shift of a kind of column is measured in."""
PLACES = {"numbers": "in a column of numbers", "categories": "in one of categories"}


def verdict(found: "Drift") -> str:
    """Whether it is the same population, in a sentence."""
    tables = found.data.tables
    sizes = f"{tables.n:,} and {tables.m:,} {'images' if found.data.images is not None else 'rows'}"
    out = _beyond(found) + (f" Not compared: {_listed(tables.left_out)}, see the notes." if tables.left_out else "")
    if not found.drifted:
        return f"No difference was seen between {sizes} (p = {found.p_value:.2g}).{out}"
    return f"Not the same population (p = {found.p_value:.2g}, {sizes}): {_what_moved(found)}.{out}"


def _what_moved(found: "Drift") -> str:
    moved = [one for one in found.shifts if one.name in found.columns]
    if found.data.images is not None:
        return "the features of the images differ"
    if not moved and _tested(found) / (1 + found.permutations) > found.level:
        return "which columns moved takes more permutations"
    if not moved:
        part = "together" if found.p_joint <= found.level else "and their combinations together"
        return f"no column alone is sure to have moved, the columns {part} have{_depending(found)}"
    named = ", ".join(f"{one.name} by {size(one)}" for one in moved[:NAMED])
    more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
    return f"{len(moved)} of {len(found.shifts)} columns moved: {named}{more}{_depending(found)}"


def _depending(found: "Drift") -> str:
    """The pairs of columns whose dependence changed, as the end of a sentence."""
    pairs = found.dependences
    if not pairs:
        return ""
    said = [f"{one.first} and {one.second} {number(one.before)} to {number(one.after)}" for one in pairs[: NAMED - 1]]
    more = f" and {len(pairs) - len(said)} more pairs" if len(pairs) > len(said) else ""
    return f"; the correlation changed of {', '.join(said)}{more}"


def _beyond(found: "Drift") -> str:
    """Which columns are sure to have moved by more than was tolerated, as a sentence."""
    if found.tolerance is None or not found.drifted:
        return ""
    allowed = f"the tolerance of {found.tolerance:g} standard deviations, or share of the rows"
    beyond = [one for one in found.shifts if one.name in found.beyond]
    if not beyond:
        return f" No column is sure to have moved by more than {allowed}."
    named = ", ".join(f"{one.name} by at least {at_least(one)}" for one in beyond[:NAMED])
    more = f" and {len(beyond) - NAMED} more" if len(beyond) > NAMED else ""
    return f" Moved by more than {allowed}: {named}{more}."


def could_see(found: "Drift") -> str:
    """What tables of these sizes would have shown, in a sentence."""
    parts = []
    for kind, unit in UNITS.items():
        sizes = [one.smallest_seen for one in found.shifts if one.kind == kind]
        seen = [one for one in sizes if one is not None]
        if not seen:
            continue
        written = [number(one) if kind == "numbers" else percent(one) for one in (min(seen), max(seen))]
        of = written[0] if written[0] == written[1] else " to ".join(written)
        parts.append(f"a shift of {of} {unit} {PLACES[kind]}")
    unseen = [one.name for one in found.shifts if one.smallest_seen is None]
    but = (
        f" Of {_listed(tuple(unseen))} no such shift would be seen."
        if unseen and len(unseen) < len(found.shifts)
        else ""
    )
    if not parts:
        return "At these sizes no comparison can be relied on to see a shift of any column." if found.shifts else ""
    return f"At these sizes 4 of 5 comparisons would see {' or '.join(parts)}; less may go unseen.{but}"


def size(shift: Shift) -> str:
    """How far a column moved, with its unit."""
    if shift.kind == "categories":
        return f"{percent(shift.distance)} of the rows"
    if shift.unit == "days":
        return days(shift.distance) + _gaps(shift)
    moved = number(shift.distance) if shift.in_sd is None else f"{number(shift.in_sd)} standard deviations"
    return moved + _gaps(shift)


def at_least(shift: Shift) -> str:
    """How far a column is sure to have moved, with its unit."""
    if shift.kind == "categories":
        return percent(shift.at_least)
    deviation = shift.deviations[0]
    in_days = shift.unit == "days" and deviation
    moved = days(shift.at_least * deviation) if in_days and deviation else f"{number(shift.at_least)} sd"
    return moved + (f", gaps by {percent(shift.missing_at_least)}" if shift.missing_at_least > 0.0 else "")


def _gaps(shift: Shift) -> str:
    """The change of the share of gaps, where it is one; of categories gaps are a level."""
    before, after = shift.missing
    return (
        f", gaps {percent(before)} to {percent(after)}"
        if shift.kind == "numbers" and abs(after - before) > 0.01
        else ""
    )


def days(amount: float | None) -> str:
    """An amount of time between dates; empty where there is none."""
    return "" if amount is None else f"{number(amount)} days"


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.3g} %"


def what(shift: Shift) -> str:
    """What a column did, in a few words."""
    parts = []
    if None not in shift.means:
        mean = _mean_date if shift.unit == "days" else number
        deviation = days if shift.unit == "days" else number
        parts.append(f"mean {mean(shift.means[0])} to {mean(shift.means[1])}")
        parts.append(f"sd {deviation(shift.deviations[0])} to {deviation(shift.deviations[1])}")
    if any(shift.missing) and shift.kind == "numbers":
        parts.append(f"missing {percent(shift.missing[0])} to {percent(shift.missing[1])}")
    if shift.unseen:
        parts.append(f"new: {_listed(shift.unseen)}")
    if shift.gone:
        parts.append(f"gone: {_listed(shift.gone)}")
    for words, changes in (("grew", shift.grew), ("shrank", shift.shrank)):
        if changes:
            parts.append(f"{words}: {', '.join(map(_change, changes[:2]))}")
    return "; ".join(parts)


def _mean_date(mean: float | None) -> str:
    return "" if mean is None else date_text(round(mean))


def _tested(found: "Drift") -> int:
    """Columns that are corrected for: all but those that are one constant in both tables."""
    return sum(not one.constant for one in found.shifts)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")


def _change(change: Change) -> str:
    return f"{change.level} {percent(change.before)} to {percent(change.after)}"


def cells(shift: Shift) -> list[str]:
    """A column's row under `HEADS`."""
    categories = shift.kind == "categories"
    dates = shift.unit == "days"
    written = percent if categories else days if dates else number
    in_sd = None if dates else shift.in_sd
    moved = (f"{number(in_sd)} sd" if in_sd is not None else written(shift.distance)) + _gaps(shift)
    scale = 1.0 if in_sd is None else shift.deviations[0] or 1.0
    floor = f"{written(shift.floor / scale)} ± {written(shift.floor_spread / scale)}"
    return [
        shift.name,
        moved,
        at_least(shift),
        floor,
        f"{shift.p_value:.2g}",
        f"{shift.p_corrected:.2g}",
        _smallest_seen(shift),
        what(shift),
    ]


def _smallest_seen(shift: Shift) -> str:
    """The smallest shift that would have been seen: a share of categories, days of dates, else deviations."""
    seen, deviation = shift.smallest_seen, shift.deviations[0]
    if seen is None:
        return "none"
    if shift.kind == "categories":
        return percent(seen)
    return days(seen * deviation) if shift.unit == "days" and deviation else f"{number(seen)} sd"


def given_cells(within: Within) -> list[str]:
    """A column's row of drift within a given column: what, total, mix, within, distance, corrected p."""
    share = within.of.startswith("share")
    written = _signed_percent if share else number
    amounts = [written(one) for one in (within.total, within.mix, within.within)]
    return [within.name, within.of, *amounts, f"{within.p_corrected:.2g}"]


def _signed_percent(share: float) -> str:
    return f"{100 * share:+.3g} %".replace("-", "\N{MINUS SIGN}")  # as `number` writes it


GIVEN_HEADS = ("column", "change of", "total", "from the mix", "within", "p within")


def notes(found: "Drift") -> list[str]:
    """What a reader must know of how this was measured."""
    tables, count = found.data.tables, _tested(found)
    lines = list(tables.notes)
    least = count / (1 + found.permutations)
    if least > found.level:
        lines.append(
            f"with {found.permutations:,} permutations no p-value corrected for {count} columns is below "
            f"{min(1, least):.2g}: use --permutations {int(count / found.level)} to see which columns moved"
        )
    for column in tables.columns:
        if column.dates and _follow(column, tables.first):
            lines.append(
                f"column {column.name!r}: the dates of one table all lie before those of the other, as those of two "
                "months do: where that is no news, leave it out with --columns, or by --label"
            )
    if found.joint_rows < tables.n + tables.m:
        lines.append(f"the joint statistics use {found.joint_rows:,} of {tables.n + tables.m:,} rows, drawn at random")
    if found.given and found.given.own_p_value is not None and found.given.own_p_value <= found.level:
        lines.append(
            f"given {found.given.column}: its ranges are too wide, for its own mean differs within them "
            f"(p = {found.given.own_p_value:.2g}): what moved within them may be {found.given.column} itself"
        )
    if found.moved.n < tables.n or found.moved.m < tables.m:
        lines.append(f"the plan carries {found.moved.n:,} rows to {found.moved.m:,}, drawn at random")
    return lines


def _follow(column: Column, first: Bools) -> bool:
    """Whether all values of one table lie before all of the other."""
    parts = [column.values[part & ~column.gaps] for part in (first, ~first)]
    return all(map(len, parts)) and (parts[0].max() < parts[1].min() or parts[1].max() < parts[0].min())


def lines(found: "Drift") -> list[str]:
    """All of it for a terminal, a line each."""
    rows = [cells(one) for one in found.shifts[:LISTED]]
    return [
        verdict(found),
        could_see(found),
        "",
        *aligned([row[:-1] for row in rows], HEADS[:-1], "  "),
        *(f"  {row[0]}: {row[-1]}" for row, one in zip(rows, found.shifts, strict=False) if one.name in found.columns),
        *_rest(found),
        "",
        *_joint_lines(found),
        *_given_lines(found),
        *(f"  note: {line}" for line in notes(found)),
    ]


def _rest(found: "Drift") -> list[str]:
    more = len(found.shifts) - LISTED
    return [f"  ... and {more} more columns, which `shifts`, --json and the page of --out have"] if more > 0 else []


def _joint_lines(found: "Drift") -> list[str]:
    """What the columns show together: the test, the least cost of carrying A to B, and what is carried farthest."""
    moved = found.moved
    parts = ", ".join(f"{one.column} {number(one.cost)} ({number(one.floor)})" for one in moved.parts[:5])
    farthest = [
        f"    row {one.row} of A goes to row {one.to} of B at cost {number(one.cost)}: "
        + "; ".join(f"{name} {before} to {after}" for name, before, after in one.changes)
        for one in moved.movers[:3]
    ]
    return [
        f"  columns together: p = {found.p_joint:.2g}; {found.permutations:,} permutations",
        f"  least cost of carrying A to B, from 0 to 1: {moved.cost:.4g} (proven {moved.bounds}), "
        f"{number(moved.floor)} between random splits",
        f"  of which, and between random splits: {parts}",
        *["  carried farthest (rows count from 0):"] * bool(farthest), *farthest,
    ]  # fmt: skip


def _given_lines(found: "Drift") -> list[str]:
    """Drift within a column, where one was given."""
    if found.given is None:
        return []
    rows = [given_cells(one) for one in found.given.columns[:LISTED]]
    return ["", f"  within {found.given.column}: p = {found.given.p_value:.2g}", *aligned(rows, GIVEN_HEADS, "  ")]
