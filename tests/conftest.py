"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
import torch

from remblai.distances.entropic import soft_transforms
from remblai.distances.pairwise import availability, sums
from remblai.distances.pairwise.points import Tile
from remblai.runs import train as train_module

torch.set_num_threads(1)
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton's kernels are tested on the CPU by its interpreter


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs a GPU where there is none."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="no CUDA device here")
    for item in items:
        if item.get_closest_marker("cuda"):
            item.add_marker(skip)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each device that a test runs on: the CPU, and a GPU where there is one (`pytest -m cuda` for that one alone)."""
    return torch.device(request.param)


@pytest.fixture
def real_data() -> Path:
    """The folder of real images, where there is one."""
    folder = Path(os.environ.get("REMBLAI_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no folder of real images; name one in REMBLAI_DATA")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test decodes goes into the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training without the figures and the report at its end, whose tests are elsewhere."""
    monkeypatch.setattr(train_module, "write_report", lambda *_: None)
    monkeypatch.setattr(train_module, "measure", lambda *_: None)


@pytest.fixture
def kernels_on(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """Where Triton's kernels run: a GPU, or the CPU by the interpreter, in small tiles and without the first check."""
    pytest.importorskip("triton")
    for known in ("_verified", "_refused", "_warned"):
        monkeypatch.setattr(availability, known, set())
    if torch.cuda.is_available():
        return torch.device("cuda")
    monkeypatch.setattr(availability, "DEVICES", ["cpu"])
    for module in (soft_transforms, sums):
        monkeypatch.setattr(module, "tile", lambda *_: Tile(16, 16, 16, 4, 2))
        monkeypatch.setattr(module.Configuration, "check", lambda *_: None)
    return torch.device("cpu")


@pytest.fixture
def cuda() -> torch.device:
    """A GPU, for tests that mean nothing elsewhere."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    return torch.device("cuda")
