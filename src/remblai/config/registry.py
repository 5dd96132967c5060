"""Choices by name: a table maps a name to a factory; the options of a chosen factory become dotted options.

A factory's parameters without a default are *context* that the caller injects (shape, latent, prior ...); those with a
default are *options* of the user. `make` builds the chosen part; `options` lists the flat signature that the command
line, Python and a saved run share.
"""

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from docstring_parser import parse

from remblai.config.aliases import hint

Table = Mapping[str, Callable[..., Any]]
Choice = str | Mapping[str, Any] | Callable[..., Any]
"""A name of a table, `{"name": ..., option: ...}`, or a live part, which is used as it is."""

NAME = "name"

CLASSES = "classes"
"""The parameter of the number of classes: context although it has a default, so it is no option of the user."""


class LazyTable(Mapping[str, Callable[..., Any]]):
    """A table that is imported when it is first read, for signatures that must not import it.

    Args:
        places: `module:NAME` of each table that it is made of.
    """

    def __init__(self, *places: str) -> None:
        self._places = [place.split(":") for place in places]

    def _table(self) -> Table:
        tables = [getattr(importlib.import_module(module), name) for module, name in self._places]
        return {name: part for table in tables for name, part in table.items()}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._table()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())


@dataclass(frozen=True)
class Option:
    """One option of a flat signature: `name` is dotted where it belongs to a chosen part."""

    name: str
    annotation: Any
    default: Any
    help: str
    table: Table | None = None


def unknown(kind: str, name: object, known: Iterable[str]) -> ValueError:
    """The error for a name that no table has: it suggests the name used here, or the nearest, and lists the known."""
    names = sorted(known)
    return ValueError(f"unknown {kind} {name!r}.{hint(name, names)} Known: {', '.join(names)}.")


def make(
    table: Table,
    choice: Choice,
    kind: str = "choice",
    *,
    interface: type | tuple[type, ...] | None = None,
    **context: Any,
) -> Any:
    """Builds the part that `choice` names, with as much of the context as its factory asks for.

    Args:
        table: the names and their factories.
        choice: a name, a mapping `{"name": ..., option: ...}`, or a live part, returned as it is.
        kind: what the error calls it.
        interface: the class, or the classes, that a live part must be an instance of; `object` accepts every part.
        **context: what the factory's parameters without a default may ask for.

    Raises:
        ValueError: unknown name, an option that the factory does not have, context that it needs and is not there, or a
            live part of another class.
    """
    if not isinstance(choice, str | Mapping):
        if interface is not None and not isinstance(choice, interface):
            raise _wrong_part(kind, choice, interface, table)
        return choice
    name, given = (choice, {}) if isinstance(choice, str) else (choice.get(NAME), dict(choice))
    given.pop(NAME, None)
    if name is None:
        raise ValueError(
            f"{kind}: expected which it is too, as {{'name': {next(iter(table))!r}, ...}}, got {choice!r}."
        )
    if not isinstance(name, str) or name not in table:
        raise unknown(kind, name, table)
    factory = table[name]
    wanted = _signature(factory).parameters
    known = {option.name for option in own_options(factory)}
    for key in given:
        if key not in known:
            raise unknown(f"option of {kind} {name!r}:", key, list(known))
    given = {key: _named(value, wanted[key].default) for key, value in given.items()}
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [key for key, one in wanted.items() if one.default is one.empty and one.kind not in variadic]
    if missing := [key for key in needed if key not in context and key not in given]:
        raise ValueError(f"{kind} {name!r}: it needs {', '.join(missing)}, which is not known here: choose another.")
    return factory(**{key: value for key, value in context.items() if key in wanted}, **given)


@functools.lru_cache(maxsize=1024)  # of a class without a constructor it takes longer than a small plan
def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(factory)


def _wrong_part(kind: str, part: object, interface: type | tuple[type, ...], table: Table) -> ValueError:
    """The error for a live part of another class: it says what each class is, by its docstring's first line."""
    classes = interface if isinstance(interface, tuple) else (interface,)
    words = " or ".join(f"a {one.__name__} ({_summary(one)})" for one in classes)
    return ValueError(
        f"{kind}: expected a name, a mapping {{'name': ...}} or {words}, got {part!r} of type {type(part).__name__}. "
        f"Names: {', '.join(sorted(table))}."
    )


