"""Files are whole or not there."""

import errno
from pathlib import Path
from typing import Any

import pytest

from remblai.runtime.files import cache_folder, place, sweep, sweep_folders, whole, whole_folder, write_json


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"a": float("nan")})
    with pytest.raises(OSError, match="full"), whole(path) as temporary:
        temporary.write_text("half")
        raise OSError("full")
    assert path.read_text() == '{\n "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    place = tmp_path / "new/folder"
    for content in ("first", "second"):
        with whole_folder(place) as temporary:
            (temporary / content).write_text(content)
            assert temporary.parent == place.parent
        assert [path.read_text() for path in place.iterdir()] == [content]
    with pytest.raises(RuntimeError, match="half"), whole_folder(place) as temporary:
        (temporary / "third").write_text("thi")
        raise RuntimeError("half")
    assert [path.name for path in place.parent.rglob("*")] == ["folder", "second"]


def test_a_folder_that_a_kill_left_is_swept_and_one_that_is_being_written_is_not(tmp_path: Path) -> None:
    left = tmp_path / ".writing-123"
    left.mkdir()
    (left / "half").write_text("")
    with whole_folder(tmp_path / "first") as temporary:
        assert not left.exists()
        with whole_folder(tmp_path / "second"):
            assert temporary.exists()
        sweep_folders(tmp_path)
        assert temporary.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
    sweep_folders(tmp_path / "absent")


def test_the_folder_can_be_read_by_others_as_the_umask_says(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    with whole_folder(tmp_path / "folder"):
        pass
    assert (tmp_path / "folder").stat().st_mode == plain.stat().st_mode


def test_the_file_can_be_read_by_others_as_the_umask_says(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "a.json").stat().st_mode == plain.stat().st_mode


def test_a_temporary_file_that_is_being_written_is_not_swept(tmp_path: Path) -> None:
    with whole(tmp_path / "a.json") as temporary:
        temporary.write_text("1")
        sweep(tmp_path, lambda name: name == "a.json")
        assert temporary.exists()
    assert (tmp_path / "a.json").read_text() == "1"
    left = tmp_path / ".a-abcd1234.json"
    left.write_text("")
    sweep(tmp_path, lambda name: name == "b.json")
    assert left.exists()
    sweep(tmp_path, lambda name: name == "a.json")
    assert not left.exists()


def test_a_full_disk_is_told_with_the_place(tmp_path: Path) -> None:
    for problem in (OSError(errno.ENOSPC, "No space left on device"), OSError("8192 requested and 0 written")):
        match = r"while writing .*a.npy; what was there before stays"
        with pytest.raises(OSError, match=match), whole(tmp_path / "a.npy"):
            raise problem
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("\udcff", "expected a name in UTF-8, got b'\\\\xff'"),
        ("~nouser/x.npz", "no home folder here"),
        ("x" * 300 + ".npz", "File name too long"),
        ("a.txt", "ends in .png or .npz, got 'a.txt'"),
        ("folder.npz", "is a folder"),
    ],
)
def test_a_place_is_checked_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(ValueError, match=words):
        place(name, (".png", ".npz"))


@pytest.mark.parametrize("name", [3, None, b"a.npz"])
def test_what_is_no_path_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="out: expected a path, got"):
        place(name)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it is a folder"), whole(tmp_path):
        pass


def test_a_place_may_be_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place("~/a.npz", (".npz",)) == tmp_path / "a.npz"


def test_the_folder_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder("/x") == Path("/x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "remblai"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "remblai"
