"""The fields of a query, checked: the browser's JSON is input like any other."""

import json
from typing import Any

import torch
from torch import Tensor

LARGEST = 1e6
"""Of a code's coordinate."""

Query = dict[str, Any]


def parsed(body: bytes) -> Query:
    """The JSON object of a query.

    Raises:
        ValueError: it is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"expected a JSON object: {type(problem).__name__}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, got a {type(found).__name__}.")
    return found


def whole(query: Query, name: str, low: int, high: int) -> int:
    """A whole number from low to high.

    Raises:
        ValueError: anything else.
    """
    value = query.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name}: expected a whole number from {low} to {high}, got {_short(value)}.")
    return value


def number(query: Query, name: str, largest: float) -> float:
    """A number between -largest and largest.

    Raises:
        ValueError: anything else.
    """
    value = query.get(name)
    if not _is_number(value, largest):
        raise ValueError(f"{name}: expected a number from {-largest:g} to {largest:g}, got {_short(value)}.")
    return float(query[name])


def code(query: Query, name: str, latent: int) -> Tensor:
    """A code (latent,).

    Raises:
        ValueError: another length, or what is not a finite number.
    """
    value = query.get(name)
    wanted = f"{name}: expected a code, a list of {latent} numbers up to {LARGEST:g}"
    if not isinstance(value, list) or len(value) != latent:
        raise ValueError(f"{wanted}, got {_short(value)}.")
    if bad := [place for place, one in enumerate(value) if not _is_number(one, LARGEST)]:
        raise ValueError(f"{wanted}, got {_short(value[bad[0]])} at place {bad[0]}.")
    return torch.tensor(value, dtype=torch.float32)


def _is_number(value: Any, largest: float) -> bool:
    """Whether it is a number of at most this size; NaN is of none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= largest


def _short(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else repr(value)[:40]
