"""What two point sets have to agree in before their values are read: whole clouds, and the names of their columns."""

from typing import Any

from remblai.distances.validation import tensor


def refuse_clouds(caller: str, x: Any, y: Any, instead: str) -> None:
    """Refuses (B, n, d) and (B, m, d), which are no points, for a function of one pair of point sets.

    Raises:
        ValueError: both have three dimensions.
    """
    first, second = tensor("x", x), tensor("y", y)
    if first.dim() == second.dim() == 3:
        raise ValueError(
            f"{caller}: expected points (n, d) and (m, d), got {tuple(first.shape)} and {tuple(second.shape)}: of "
            f"clouds (B, n, d) {instead}; grey images (n, h, w) are points as x.reshape(len(x), -1)."
        )


def same_columns(**sides: Any) -> None:
    """Checks that data frames have columns of the same names in the same order: points are matched by position.

    Raises:
        ValueError: two of them do not.
    """
    named = {side: names for side, value in sides.items() if (names := _names(value)) is not None}
    for side, names in list(named.items())[1:]:
        first, wanted = next(iter(named.items()))
        _check(side, names, wanted, first, f"{first}.columns")


def columns_of(x: Any, y: Any) -> tuple[str, ...] | None:
    """The names of the columns of points, of the first that is a data frame; None where none is."""
    return next((tuple(names) for one in (x, y) if (names := _names(one)) is not None), None)


def check_columns(side: str, value: Any, wanted: tuple[str, ...] | None) -> None:
    """Checks that new points, if they are a data frame, have the columns of a plan's, if these have names.

    Raises:
        ValueError: they have others, or in another order.
    """
    names = _names(value)
    if names is not None and wanted is not None:
        _check(side, names, list(wanted), "the plan's points", str(list(wanted)))


def _check(side: str, names: list[str], wanted: list[str], whose: str, chosen: str) -> None:
    if names == wanted:
        return
    remedy = f"pass {side}[{chosen}]" if sorted(names) == sorted(wanted) else "rename or choose columns"
    raise ValueError(
        f"{side}: expected the columns of {whose} in their order ({_listed(wanted)}), got {_listed(names)}: "
        f"{remedy}; arrays, as {side}.to_numpy(), are matched by position."
    )


def _names(value: Any) -> list[str] | None:
    """The names of a data frame's columns; None of what is no frame, or has columns that are not named by text."""
    columns = getattr(value, "columns", None)
    if columns is None or callable(columns) or getattr(value, "ndim", 2) != 2:
        return None
    names = list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
