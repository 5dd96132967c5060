"""Options of a signature as the command line has them: their flags, types and help."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import click

from remblai.config.convert import convert
from remblai.config.registry import Option, Table, unknown

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


class Named(click.ParamType[str]):
    """A name of a table, which is read only when a name is given or the help is shown."""

    name = "name"

    def __init__(self, table: Table) -> None:
        self.table = table

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name.

        Raises:
            click.BadParameter: the table does not have it.
        """
        if value not in self.table:
            self.fail(str(unknown(param.opts[0].strip("-") if param else "name", value, self.table)), param, ctx)
        return str(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """The names, for the help."""
        return "|".join(self.table)


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
    """The option as click has it. Its default is shown only: what is not given is left to the function."""
    dashed = option.name.rstrip("_").replace("_", "-")  # the name of `class` cannot be a Python word
    names = [option.name.replace(".", "__"), FLAGS.get(option.name, f"--{dashed}")]
    default = ("on" if option.default else "off") if isinstance(option.default, bool) else _text(option.default)
    words = option.help.rstrip(".") + ("" if required or option.default is None else f"  [default: {default}]")
    if option.annotation in (bool, bool | None):
        return click.Option([names[0], f"--{dashed}/--no-{dashed}"], default=None, help=words)
    if option.table is not None:
        return click.Option(names, type=Named(option.table), help=words, required=required)
    return click.Option(
        names, type=Typed(option.annotation), help=words, required=required, metavar=_metavar(option.annotation)
    )


def typed_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that were typed, by dotted name; the word none is a value too, None."""
    context = click.get_current_context()
    return {
        key.replace("__", "."): value
        for key, value in values.items()
        if context.get_parameter_source(key) is click.core.ParameterSource.COMMANDLINE
    }


def _metavar(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if choices := next((kind for kind in (annotation, *arguments) if get_origin(kind) is Literal), None):
        return "|".join(str(choice) for choice in get_args(choices))
    kinds = dict.fromkeys(kind for kind in (arguments or (annotation,)) if kind in (int, float, str))
    text = [{int: "N", float: "F", str: "TEXT"}[kind] for kind in kinds]
    return (",".join(text) + ",..." if origin is tuple else "|".join(text)) or "VALUE"


def _text(value: Any) -> str:
    return ",".join(str(item) for item in value) if isinstance(value, tuple | list) else str(value)
