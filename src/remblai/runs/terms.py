"""The lines of `terms.jsonl`: read, checked, appended."""

import json
import warnings
from pathlib import Path
from typing import Any

FILE = "terms.jsonl"


def read(path: Path) -> list[dict[str, Any]]:
    """The logged lines, oldest first. A last line that a kill cut short is left out; a damaged one with a warning."""
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    found, damaged = [], []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if _is_whole(value):
            found.append(value)
        else:
            damaged.append(number)
    if damaged:
        shown = ", ".join(map(str, damaged[:5])) + (" ..." if len(damaged) > 5 else "")
        warnings.warn(f"{path}: {len(damaged)} damaged lines are left out: {shown}", stacklevel=3)
    return found


def append(path: Path, line: dict[str, Any]) -> None:
    """Appends one line.

    Raises:
        OSError: the folder is gone, or the disk is full.
    """
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def text(lines: list[dict[str, Any]]) -> str:
    """The lines as the file has them."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def _is_whole(line: Any) -> bool:
    """Whether a line has its step, and its terms or scores are numbers."""
    if not isinstance(line, dict) or not isinstance(line.get("step"), int) or not _number(line.get("seconds", 0.0)):
        return False
    terms, scores = line.get("terms", {}), line.get("validation", {})
    if not isinstance(terms, dict) or not isinstance(scores, dict):
        return False
    values = [term.get("weighted") if isinstance(term, dict) else None for term in terms.values()]
    scored = "validation" not in line or "energy_distance_squared" in scores
    return scored and all(map(_number, [*values, *scores.values()]))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
