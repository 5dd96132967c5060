"""The commands by name, and where each is defined. No module here is imported before its command is run."""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2]

COMMANDS: dict[str, str] = {
    "train": "remblai.runs.train:train",
    "sample": "remblai.cli.commands.models:sample",
    "fit": "remblai.cli.commands.models:fit",
    "encode": "remblai.cli.commands.codes:encode",
    "decode": "remblai.cli.commands.codes:decode",
    "reconstruct": "remblai.cli.commands.codes:reconstruct",
    "outliers": "remblai.cli.commands.codes:outliers",
    "interpolate": "remblai.cli.commands.models:interpolate",
    "evaluate": "remblai.cli.commands.models:evaluate",
    "report": "remblai.cli.commands.models:report",
    "explore": "remblai.cli.commands.pages:explore",
    "export": "remblai.cli.commands.deploy:export",
    "push": "remblai.cli.commands.deploy:push",
    "compare": "remblai.cli.commands.comparison:compare",
    "distance": "remblai.cli.commands.theory:distance",
    "drift": "remblai.cli.commands.populations:drift",
    "power": "remblai.cli.commands.power:power",
    "gallery": "remblai.cli.commands.theory:gallery",
    "list": "remblai.cli.commands.about:list_parts",
    "info": "remblai.cli.commands.about:info",
}
"""`module:function` of each command: the function's signature and docstring are the command's options and help."""


def function(name: str) -> Callable[..., Any]:
    """The function of a command, imported."""
    module, _, attribute = COMMANDS[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found


def summary(name: str) -> str:
    """The first line of a command's docstring, read from the source file without importing it."""
    module, _, attribute = COMMANDS[name].partition(":")
    path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == attribute:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise ValueError(f"{path} has no function {attribute!r}.")