def _summary(part: Any) -> str:
    return (inspect.getdoc(part) or "").partition("\n")[0].removeprefix("The interface: ").rstrip(".")


def _named(value: Any, default: Any) -> Any:
    """Options of a choice that is left as it is, `{"scale": 2}`, with the name and the options that are its default."""
    if not isinstance(value, Mapping) or NAME in value or not isinstance(default, str | Mapping):
        return value
    return ({NAME: default} if isinstance(default, str) else dict(default)) | dict(value)


def own_options(factory: Callable[..., Any], every: bool = False) -> list[Option]:
    """The options of one factory: its parameters with a default (or every one), with their help from its docstring."""
    return list(_own_options(factory, every))


@functools.lru_cache(maxsize=1024)  # reading a signature and a docstring is slow, and a part stands in many signatures
def _own_options(factory: Callable[..., Any], every: bool) -> tuple[Option, ...]:
    target = inspect.getattr_static(factory, "__init__") if isinstance(factory, type) else factory
    hints = get_type_hints(target, include_extras=True)
    texts = {p.arg_name: (p.description or "").replace("\n", " ") for p in parse(inspect.getdoc(factory) or "").params}
    found = []
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.default is parameter.empty and not every:
            continue
        if parameter.name == CLASSES and not every:  # every parameter of a command is its user's
            continue
        hinted = hints.get(parameter.name, type(parameter.default))
        annotation, table, text = _split(hinted)
        text = texts.get(parameter.name, text)
        found.append(Option(parameter.name, annotation, parameter.default, text, table))
    return tuple(found)


def _split(annotation: Any) -> tuple[Any, Table | None, str]:
    """`Annotated[Choice, TABLE, "help"]` -> (str, TABLE, "help"); anything else -> (itself, None, "")."""
    if get_origin(annotation) is not Annotated:
        return annotation, None, ""
    base, *extras = get_args(annotation)
    table = next((extra for extra in extras if isinstance(extra, Mapping)), None)
    text = next((extra for extra in extras if isinstance(extra, str)), "")
    return (base if table is None else str), table, text


def options(factory: Callable[..., Any], given: Mapping[str, Any]) -> list[Option]:
    """The flat signature: the factory's options and, dotted, those of every part that is chosen by name.

    Args:
        factory: a recipe or a part's factory.
        given: flat or nested choices already made; the factory's defaults stand for the rest.
    """
    flat = flatten(given)
    found = []
    for option in own_options(factory):
        default = option.default[NAME] if option.table and isinstance(option.default, Mapping) else option.default
        chosen = flat.get(option.name, default)
        found.append(Option(option.name, option.annotation, default, option.help, option.table))
        if option.table is None:
            continue
        if isinstance(chosen, str) and chosen not in option.table:
            raise unknown(option.name, chosen, option.table)
        if isinstance(chosen, str):
            found.extend(_inner(option, chosen, flat))
    return found


def _inner(option: Option, chosen: str, flat: Mapping[str, Any]) -> Iterator[Option]:
    prefix = option.name + "."
    preset = flatten({option.name: option.default}) if isinstance(option.default, Mapping) else {}
    below = {key.removeprefix(prefix): value for key, value in (preset | dict(flat)).items() if key.startswith(prefix)}
    assert option.table is not None
    for inner in options(option.table[chosen], below):
        default = preset.get(prefix + inner.name, inner.default) if chosen == preset.get(option.name) else inner.default
        yield Option(prefix + inner.name, inner.annotation, default, inner.help, inner.table)


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"kernel": {"name": "imq", "scale": 2}}` -> `{"kernel": "imq", "kernel.scale": 2}`.

    Raises:
        ValueError: a key that is no text.
    """
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if not isinstance(key, str):
            raise ValueError(f"options: expected their names as keys, got {key!r}: write {{'name': value}}.")
        if isinstance(value, Mapping):
            flat |= {prefix + key: value[NAME]} if NAME in value else {}
            inner = {k: v for k, v in value.items() if k != NAME}
            flat |= flatten(inner, prefix + key + ".")
        else:
            flat[prefix + key] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`: a choice without options stays a plain name."""
    nested: dict[str, Any] = {}
    for key in sorted(flat, key=lambda name: name.count(".")):
        *path, last = key.split(".")
        place = nested
        for part in path:
            if not isinstance(place.get(part), dict):
                place[part] = {NAME: place[part]} if part in place else {}
            place = place[part]
        place[last] = flat[key]
    return nested
