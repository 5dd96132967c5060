"""The tutorials, run from top to bottom as a reader does, on small data and for a few steps."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from remblai.cli.main import main

DOCS = Path(__file__).parents[1] / "docs"
PART = re.compile(r"^ {4}remblai (?P<words>[^\n]+)$|^```py\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
DRIFTED = 3
"""The exit code of --fail-on-drift."""


def _photographs() -> None:
    draw = np.random.default_rng(0)
    for name in ("coffee", "tea"):
        Path("photographs", name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(draw.integers(0, 256, (20, 24, 3), np.uint8)).save(f"photographs/{name}/{number}.png")


@pytest.mark.parametrize(
    "page",
    [
        "tutorial-drift.md",
        pytest.param("tutorial-photographs.md", marks=pytest.mark.slow),
        pytest.param("tutorial-table.md", marks=pytest.mark.slow),
    ],
)
def test_the_tutorial_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if page == "tutorial-photographs.md":
        pytest.importorskip("onnxruntime")
        _photographs()
    names: dict[str, object] = {"__name__": "tutorial"}
    for part in PART.finditer((DOCS / page).read_text()):
        if part["code"]:
            exec(compile(part["code"], page, "exec"), names)  # the project's own pages
            continue
        words = re.sub(r"--steps \d+", "--steps 3", part["words"]).replace("--seeds 3", "--seeds 1")
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(words))
        assert ended.value.code == (DRIFTED if "--fail-on-drift" in words else 0), words
