"""Films: their frames are the sheets, there and back."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from remblai.report import save_film

GREY = (0.2, 0.5, 0.9)


def frames_of(path: Path) -> list[np.ndarray]:
    if path.suffix == ".gif":
        with Image.open(path) as film:
            return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_film_plays_its_sheets_there_and_back(tmp_path: Path, suffix: str) -> None:
    if suffix == ".mp4":
        pytest.importorskip("av")
    path = tmp_path / f"film{suffix}"
    save_film(path, [np.full((2, 1, 9, 9), level) for level in GREY], columns=1)
    frames = frames_of(path)
    middle = [frame[frame.shape[0] // 4, frame.shape[1] // 2].astype(float) for frame in frames]
    assert len(frames) == 4
    for rgb, level in zip(middle, (0.2, 0.5, 0.9, 0.5), strict=True):
        assert rgb == pytest.approx([255 * level] * 3, abs=3)


def test_a_film_of_odd_sides_is_padded(tmp_path: Path) -> None:
    """The pixel format that all players have takes even sides only."""
    pytest.importorskip("av")
    save_film(tmp_path / "film.mp4", [np.zeros((1, 1, 115, 117)), np.ones((1, 1, 115, 117))])
    height, width, _ = frames_of(tmp_path / "film.mp4")[0].shape
    assert height % 2 == width % 2 == 0


def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.gif or \.mp4"):
        save_film(tmp_path / "film.webm", [np.zeros((1, 1, 8, 8))] * 2)
    assert not list(tmp_path.iterdir())


def test_without_its_package_an_mp4_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"remblai\[video\]"):
        save_film(tmp_path / "film.mp4", [np.zeros((1, 1, 8, 8))] * 2)
    assert not list(tmp_path.iterdir())
