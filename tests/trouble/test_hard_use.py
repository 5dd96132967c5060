"""Disks that fill up, options without a bound, and names that are no place: one line, and nothing half written.

From an attack on the command line; each of these once ended in a traceback or named no place.
"""

import errno
import os
from pathlib import Path

import pytest
from tests.small import train

from remblai.cli.main import main
from remblai.runtime import files


def _call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.fixture
def run(tmp_path: Path, bare: None) -> Path:
    train(tmp_path / "run")
    return tmp_path / "run"


def test_a_full_disk_is_told_with_the_place_by_every_command_that_writes(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "sync", full)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for words, place in (
        (("report", run), run),
        (("sample", run, "--out", tmp_path / "a.npz"), tmp_path / "a.npz"),
        (("sample", run, "--out", tmp_path / "a.png"), tmp_path / "a.png"),
        (("encode", run, "--data", "digits", "--out", tmp_path / "b.npz"), tmp_path / "b.npz"),
        (("reconstruct", run, "--out", tmp_path / "c.npz"), tmp_path / "c.npz"),
    ):
        code, err = _call(capsys, *words)
        assert (code, err.count("\n")) == (1, 1), err
        assert err.startswith("error: ") and "No space left" in err and str(place) in err
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--threads", "100000"), "threads"),
        (("--accumulate", "1e30"), "accumulate"),
        (("--latent", "1e30"), "latent"),
        (("--device", "meta"), "device"),
        (("--out", "~nouserofthisname/run"), "nouserofthisname"),
        (("--out", "a" * 300), "too long"),
        (("--keep", "nan"), "keep"),
        (("--checkpoint-every", "nan"), "checkpoint"),
    ],
)
def test_options_without_a_bound_are_refused_in_one_line(
    words: tuple[str, str], names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, err = _call(capsys, "train", "wae-mmd", "--data", "digits", "--steps", 2, "--quiet", *words)
    assert (code, err.count("\n")) == (2, 1), err
    assert err.startswith("error: ") and names in err
    assert not list(tmp_path.iterdir()) or not any((tmp_path / "runs").iterdir())


def test_a_folder_in_the_place_of_a_file_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken.npz").mkdir()
    for command in (("sample", run), ("encode", run, "--data", "digits"), ("reconstruct", run)):
        code, err = _call(capsys, *command, "--out", tmp_path / "taken.npz")
        assert code == 2 and "is a folder" in err and err.count("\n") == 1


@pytest.mark.parametrize("part", ["weights.safetensors", "state.pt"])
def test_no_reader_passes_on_unsafe_advice(run: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """torch's error for a damaged file suggests weights_only=False, numpy's allow_pickle=True: both run its code."""
    for path in (run / "checkpoints").glob(f"*/{part}"):
        path.write_bytes(b"\x80\x04cposix\nsystem\n.")
    code, err = _call(capsys, "sample", run, "--out", run.parent / "x.npz")
    assert code in (1, 2) and "weights_only" not in err and "allow_pickle" not in err
    (run.parent / "bad.npy").write_bytes(b"\x80\x04cposix\nsystem\n.")
    code, err = _call(capsys, "encode", run, "--data", run.parent / "bad.npy", "--out", run.parent / "x.npz")
    assert code == 2 and "allow_pickle" not in err and "weights_only" not in err
