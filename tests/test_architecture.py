"""The floor plan, read from the imports: they run downward only, without circles, and no module is shadowed."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import remblai

ROOT = Path(remblai.__file__).parent
ROOMS = (
    *("config", "runtime", "features", "costs", "kernels", "networks", "distances", "laws", "discrepancies", "critics"),
    *("statistics", "objectives", "recipes", "training", "data", "metrics", "report", "runs", "deploy"),
    *("estimators", "compare", "populations", "gallery", "explorer", "cli"),
)
"""From the geometry up: a room imports from itself and from those before it."""
LONGEST = 300


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("remblai", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def _imported(name: str, everywhere: bool = True) -> set[str]:
    """The modules of remblai that a module imports, by default also within its functions."""
    nodes = ast.walk(TREES[name]) if everywhere else iter(TREES[name].body)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "remblai"}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "remblai":
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
    return found


def _room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_every_room_has_its_place() -> None:
    assert {_room(name) for name in MODULES} - {"", "__main__"} == set(ROOMS)


@pytest.mark.parametrize("name", [name for name in MODULES if _room(name) in ROOMS])
def test_imports_run_downward(name: str) -> None:
    allowed = ROOMS[: ROOMS.index(_room(name)) + 1]
    upward = {one for one in _imported(name) if _room(one) not in allowed}
    assert not upward


def test_no_circle() -> None:
    graph = {name: _imported(name, everywhere=False) - {name} for name in MODULES if name != "remblai"}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if path.name == "__init__.py"])
def test_no_module_is_shadowed(name: str) -> None:
    """A name that a package binds is the module of that name, or no module has it."""
    inside = {one.rpartition(".")[2] for one in MODULES if one.rpartition(".")[0] == name}
    bound = set()
    for node in TREES[name].body:
        if isinstance(node, ast.ImportFrom) and node.module != name:
            bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
    assert not bound & inside


@pytest.mark.parametrize("name", list(MODULES))
def test_files_are_short(name: str) -> None:
    assert len(MODULES[name].read_text().splitlines()) <= LONGEST


def test_tests_mirror_the_tree() -> None:
    """A test file stands where its module stands; public troubles and fuzz tests have folders of their own."""
    here = Path(__file__).parent
    for path in here.rglob("test_*.py"):
        folder = path.parent.relative_to(here)
        assert (ROOT / folder).is_dir() or folder.name in ("trouble", "fuzz"), path
