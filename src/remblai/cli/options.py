"""Options of a signature as the command line has them: their flags, types and help."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import click

from remblai.config.convert import convert
from remblai.config.registry import Option, Table

FLAGS = {"n": "-n", "from_run": "--from"}


class Typed(click.ParamType[Any]):
    """Text from the command line as an annotation wants it."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self.name = getattr(annotation, "__name__", str(annotation)).replace("Union", "value")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value.

        Raises:
            click.BadParameter: it is not of that type.
        """
        try:
            return convert(param.opts[0] if param else "value", value, self.annotation)
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


class Sectioned(click.Command):
    """A command whose help shows its options in named sections: `sections` maps a title to its parameters' names."""

    sections: Mapping[str, list[str]] = {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one list of options a section, and what belongs to none at the end."""
        records = {p.name: p.get_help_record(ctx) for p in self.get_params(ctx)}
        for title, names in self.sections.items():
            rows = [row for name in names if (row := records.pop(name, None))]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
        with formatter.section("Run"):
            formatter.write_dl([row for row in records.values() if row])


def click_option(option: Option, required: bool = False) -> click.Option:
    """The option as click has it. Its default is only told: what was not given is left to the function."""
    dashed = option.name.replace("_", "-")
    names = [option.name.replace(".", "__"), FLAGS.get(option.name, f"--{dashed}")]
    told = ("on" if option.default else "off") if isinstance(option.default, bool) else _text(option.default)
    words = option.help.rstrip(".") + ("" if required or option.default is None else f"  [default: {told}]")
    if option.annotation is bool:
        return click.Option([names[0], f"--{dashed}/--no-{dashed}"], default=None, help=words)
    kind = _choice(option.table) if option.table is not None else Typed(option.annotation)
    return click.Option(names, type=kind, help=words, required=required, metavar=_metavar(option))


def _choice(table: Table) -> click.Choice[str]:
    return click.Choice(list(table))


def _metavar(option: Option) -> str | None:
    if option.table is not None:
        return "|".join(option.table)
    origin, arguments = get_origin(option.annotation), get_args(option.annotation)
    if origin is Literal:
        return "|".join(str(argument) for argument in arguments)
    inner = [kind for kind in (arguments or (option.annotation,)) if kind in (int, float, str)]
    words = {int: "N", float: "F", str: "TEXT"}
    told = [words[kind] for kind in dict.fromkeys(inner)]
    return (",".join(told) + ",..." if origin is tuple else "|".join(told)) or "VALUE"


def _text(value: Any) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, tuple | list) else str(value)
