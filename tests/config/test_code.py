"""What a user's own file defines."""

import sys
from pathlib import Path

import pytest

from remblai.config import code
from remblai.config.code import from_file, is_code, own_line

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


def raised(path: Path, text: str) -> BaseException:
    """What a file raises when it is run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    try:
        exec(compile(text, str(path), "exec"), {})
    except Exception as problem:
        return problem.with_traceback(problem.__traceback__ and problem.__traceback__.tb_next)
    raise AssertionError


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_an_installed_package_is_no_file_of_the_user_s_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    beside = tmp_path / folder / "package_beside"
    beside.mkdir(parents=True)
    (beside / "__init__.py").write_text("def fail():\n    raise RuntimeError\n")
    monkeypatch.syspath_prepend(beside.parent)
    problem = raised(tmp_path / "own.py", "\nfrom package_beside import fail\nfail()\n")
    sys.modules.pop("package_beside")
    assert own_line(problem).endswith("own.py:3)")


def test_a_file_whose_name_begins_as_the_package_s_folder_is_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "LIBRARIES", (tmp_path / "remblai",))
    assert own_line(raised(tmp_path / "remblai_own.py", "1 / 0\n")).endswith("remblai_own.py:1)")
    assert own_line(raised(tmp_path / "remblai" / "own.py", "1 / 0\n")) == ""
