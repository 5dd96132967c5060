"""The names on the page for users of other libraries: those here exist with the arguments shown, POT's exist in POT."""

import ast
import importlib
import inspect
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from remblai.cli.main import main

PAGE = (Path(__file__).parents[1] / "docs" / "coming-from.md").read_text()
ROWS = [re.split(r"(?<!\\)\|", line)[1:3] for line in PAGE.splitlines() if line.startswith("| ")]
HERE = sorted({code for _, right in ROWS for code in re.findall(r"`([^`]+)`", right)})
CALLS = [code for code in HERE if code.startswith("remblai.")]
COMMANDS = [code for code in HERE if code.startswith("remblai ")]
POT = sorted({found for left, _ in ROWS for found in re.findall(r"`(ot\.[\w.]+)", left)})


def _found(path: str) -> Any:
    """The object of a dotted name: the longest module, then attributes."""
    names = path.split(".")
    for length in range(len(names), 0, -1):
        try:
            value: Any = importlib.import_module(".".join(names[:length]))
        except ModuleNotFoundError:
            continue
        for name in names[length:]:
            value = getattr(value, name)
        return value
    raise AssertionError(path)


def test_the_page_has_rows_of_each_kind() -> None:
    assert len(CALLS) > 15 and len(COMMANDS) > 10 and len(POT) > 7


@pytest.mark.parametrize("code", CALLS)
def test_a_name_exists_and_takes_the_arguments_shown(code: str) -> None:
    tree = ast.parse(code, mode="eval").body
    if not isinstance(tree, ast.Call):
        assert _found(code) is not None
        return
    called = _found(ast.unparse(tree.func))
    first = [object()] if inspect.isfunction(called) and "self" in inspect.signature(called).parameters else []
    inspect.signature(called).bind(*first, *tree.args, **{one.arg: one.value for one in tree.keywords if one.arg})


@pytest.mark.parametrize("code", COMMANDS)
def test_a_command_knows_the_options_shown(code: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(code)[1:], "--help"])
    assert ended.value.code == 0


@pytest.mark.parametrize("name", POT)
def test_a_name_of_pot_exists(name: str) -> None:
    pytest.importorskip("ot")
    assert callable(_found(name))
