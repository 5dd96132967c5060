"""What is answered without torch: versions, help, unknown commands and wrong usage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from remblai.cli.commands import COMMANDS, function, summary
from remblai.cli.output import summary_of

CODE = """
import sys
from remblai.cli.main import main
try:
    main()
finally:
    print(sorted({"torch", "numpy", "scipy", "matplotlib"} & sys.modules.keys()), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--version", 0),
        ("--help", 0),
        ("", 0),
        ("nonsense", 2),
        ("--verison", 2),
        ("train", 2),
        ("train --from nowhere", 2),
        ("sample", 2),
        ("sample nowhere", 2),
        ("sample --nonsense", 2),
        ("sample nowhere -n many", 2),
        ("encode nowhere --out z.npz", 2),
        ("encode nowhere --data digits --out z.npz", 2),
        ("distance ring", 2),
        ("distance ring grid -n few", 2),
        ("list recipe", 2),
        ("report --help", 0),
    ],
)
def test_no_heavy_module_is_imported(tmp_path: Path, words: str, code: int) -> None:
    command = [sys.executable, "-c", CODE, *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=os.environ, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (code, "[]"), done.stderr
    assert done.stdout.startswith(("Usage", "remblai ")) == (code == 0)


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = "import sys, remblai; print(sorted({'torch', 'numpy', 'click'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_package_is_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "remblai", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "remblai", "")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_summary_read_from_the_source_is_that_of_the_function(name: str) -> None:
    assert summary(name) == summary_of(function(name)) != ""
