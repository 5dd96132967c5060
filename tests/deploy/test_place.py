"""A kill at any moment leaves no export that looks complete and is not, and the command works again."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.small import train

import remblai
from remblai.deploy import folder as module
from remblai.deploy.place import CARD, RECORD, building, check_place
from remblai.runtime.files import sha256_of

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


def killed(work: Callable[[], object], before: int) -> bool:
    """Whether a copy of this process that does the work is killed, at its so-manieth renaming of a file."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        rename, count = Path.replace, 0

        def counted(path: Path, target: Path) -> Path:
            nonlocal count
            count += 1
            if count == before:
                os.kill(os.getpid(), signal.SIGKILL)
            return rename(path, target)

        Path.replace = counted  # type: ignore[method-assign, assignment]  # the copy ends with this block
        work()
    finally:
        os._exit(0)


def is_whole(place: Path) -> bool:
    """Whether the record names files, which must then all be there, as they are in the record."""
    if not (place / RECORD).is_file() or not (files := json.loads((place / RECORD).read_text())["files"]):
        return False
    assert all(sha256_of(place / name) == file["sha256"] for name, file in files.items())
    assert (place / CARD).is_file()
    return True


@pytest.mark.filterwarnings("ignore:.*did not write stay")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_kill_leaves_nothing_that_looks_complete(
    tmp_path: Path, bare: None, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    run, place, version = train(tmp_path / "run", encoder="deterministic", steps=1), tmp_path / "exports" / "out", 0

    def write(made: Path, part: Any, *_: Any) -> dict[str, Any]:
        """Files of a few bytes in the place of networks."""
        names = [f"{part.name}.onnx", f"{part.name}.pt2"]
        for name in names:
            (made / name).write_text(f"{version} {name}")
        away = {"largest": 0.0, "root_mean_square": 0.0, "scale": "", "rows": 1}
        known = {"precision": "float32", "opset": 18, "inputs": {}, "outputs": {}, "difference": away}
        return {name: known | {"sha256": sha256_of(made / name)} for name in names}

    monkeypatch.setattr(module, "_write", write)
    kills = 0
    for before in range(1, 100):
        if overwrite:
            remblai.export(run, place, overwrite=True)
            (place / "notes.txt").write_text("mine")
        version += 1
        if not killed(lambda: remblai.export(run, place, overwrite=overwrite), before):
            assert is_whole(place)
            break
        kills += 1
        assert is_whole(place) <= overwrite, "a new folder is not whole; an earlier export may still be"
        remblai.export(run, place, overwrite=overwrite)  # the same command again
        assert is_whole(place)
        assert (place / "decoder.onnx").read_text().startswith(f"{version} ")
        assert [path.name for path in place.parent.iterdir()] == ["out"], "what a kill left is removed"
        if overwrite:
            assert (place / "notes.txt").read_text() == "mine"
        else:
            for path in place.iterdir():
                path.unlink()
    assert kills > 8, "each renaming of a file is a moment"


def test_folders_in_use_and_of_others_stay(tmp_path: Path) -> None:
    place = tmp_path / "out"
    theirs = tmp_path / ".out-exporting-abcdefgh"
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("mine")
    with building(place) as first, building(place) as second:
        assert first.is_dir() and second.is_dir() and first != second
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == [theirs.name]
    (place / RECORD).parent.mkdir()
    (place / RECORD).write_text(json.dumps({"schema": 1, "files": {}, "unfinished": True}))
    check_place(place, overwrite=False)
    (place / RECORD).write_text(json.dumps({"schema": 1, "files": {}}))
    with pytest.raises(ValueError, match="holds an export already"):
        check_place(place, overwrite=False)
