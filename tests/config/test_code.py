"""What a user's own file defines."""

import sys
from pathlib import Path

import pytest

from remblai.config.code import from_file, is_code

FILE = """
from __future__ import annotations
from dataclasses import dataclass
from beside import NUMBER

@dataclass
class Kept:
    n: int

def mine():
    return Kept(NUMBER)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("NUMBER = 7\n")
    path = tmp_path / "own.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("spec", "known"),
    [("own.py:f", True), ("a/own.py", True), ("own.py:f:test", True), ("digits:test", False), ("own.pyc", False)],
)
def test_what_names_code(spec: str, known: bool) -> None:
    assert is_code(spec) is known
    assert not is_code(Path(spec))


def test_a_file_is_a_module_that_may_import_those_beside_it(file: Path) -> None:
    before = list(sys.path)
    assert from_file(f"{file}:mine", "recipe")().n == 7
    assert sys.path == before


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("{}", r"data '.*own.py': name the function in the file too, as in .*own.py:my_function"),
        ("{}:mime", r"unknown name in .*own.py: 'mime'. Did you mean 'mine'\? Known: Kept, mine"),
        ("no{}:mine", "there is no file no"),
    ],
)
def test_what_is_not_there_is_told(file: Path, spec: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_file(spec.format(file), "data")
