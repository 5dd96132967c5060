"""What a user's own file defines, by `path/to/file.py:name`: the file's code is run."""

import hashlib
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from remblai.config.aliases import names_code
from remblai.config.registry import unknown

PACKAGE = Path(__file__).parents[1]
LIBRARIES = (PACKAGE, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")))
"""The folders of code that is not the user's: this package, Python's own modules and installed ones."""
INSTALLED = {"site-packages", "dist-packages"}
"""Folders of installed code wherever they are: the user's own, or the system's beside those of an environment."""
WAY = ": --traceback shows the way there."
"""What the command line says after a line of the user's own file."""


def is_code(spec: Any) -> bool:
    """Whether it is a text that names a file of Python, with or without what is meant in it."""
    return isinstance(spec, str) and names_code(spec)


def from_file(spec: str, what: str) -> Any:
    """What `path/to/file.py:name` means. The file is run as a module, which may import those beside it.

    Args:
        spec: the path and the name.
        what: what it is for, in errors: recipe or data.

    Raises:
        ValueError: no name, no such file, a file that fails when it is run, or a name that it does not define.
    """
    path, _, name = spec.rpartition(":")
    if spec.endswith(".py"):
        raise ValueError(f"{what} {spec!r}: name the function in the file too, as in {spec}:my_function.")
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"{what} {spec!r}: there is no file {path}.")
    try:
        module = _run(file)
    except Exception as problem:
        raise ValueError(
            f"{what} {spec!r}: {path} fails when it is run: {type(problem).__name__}: "
            f"{str(problem).removesuffix('.')}{own_line(problem)}."
        ) from problem
    if not hasattr(module, name):
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        raise ValueError(f"{what} {spec!r}: {unknown(f'name in {path}:', name, own)}")
    return getattr(module, name)


def own_line(problem: BaseException, refusals: bool = True) -> str:
    """Where in a file of the user's own a problem arose, as the end of a sentence: " (own.py:7)", or "" if in none.

    Args:
        problem: as it was caught.
        refusals: whether also where this package raised it, and says what is wrong with what it was given.
    """
    frames = traceback.extract_tb(problem.__traceback__)
    if not refusals and frames and Path(frames[-1].filename).is_relative_to(PACKAGE):
        return ""
    own = [frame for frame in frames if _is_own(Path(frame.filename))]
    if not own:
        return ""
    file = Path(own[-1].filename)
    here = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f" ({here}:{own[-1].lineno})"


def _is_own(file: Path) -> bool:
    """Whether a file is none of this package, of Python or of an installed package."""
    return file.is_file() and not INSTALLED & {*file.parts} and not any(map(file.is_relative_to, LIBRARIES))


def code_sha256(spec: str) -> str:
    """The sha256 of the file that `path/to/file.py:name` names; empty where it is not there."""
    path = Path(spec.rpartition(":")[0]).expanduser()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _run(file: Path) -> ModuleType:
    """The module that the file makes, registered so that its data classes find their own module."""
    found = importlib.util.spec_from_file_location(f"remblai_own_{file.stem}", file)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[module.__name__] = module
    with _importable(file.parent):
        found.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Within it modules of the folder are found, after all others."""
    place = str(folder.absolute())
    sys.path.append(place)
    try:
        yield
    finally:
        sys.path.remove(place)
