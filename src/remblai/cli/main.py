"""The command line: every command's options are read from a signature and its docstring."""

import inspect
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click

from remblai.cli.commands import COMMANDS
from remblai.cli.options import Sectioned, click_option
from remblai.compare.datasets import METRICS
from remblai.config.registry import Option, flatten, nest, options, own_options, unknown
from remblai.data import DATA
from remblai.data import load as load_data
from remblai.recipes import RECIPES
from remblai.runs.folder import Run
from remblai.runs.resolve import customs, find, loop_options, made_by
from remblai.runs.train import train
from remblai.runtime.signals import Interrupted
from remblai.training import Diverged

HIDDEN = ("recipe", "data_options", "from_run")


def command(name: str, function: Callable[..., None], more: Sequence[Option] = ()) -> click.Command:
    """A command of a function: parameters before `*` are arguments, those after it are options.

    Args:
        name: of the command.
        function: what it does.
        more: options of a part that was chosen; the function gets them as the dictionary `options`.
    """
    told = {option.name: option for option in own_options(function, every=True)}
    params: list[click.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        required = parameter.default is parameter.empty
        if parameter.name == "options":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            params.append(click_option(told[parameter.name], required))
        else:
            params.append(click.Argument([parameter.name], required=required))
    more = [option for option in more if option.name not in told]  # the command's own option of that name wins
    extra = {option.name.replace(".", "__"): option.name for option in more}
    params += [click_option(option) for option in more]

    def call(**values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        chosen = {dotted: given.pop(key) for key, dotted in extra.items() if key in given}
        function(**given, **({"options": chosen} if more else {}))

    words = (inspect.getdoc(function) or "").partition("Args:")[0]
    return click.Command(name, params=params, callback=call, help=words)


def distance_command(arguments: list[str]) -> click.Command:
    """`distance` with the options of the metric that the arguments name, and of the parts that it chooses."""
    name = _value_of("--metric", arguments) or "wasserstein"
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return command("distance", COMMANDS["distance"], _settled(METRICS[name], {}, arguments))


def fit_command(arguments: list[str]) -> click.Command:
    """`fit` with the options of the law that the arguments name."""
    return command("fit", COMMANDS["fit"], _settled(COMMANDS["fit"], {}, arguments))


def train_command(arguments: list[str]) -> click.Command:
    """`train` with the options of the recipe that the arguments name, and of the parts that they choose."""
    recipe = find(arguments[0]) if arguments and not arguments[0].startswith("-") else None
    base = _value_of("--from", arguments)
    earlier = Run.open(base).settings if base else None
    if recipe is None and earlier is not None:
        recipe = made_by(earlier)
    if recipe is None:
        return _train_overview(arguments)
    chosen = {k: v for k, v in flatten(earlier["arguments"]).items() if k not in customs(earlier)} if earlier else {}
    signature = _settled(recipe.function, chosen, arguments)
    loop = loop_options(recipe)
    fixed = [o for o in own_options(train) if o.name not in HIDDEN] + own_options(load_data)
    fixed.append(Option("from_run", str, None, "a run whose settings are repeated, but for those given here"))
    data, of_data = _value_of("--data", arguments), []
    if data in DATA:
        of_data = [replace(option, name=f"data.{option.name}") for option in own_options(DATA[data])]
    params = [click_option(option) for option in [*signature, *loop, *fixed, *of_data]]
    own = {p.name for p in params[: len(signature) + len(loop)]}
    data_names = {option.name for option in own_options(load_data)}

    def call(name: str | None, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        dotted = {key.replace("__", "."): given.pop(key) for key in list(given) if key in own}
        data_options = {key: given.pop(key) for key in list(given) if key in data_names}
        if asked := {key.replace("__", "."): given.pop(key) for key in list(given) if key.startswith("data__")}:
            given |= nest({"data": data} | asked)
        trained = train(name, **given, data_options=data_options or None, **dotted)
        print(trained.folder / "report.html")

    built = Sectioned(
        "train",
        params=[click.Argument(["name"], required=False, metavar="[RECIPE]"), *params],
        callback=call,
        help=recipe.__doc__,
    )
    built.sections = _sections(recipe.name, [*signature, *of_data], loop)
    return built


def _train_overview(arguments: list[str]) -> click.Command:
    if "--help" not in arguments:
        raise ValueError(f"train: name the recipe first, as in: remblai train wae-mmd. Known: {', '.join(RECIPES)}.")
    width = max(map(len, RECIPES))
    rows = "\n".join(f"  {name:{width}s}  {recipe.summary}" for name, recipe in RECIPES.items())
    words = (
        f"{(train.__doc__ or '').partition(chr(10))[0]}\n\n\b\n{rows}\n\nremblai train RECIPE --help shows its options."
    )
    return click.Command("train", params=[click.Argument(["recipe"])], help=words)


def _settled(function: Callable[..., Any], chosen: dict[str, Any], arguments: list[str]) -> list[Option]:
    """The signature once every choice of a part that the arguments make is known; choices may bring more choices."""
    while True:
        signature = options(function, chosen)
        found = {
            o.name: v for o in signature if o.table and (v := _value_of("--" + o.name.replace("_", "-"), arguments))
        }
        if all(chosen.get(name) == value for name, value in found.items()):
            return signature
        dropped = tuple(f"{name}." for name, value in found.items() if chosen.get(name) != value)
        chosen = {name: value for name, value in chosen.items() if not name.startswith(dropped)} | found


def _sections(name: str, signature: list[Option], loop: list[Option]) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {f"Options of {name}": [o.name for o in signature if "." not in o.name]}
    for option in signature:
        if "." in option.name:
            sections.setdefault(f"Options of its {option.name.rpartition('.')[0]}", []).append(
                option.name.replace(".", "__")
            )
    return sections | {"Training loop": [option.name for option in loop]}


def _value_of(name: str, arguments: list[str]) -> str | None:
    for index, argument in enumerate(arguments):
        if argument.startswith(name + "="):
            return argument.partition("=")[2]
        if argument == name and index + 1 < len(arguments):
            return arguments[index + 1]
    return None


BUILT: dict[str, Callable[[list[str]], click.Command]] = {
    "train": train_command,
    "distance": distance_command,
    "fit": fit_command,
}
"""Commands whose options depend on what the arguments choose."""


class Group(click.Group):
    """The commands; an unknown one is answered with the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; those with options of chosen parts are built for them."""
        if args[0] in BUILT:
            return args[0], BUILT[args[0]](args[1:]), args[1:]
        if args[0] not in self.commands:
            raise unknown("command", args[0], self.commands)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one meets them."""
        return list(self.commands)


def group() -> Group:
    """The whole command line."""
    every = {"train": _train_overview(["--help"])} | {name: command(name, one) for name, one in COMMANDS.items()}
    words = "Trains, measures and explains generative models through optimal transport."
    built = Group("remblai", commands=every, help=words)
    return click.version_option(package_name="remblai", message="remblai %(version)s")(built)


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits: 0; 2 for bad input, 1 for a failure on the way, 130 and 143 after a signal."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    loud = "--traceback" in words
    try:
        sys.exit(_run([word for word in words if word != "--traceback"]))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (Exception, KeyboardInterrupt) as problem:  # whatever it is, one line says it, and --traceback where
        if loud:
            traceback.print_exc()
        code, text = _told(problem)
    print("error: " + " ".join(text.split()), file=sys.stderr)
    sys.exit(code)


def _told(problem: BaseException) -> tuple[int, str]:
    """The exit code of a problem, and what to say of it."""
    match problem:
        case click.ClickException():
            return 2, problem.format_message()
        case ValueError():
            return 2, str(problem)
        case Interrupted():
            return 128 + problem.signum, str(problem)
        case KeyboardInterrupt() | click.Abort():
            return 130, "stopped"
        case Diverged():
            kept = f"the checkpoint of step {problem.kept} stays" if problem.kept else "there was no checkpoint yet"
            return 1, f"{problem}; {kept}. Try a smaller --lr, or --clip 1."
    return 1, f"{type(problem).__name__}: {problem}"


def _run(words: list[str]) -> int:
    code, whole = 0, group()
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        try:
            # not click's own `main`, which answers a closed pipe with an exit code of its own
            with whole.make_context("remblai", words or ["--help"]) as context:
                whole.invoke(context)
        except click.exceptions.Exit as done:  # after --help and --version
            code = done.exit_code
    sys.stdout.flush()
    return code


def _warn(
    message: Warning | str, category: object, filename: str, lineno: int, file: object = None, line: object = None
) -> None:
    print(f"warning: {message}", file=sys.stderr)
