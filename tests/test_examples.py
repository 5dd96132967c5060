"""The examples in the docstrings of public packages, executed: what `help()` shows is true."""

import doctest
import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

PACKAGES = ("remblai.distances", "remblai.discrepancies", "remblai.critics", "remblai.estimators")
"""Public packages whose functions and classes each have an example."""


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The functions and classes that a package exports, and those of the modules that it exports."""
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            yield from _public(value)
        elif inspect.isfunction(value) or inspect.isclass(value):
            yield f"{module.__name__}.{name}", value


EXAMPLES = {name: value for package in PACKAGES for name, value in _public(importlib.import_module(package))}


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_the_example_is_true(name: str) -> None:
    text = inspect.getdoc(EXAMPLES[name]) or ""
    found = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert found.examples, f"{name}: its docstring has no example (>>>)"
    messages: list[str] = []
    failed, _ = doctest.DocTestRunner(verbose=False).run(found, out=messages.append)
    assert not failed, "".join(messages)
