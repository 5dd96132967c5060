"""Text and JSON as typed values: what an annotation of a signature asks for."""

import contextlib
import csv
import math
import re
import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from remblai.config.registry import unknown

MOST = 2**63 - 1
"""The largest whole number that tensors' sizes and counters can be."""


class TooLargeError(ValueError):
    """A whole number that no size or counter can be."""


def convert(name: str, value: Any, annotation: Any) -> Any:
    """The value as its annotation wants it, from the command line's text, from JSON or from Python.

    Raises:
        ValueError: the value is not of that type; it says what was expected and what came.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _convert_union(name, value, arguments)
    if origin is Annotated:
        return _matching(name, convert(name, value, arguments[0]), arguments[1:])
    if origin is Literal:
        matches = [choice for choice in arguments if choice == value or str(choice) == str(value)]
        if not matches:
            raise unknown(name, value, [str(choice) for choice in arguments])
        return matches[0]
    if origin is tuple:
        items = (
            items_of(value) if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else [value]
        )
        kinds = arguments[:1] * len(items) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(items):
            raise ValueError(f"{name}: expected {len(kinds)} values joined by commas, got {value!r}.")
        return tuple(convert(name, item, kind) for item, kind in zip(items, kinds, strict=True))
    return _convert_plain(name, value, annotation)


def items_of(text: str) -> list[str]:
    """The items of a list joined by commas; one that holds a comma stands in double quotes, as in a CSV file.

    >>> items_of('age,"spent, in all"')
    ['age', 'spent, in all']
    """
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True, skipinitialspace=True))
    except csv.Error as problem:
        raise ValueError(
            f"expected words joined by commas, those with a comma in double quotes, got {text!r}"
        ) from problem


def quoted(item: str) -> str:
    """An item as `items_of` reads it."""
    return '"' + item.replace('"', '""') + '"' if "," in item or '"' in item else item


def _matching(name: str, value: Any, extras: tuple[Any, ...]) -> Any:
    """The value, where it is a text of the pattern among the extras; they say in words what is expected."""
    pattern = next((extra for extra in extras if isinstance(extra, re.Pattern)), None)
    if pattern is not None and not pattern.fullmatch(str(value)):
        words = next((extra for extra in extras if isinstance(extra, str)), f"a text of the form {pattern.pattern}")
        raise ValueError(f"{name}: expected {words}, got {value!r}.")
    return value


def _convert_union(name: str, value: Any, kinds: tuple[Any, ...]) -> Any:
    if value is None or (types.NoneType in kinds and value == "none"):
        if types.NoneType in kinds:
            return None
        raise ValueError(f"{name}: a value is needed, got none.")
    functions = [kind for kind in kinds if get_origin(kind) is Callable]
    if functions and callable(value):
        return value
    problems = []
    for kind in kinds:
        if kind is not types.NoneType and kind not in functions:
            try:
                return convert(name, value, kind)
            except ValueError as problem:
                problems.append(str(problem))
    raise ValueError(problems[-1])


def _convert_plain(name: str, value: Any, kind: Any) -> Any:
    words = {"true": True, "false": False}
    if kind is bool and isinstance(value, bool | str) and str(value).lower() in words:
        return words[str(value).lower()]
    try:
        if kind is int and not isinstance(value, bool) and float(value) == int(float(value)):
            return _bounded(name, int(value) if isinstance(value, int) else int(float(value)))
        if kind is float and not isinstance(value, bool) and not math.isnan(float(value)):
            return float(value)
    except TooLargeError:
        raise
    except (TypeError, ValueError, OverflowError):
        pass
    if kind is str and isinstance(value, str):
        return value
    if kind is types.NoneType:  # an option without an annotation, whose default is None
        return _guessed(name, value)
    if kind not in (bool, int, float, str):
        return value
    nouns = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
    raise ValueError(f"{name}: expected {nouns[kind]}, got {value!r}.")


def _guessed(name: str, value: Any) -> Any:
    """None, true, false or a number where the value is one, or reads as one; else the value as it is."""
    for kind in (bool, int, float) if isinstance(value, str) else ():
        with contextlib.suppress(ValueError):
            return _convert_plain(name, value, kind)
    return None if value == "none" else value


def _bounded(name: str, value: int) -> int:
    if abs(value) > MOST:
        raise TooLargeError(f"{name}: expected a whole number of at most 2^63 - 1, got {value:.4g}.")
    return value
