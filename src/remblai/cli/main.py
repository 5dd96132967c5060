"""The command line: finds the command, runs it, and turns whatever fails into one line and an exit code."""

import logging
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click
from click.shell_completion import CompletionItem, shell_complete

from remblai.cli.build import build
from remblai.cli.commands import COMMANDS, summary
from remblai.cli.config import with_config
from remblai.config.aliases import answer
from remblai.config.code import WAY, own_line
from remblai.config.registry import unknown
from remblai.runtime.memory import out_of_memory
from remblai.runtime.signals import Interrupted, Terminated, ending_signals
from remblai.runtime.text import first_line, printable
from remblai.runtime.timing import BUSY

TRACEBACK, VERBOSE = "--traceback", "--verbose"
"""Words that every command takes: the whole traceback of a failure, and what took how long."""
QUIET = "--quiet"
"""The word of `train` that also leaves out what takes long."""
REPEATED_OPTION = re.compile(r"^Invalid value for '(--?[\w.-]+)': \1: ")
"""How an error begins that click names the option of, and its own text too."""
COMPLETION = "_REMBLAI_COMPLETE"
"""The variable in which a shell asks what a line can go on with."""


class Group(click.Group):
    """The commands. One is built for its arguments; an unknown one is answered with the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name, with the options that the arguments choose."""
        name, *words = args
        if name not in COMMANDS:
            raise unknown("command", name, COMMANDS)
        if name == "train":
            words = with_config(words)
        return name, build(name, words), words

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one meets them."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes each command with the first line of its docstring, without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in COMMANDS])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin so."""
        commands = [CompletionItem(name, help=summary(name)) for name in COMMANDS if name.startswith(incomplete)]
        return [*commands, *super().shell_complete(ctx, incomplete)]


def group() -> click.Group:
    """The whole command line."""
    built = Group(
        "remblai",
        help="Trains, measures and explains generative models through optimal transport.",
        epilog="Every command takes --verbose (what took how long) and --traceback (all of a failure).",
    )
    version: click.Group = click.version_option(package_name="remblai", message="remblai %(version)s")(built)
    return version


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits: 0; 2 for bad input, 1 for a failure, 3 for drift, 130 and 143 after a signal."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _terminable(), _logged(logging.INFO if VERBOSE in words else logging.ERROR if QUIET in words else BUSY):
            code = _run([word for word in words if word not in (TRACEBACK, VERBOSE)])
        sys.exit(code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (Exception, KeyboardInterrupt, Terminated) as problem:
        if TRACEBACK in words:
            traceback.print_exc()
        code, text = _explained(problem)
        text = _as_typed(text, words)
    print("error: " + printable(" ".join(text.split())), file=sys.stderr)
    sys.exit(code)


@contextmanager
def _logged(level: int) -> Iterator[None]:
    """Within it the package's log is written to the terminal, from this level on."""
    log, handler = logging.getLogger("remblai"), logging.StreamHandler()
    before = log.level
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


@contextmanager
def _terminable() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise, so that whatever is half written is removed on the way out."""

    def stop(number: int, frame: object) -> None:
        raise Terminated(number)

    try:
        before = {each: signal.signal(each, stop) for each in ending_signals()}
    except ValueError:  # only the main thread may catch signals
        yield
        return
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _explained(problem: BaseException) -> tuple[int, str]:
    """The exit code of a problem, and what to say of it."""
    match problem:
        case click.NoSuchOption():
            found = 2, f"{problem.format_message()} {answer(problem.option_name, [])}"
        case click.ClickException():
            found = 2, problem.format_message()
        case ValueError():
            found = 2, str(problem) + _place(own_line(problem, refusals=False))
        case Interrupted() | Terminated():
            found = 128 + problem.signum, str(problem)
        case KeyboardInterrupt() | click.Abort():
            found = 130, "stopped"
        case OSError():
            found = 1, str(problem.strerror or problem) + (f" ({problem.filename})" if problem.filename else "")
        case _:
            words = first_line(problem)
            notes: list[str] = getattr(problem, "__notes__", [])
            words = "; ".join([words, *notes]) if notes else f"{type(problem).__name__}: {words}"
            found = 1, words + _place(own_line(problem))
    memory = out_of_memory(problem)
    return (1, memory) if memory else found


def _place(line: str) -> str:
    """A line of the user's own file, with how to see all of the way to it."""
    return line + WAY if line else ""


def _as_typed(text: str, words: list[str]) -> str:
    """What is said of a problem, with an option that it begins with as it was typed: --out, where Python has out."""
    text = REPEATED_OPTION.sub(r"\1: ", text)
    name, colon, rest = text.partition(":")
    typed = {word.partition("=")[0] for word in words if word.startswith("-")}
    option = next((one for one in (f"--{name.replace('_', '-')}", f"-{name}") if one in typed), None)
    return text if option is None or not colon else f"{option}:{rest}"


def _run(words: list[str]) -> int:
    code, whole = 0, group()
    if instruction := os.environ.get(COMPLETION):
        return shell_complete(whole, {}, "remblai", COMPLETION, instruction)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of packages that remblai uses: not for its users
        warnings.showwarning = _warn
        try:
            # not click's own `main`, which answers a closed pipe with an exit code of its own
            with whole.make_context("remblai", words or ["--help"]) as context:
                whole.invoke(context)
        except click.exceptions.Exit as done:  # after --help, --version and --fail-on-drift
            code = done.exit_code
    sys.stdout.flush()
    return code


def _warn(
    message: Warning | str, category: object, filename: str, lineno: int, file: object = None, line: object = None
) -> None:
    print(f"warning: {printable(str(message))}", file=sys.stderr)
