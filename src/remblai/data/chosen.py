"""Which columns of a table are taken: those that are picked by name, or all but some."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from remblai.config.aliases import hint
from remblai.config.convert import convert, quoted

T = TypeVar("T")


class AbsentColumn(ValueError):
    """A column that is to be left out is none of the data's."""

    name = ""


class AllBut(tuple[str, ...]):
    """Names of the columns that are left out; the others are taken as where none is named."""


def asked_columns(
    columns: Sequence[str] | None, exclude: Sequence[str] | None, label: str | None
) -> tuple[str, ...] | None:
    """The columns that are asked for, but for that of the labels, which is read as the classes; None is all.

    Args:
        columns: those that are picked, in this order; None picks none.
        exclude: those that are left out, also of the ones that are picked.
        label: the column of the labels.

    Raises:
        ValueError: none of those that are picked is left.
    """
    columns, exclude = names_of(columns), names_of(exclude)
    left_out = {*(exclude or ()), *(() if label is None else (label,))}
    if columns is None:
        return AllBut(name for name in exclude if name != label) or None if exclude else None
    chosen = tuple(name for name in columns if name not in left_out)
    if not chosen:
        beside = ["the label"] * (label is not None) + ["those to exclude"] * bool(exclude)
        beside_them = f" beside {' and '.join(beside)}" if beside else ""
        raise ValueError(f"columns: expected at least one{beside_them}, got {', '.join(columns) or 'none'}")
    return chosen


def names_of(asked: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of columns as a tuple; a text is read as on the command line, names joined by commas."""
    if isinstance(asked, str):
        return cast(tuple[str, ...], convert("columns", asked, tuple[str, ...]))
    return None if asked is None else tuple(asked)


def picked(asked: Sequence[str] | None) -> Sequence[str] | None:
    """The columns that were picked by name; None where none was, but perhaps some left out."""
    return None if isinstance(asked, AllBut) else asked


def chosen_columns(present: Sequence[str], asked: Sequence[str] | None, source: str) -> list[str]:
    """The names of the columns to take, in order.

    Args:
        present: the names that the data has.
        asked: those that are wanted; None takes all.
        source: what errors call the data.

    Raises:
        ValueError: one is missing, or is there or asked for twice; all are left out.
    """
    if isinstance(asked, AllBut):
        asked = _left(present, asked, source)
    if asked is None:
        asked = present
    missing = [name for name in asked if name not in present]
    if missing:
        near = hint(missing[0], present)
        near += " A name with a comma stands in quotes: --columns '\"a, b\",c'." * any("," in one for one in present)
        names = ", ".join(map(quoted, present))
        raise ValueError(f"{source} has the columns {names}: expected {', '.join(missing)} too.{near}")
    twice = [name for name in asked if list(asked).count(name) > 1 or list(present).count(name) > 1]
    if twice:
        raise ValueError(
            f"the column {twice[0]!r} of {source} is there or asked for twice: expected it once. Rename one of them, "
            "or choose others with --columns"
        )
    return list(asked)


def _left(present: Sequence[str], excluded: AllBut, source: str) -> list[str]:
    """The columns that are not left out."""
    absent = next((name for name in excluded if name not in present), None)
    if absent is not None:
        names = ", ".join(map(quoted, present))
        problem = AbsentColumn(
            f"{source} has the columns {names}: expected one of them to leave out, got {absent!r}."
            f"{hint(absent, present)}"
        )
        problem.name = absent
        raise problem
    left = [name for name in present if name not in excluded]
    if not left:
        raise ValueError(f"{source}: every column is left out: expected at least one that is not named by exclude")
    return left


def without_those_there(
    read: Callable[[tuple[str, ...] | None], T], exclude: Sequence[str] | None
) -> tuple[T, dict[str, AbsentColumn]]:
    """What `read` gives without those of the columns that the data have, and the errors of the others by name.

    Args:
        read: reads data without the columns of these names; None leaves none out.
        exclude: the names.
    """
    absent: dict[str, AbsentColumn] = {}
    while True:
        try:
            return read(tuple(name for name in exclude or () if name not in absent) or None), absent
        except AbsentColumn as problem:
            absent[problem.name] = problem


def in_one_of_both(first: Mapping[str, AbsentColumn], second: Mapping[str, AbsentColumn]) -> None:
    """Refuses names of columns that neither of two data sets has.

    Raises:
        AbsentColumn: of the second, where both lack one.
    """
    for name, problem in second.items():
        if name in first:
            raise problem
