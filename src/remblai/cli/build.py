"""Commands from functions: which options a command has follows from what click's own parser reads in the arguments."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_origin

import click

from remblai.cli.commands import function
from remblai.cli.options import click_option, typed_values
from remblai.config.registry import Option, options, own_options, unknown
from remblai.runs.record import HUB, read_settings

Signature = Callable[[Mapping[str, Any]], list[Option]]
"""The options of a command, for choices made so far: dotted name -> text or value."""

PARTS, DATA, RUN = "options", "data_options", "run"
"""Parameters with a meaning of their own: options of chosen parts, options of the data, the folder of a run."""


def build(name: str, words: Sequence[str]) -> click.Command:
    """The command of this name with the options that the words choose.

    Args:
        name: of `COMMANDS`.
        words: what follows the name on the command line.

    Raises:
        ValueError: a choice that its table does not have.
        click.UsageError: an option without its value.
    """
    if name == "train":
        from remblai.cli.train import train_command

        return train_command(words)
    chosen = function(name)
    parameters = inspect.signature(chosen).parameters
    own = {option.name: option for option in own_options(chosen, every=True)}
    arguments = [one for one in parameters.values() if one.kind is not one.KEYWORD_ONLY]
    fixed = [own[one] for one in parameters if one not in {PARTS, DATA} and one not in {a.name for a in arguments}]
    _check_early(name, fixed, arguments, words)

    extra = [option for option in _data_options() if option.name not in own] if DATA in parameters else []
    parts = options_of_parts(_signature(name, chosen, own), words, own) if PARTS in parameters else []

    def call(**values: Any) -> None:
        given = typed_values(values)
        for kind, found in ((PARTS, parts), (DATA, extra)):
            if kind in parameters:
                given[kind] = {option.name: given.pop(option.name) for option in found if option.name in given}
        chosen(**given)

    params = _parameters(arguments, [*fixed, *parts, *extra])
    return click.Command(name, params=params, callback=call, help=description(chosen))


def description(documented: Callable[..., Any]) -> str:
    """The docstring up to its arguments."""
    return (inspect.getdoc(documented) or "").partition("Args:")[0]


def resolve_options(signature: Signature, words: Sequence[str], start: Mapping[str, Any] | None = None) -> list[Option]:
    """The options once every choice that the words make is known; a chosen part may bring more choices.

    Args:
        signature: the options that follow from choices.
        words: the command line.
        start: choices that hold where the words make none.

    Raises:
        ValueError: a choice that its table does not have.
        click.UsageError: an option without its value.
    """
    chosen, seen = dict(start or {}), []
    while True:
        known = signature(chosen)
        seen.append(chosen)
        read, _ = parse(known, words)
        replaced = tuple(f"{name}." for name, value in read.items() if chosen.get(name, value) != value)
        chosen = {name: value for name, value in (start or {}).items() if not name.startswith(replaced)} | read
        if chosen in seen:
            return known


def parse(known: Sequence[Option], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """What click's parser reads: the raw value of each known option, by dotted name, and the words left over.

    Args:
        known: the options.
        words: the command line; options that are not known are left over.

    Raises:
        click.UsageError: an option without its value.
    """
    command = click.Command("", params=[click_option(option) for option in known])
    context = click.Context(command, ignore_unknown_options=True, allow_extra_args=True)
    read, rest, _ = command.make_parser(context).parse_args(list(words))
    names = {option.name.replace(".", "__"): option.name for option in known}
    return {names[key]: value for key, value in read.items() if key in names and value is not None}, rest


def options_of_parts(signature: Signature, words: Sequence[str], own: Mapping[str, Option]) -> list[Option]:
    """The options of the parts that the words choose; the command's own option of that name comes first."""
    return [option for option in resolve_options(signature, words) if option.name not in own]


def _signature(name: str, chosen: Callable[..., Any], own: Mapping[str, Option]) -> Signature:
    """`distance` has the options of its metric as they are; other commands have those of a part dotted after it."""
    if name != "distance":
        return lambda given: options(chosen, given)

    def of_metric(given: Mapping[str, Any]) -> list[Option]:
        from remblai.compare.measures import METRICS, features_for

        metric = own["metric"]
        named = given.get("metric", metric.default)
        if named not in METRICS:
            raise unknown("metric", named, METRICS)
        taken = features_for(named, given.get("features"))
        implied = {} if taken is None else {"features": taken}
        chosen_features = [one for one in options(chosen, dict(given) | implied) if one.name.startswith("features")]
        return [metric, *options(METRICS[named], given), *chosen_features]

    return of_metric


def _parameters(arguments: Sequence[inspect.Parameter], known: Sequence[Option]) -> list[click.Parameter]:
    """Arguments and options as click has them; those without a default are required."""
    params: list[click.Parameter] = [_argument(one) for one in arguments]
    return params + [click_option(option, option.default is inspect.Parameter.empty) for option in known]


def _argument(parameter: inspect.Parameter) -> click.Argument:
    """The argument of a parameter; a tuple takes all the words."""
    every = get_origin(parameter.annotation) is tuple
    return click.Argument([parameter.name], required=parameter.default is parameter.empty, nargs=-1 if every else 1)


def _data_options() -> list[Option]:
    """Those of every command that takes data."""
    from remblai.data import load

    return own_options(load)


def _check_early(name: str, fixed: list[Option], arguments: list[inspect.Parameter], words: Sequence[str]) -> None:
    """Reads the words by the command's own options alone, so that wrong usage is answered before torch is imported.

    Raises:
        click.UsageError: an argument or an option is missing or wrong.
        ValueError: the folder of a run that is none.
    """
    if "--help" in words or click.get_current_context().resilient_parsing:  # a shell completes words that are not whole
        return
    command = click.Command(name, params=_parameters(arguments, fixed), add_help_option=False)
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    read = command.make_context(name, list(words), parent=click.get_current_context(), **settings)
    left_over = [read.params.get(one.name) or "" for one in arguments] + read.args
    # after an option that is not known yet, a word may be its value
    run = read.params.get(RUN)
    if run is not None and not run.startswith(HUB) and not any(word.startswith("-") for word in left_over):
        read_settings(run)
