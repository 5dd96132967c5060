"""Runs that move, data that move, and models for new data.

pythae and WAE questions on encoding new data, lucidrains/stylegan2-pytorch #136, #156 and #232 (resume, moved data),
pyraug #8 and BigGAN #28 (names from other libraries).
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from remblai.cli.main import main


def _call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders of pictures, of several sizes each."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, sizes in (("A", [(24, 40), (40, 24), (30, 30)]), ("B", [(50, 40), (40, 54), (31, 30)])):
        (tmp_path / name).mkdir()
        for i in range(24):
            pixels = rng.integers(0, 256, (*sizes[i % 3], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i:02d}.png")
    return tmp_path


@pytest.mark.usefixtures("bare", "folders")
def test_a_runs_own_options_apply_to_new_data(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--size", 16, "--steps", 3, "--evaluate-every", 0, "--quiet")
    assert _call(capsys, "train", "vae", "--data", "./A", *options, "--out", "r")[0] == 0
    assert _call(capsys, "encode", "r", "--data", "./B", "--out", "b.npz") == (0, "b.npz\n", "")
    assert np.load("b.npz")["codes"].shape[0] == 24
    assert _call(capsys, "reconstruct", "r", "--data", "./B", "--out", "again.npz")[0] == 0
    assert _call(capsys, "interpolate", "r", "--data", "./B", "-n", 2, "--out", "walks.npz")[0] == 0
    assert _call(capsys, "encode", "r", "--data", "./B", "--size", 16, "--out", "c.npz")[0] == 0


@pytest.mark.usefixtures("bare")
def test_data_that_moved_is_known_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).random((100, 8, 8))
    np.save("x.npy", images)
    words = ("--quiet", "--checkpoint-every", 5, "--evaluate-every", 0, "--out", "a")
    assert _call(capsys, "train", "gan", "--data", "./x.npy", "--steps", 5, *words)[0] == 0
    Path("sub").mkdir()
    shutil.move("x.npy", "sub/x.npy")
    code, _, err = _call(capsys, "train", "gan", "--data", "sub/x.npy", "--steps", 10, *words, "--resume")
    assert (code, err) == (0, "")
    np.save("sub/x.npy", images * 0.99)
    code, _, err = _call(capsys, "train", "gan", "--data", "sub/x.npy", "--steps", 15, *words, "--resume")
    assert code == 2
    assert "fingerprint" in err


@pytest.mark.usefixtures("bare")
def test_data_that_are_gone_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).random((60, 8, 8)))
    assert (
        _call(
            capsys, "train", "vae", "--data", "./x.npy", "--steps", 3, "--evaluate-every", 0, "--quiet", "--out", "r"
        )[0]
        == 0
    )
    Path("x.npy").unlink()
    code, _, err = _call(capsys, "evaluate", "r")
    assert code == 2
    assert "--data" in err


@pytest.mark.parametrize("name", ["cgan", "cvae", "vqvae", "diffusion"])
def test_a_recipe_that_is_not_here_is_answered_in_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _call(capsys, "train", name, "--data", "digits")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
