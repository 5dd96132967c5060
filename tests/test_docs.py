"""The docs say what the code says: examples run, commands parse, links lead somewhere."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from remblai.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
EXAMPLE = re.compile(r"(?:<!-- setup\n(?P<setup>.*?)-->\n)?```python\n(?P<code>.*?)```", re.DOTALL)
"""A block of Python, and before it, unseen on the page, what it takes as given."""
OPTIONAL = re.compile(r"^import (lightning|accelerate)$", re.MULTILINE)
"""Packages of people's own loops, which no extra brings: their examples run where they are installed."""
COMMAND = re.compile(r"^ {4}remblai (?P<words>[a-z](?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)


def _examples() -> list[tuple[str, str]]:
    pages = [(page, page.read_text()) for page in PAGES]
    return [
        (f"{page.name}-{number}", (found["setup"] or "") + found["code"])
        for page, text in pages
        for number, found in enumerate(EXAMPLE.finditer(text))
    ]


def _commands() -> list[tuple[str, ...]]:
    lines = {one["words"] for page in PAGES for one in COMMAND.finditer(page.read_text())}
    found = {tuple(shlex.split(line, comments=True)) for line in lines}
    return sorted(words for words in found if not set("|[") & set("".join(words)))  # a synopsis is no command


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in _examples()])
def test_examples_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in OPTIONAL.findall(code):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    code = re.sub(r"(steps(=|\": ))\d{3,}", r"\g<1>20", code)  # a reader's model is trained, a test's only runs
    exec(compile(code, "example", "exec"), {"__name__": "example"})  # the project's own pages


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_commands_parse(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option on a page is known to its command."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0


def test_the_reference_is_that_of_the_tables() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "reference.py"))
    assert page["PATH"].read_text() == page["text"](), "run python docs/reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_of_the_pages_exist(page: Path) -> None:
    for target in page.read_text().split("](")[1:]:
        name = target.partition(")")[0].partition("#")[0]
        if name and "://" not in name:
            assert (page.parent / name).exists(), f"{page.name} links to {name}"
