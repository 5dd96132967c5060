"""Runs on disk: whole or not there, checked when read, never lost for a new one."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from remblai.runs import checkpoints, contents
from remblai.runs import folder as folder_module
from remblai.runs.checkpoints import AVERAGE, PARTS, STATE, SUMS, WEIGHTS, Checkpoint
from remblai.runs.folder import Run
from remblai.runs.record import read_settings
from remblai.runtime.files import sha256_of


def checkpoint(number: int, average: bool = True) -> Checkpoint:
    weights = {"a": torch.full((3, 2), float(number)), "shared": torch.arange(4.0).expand(2, 4)}
    return Checkpoint(number, weights, {"a": torch.zeros(3, 2)} if average else None, {"best": 0.5, "list": [1, "b"]})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"recipe": "ae"})


def numbers(run: Run) -> list[int]:
    return sorted(int(path.name) for path in run.checkpoints.glob("[0-9]*"))


def loaded(run: Run, which: str = "last") -> int:
    found = run.load(which)
    assert found is not None
    return found.number


def test_a_checkpoint_comes_back_as_it_was(run: Run) -> None:
    for average in (True, False):
        one = checkpoint(3 + average, average)
        run.save(one)
        again = run.load()
        assert again is not None
        assert (again.number, again.state) == (one.number, one.state)
        assert all(torch.equal(again.weights[name], value) for name, value in one.weights.items())
        assert (again.average is not None) == average


def test_equal_states_are_equal_bytes(tmp_path: Path) -> None:
    one, other = (Run.create(tmp_path / name, {}) for name in "ab")
    for each in (one, other):
        each.save(checkpoint(1))
    for name in (WEIGHTS, AVERAGE):
        assert (one.checkpoints / "00000001" / name).read_bytes() == (
            other.checkpoints / "00000001" / name
        ).read_bytes()


def test_a_run_can_be_read_by_whom_the_umask_lets(run: Run, tmp_path: Path) -> None:
    run.save(checkpoint(1))
    plain = tmp_path / "plain"
    plain.write_text("")
    (tmp_path / "folder").mkdir()
    folder = run.checkpoints / "00000001"
    assert folder.stat().st_mode == (tmp_path / "folder").stat().st_mode
    assert {path.stat().st_mode for path in folder.iterdir()} == {plain.stat().st_mode}


def test_the_newest_and_the_best_stay(run: Run) -> None:
    for number in range(1, 7):
        run.save(checkpoint(number), keep=2)
        if number == 2:
            run.mark_best(number)
    assert numbers(run) == [2, 5, 6]
    assert (loaded(run), loaded(run, "best")) == (6, 2)
    run.mark_best(6)
    run.save(checkpoint(7), keep=1)
    assert numbers(run) == [6, 7]


def test_without_a_checkpoint_there_is_none(run: Run) -> None:
    assert run.load() is None
    assert run.pointed("last") is None


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("damage", [flip, cut, empty, Path.unlink])
def test_a_damaged_checkpoint_is_skipped_for_the_one_before(run: Run, part: str, damage: Any) -> None:
    for number in (1, 2):
        run.save(checkpoint(number))
    damage(run.checkpoints / "00000002" / part)
    with pytest.warns(UserWarning, match="00000002 is damaged .*falling back"):
        assert loaded(run) == 1
    damage(run.checkpoints / "00000001" / part)
    with pytest.raises(ValueError, match="every checkpoint is damaged"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run.load()


def test_every_flipped_byte_of_the_state_is_seen(run: Run) -> None:
    run.save(checkpoint(1))
    path = run.checkpoints / "00000001" / STATE
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert checkpoints.damage(path.parent) is not None
    path.write_bytes(whole)
    assert checkpoints.damage(path.parent) is None


def test_a_damaged_best_falls_back(run: Run) -> None:
    for number in (1, 2, 3):
        run.save(checkpoint(number), keep=3)
    run.mark_best(2)
    flip(run.checkpoints / "00000002" / WEIGHTS)
    with pytest.warns(UserWarning, match="damaged"):
        assert loaded(run, "best") == 3


@pytest.mark.parametrize("keep", [1, 2])
def test_what_is_saved_after_a_fall_back_is_the_newest(run: Run, keep: int) -> None:
    for number in (10, 20):
        run.save(checkpoint(number))
    flip(run.checkpoints / "00000020" / WEIGHTS)
    run.save(checkpoint(15), keep)
    assert loaded(run) == 15
    assert numbers(run) == [10, 15][-keep:]


def test_what_a_kill_left_is_cleared(run: Run) -> None:
    run.save(checkpoint(1))
    left = run.checkpoints / ".writing-123"
    left.mkdir()
    (left / WEIGHTS).write_text("half")
    (run.checkpoints / ".last-123").symlink_to("00000001")
    assert loaded(run) == 1
    run.save(checkpoint(2))
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["00000001", "00000002", "last"]


@pytest.mark.parametrize(
    "call",
    ["runs.checkpoints.save", "runs.checkpoints.torch.save", "runs.checkpoints.write_json", "runtime.files.sync"],
)
def test_a_full_disk_while_saving_keeps_the_checkpoint_before(
    run: Run, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    run.save(checkpoint(1))
    before = sorted(path.name for path in run.folder.rglob("*"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"remblai.{call}", full)
    with pytest.raises(OSError, match=r"No space left on device while writing .*what was there before stays"):
        run.save(checkpoint(2))
    monkeypatch.undo()
    assert sorted(path.name for path in run.folder.rglob("*")) == before
    assert loaded(run) == 1


LIMITED = """
import resource, signal, sys, torch
from remblai.runs.checkpoints import Checkpoint
from remblai.runs.folder import Run
from remblai.runs.record import read_settings
from remblai.runtime.files import sha256_of
run = Run.open(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    run.save(Checkpoint(2, {"a": torch.zeros(10_000)}, None, {}))
except OSError as problem:
    sys.exit(str(problem))
"""


def test_a_file_that_cannot_grow_leaves_nothing_half_written(run: Run) -> None:
    run.save(checkpoint(1))
    done = subprocess.run([sys.executable, "-c", LIMITED, str(run.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File too large while writing" in done.stderr
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["00000001", "last"]
    assert loaded(run) == 1


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG])
def test_a_place_that_cannot_be_written_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("remblai.runs.folder.write_json", refuse)
    with pytest.raises(ValueError, match=r"cannot be written .*name another place with --out"):
        Run.create(tmp_path / "run", {})


def test_a_folder_below_a_file_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written"):
        Run.create(tmp_path / "file" / "run", {})


def test_nothing_is_overwritten_silently(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not empty: name another --out, or add --resume or --overwrite"):
        Run.create(run.folder, {})
    other = tmp_path / "letters"
    other.mkdir()
    (other / "dear.txt").write_text("Dear")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"not empty|not a run"):
            Run.create(other, {}, overwrite)
    assert (other / "dear.txt").read_text() == "Dear"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        Run.create(tmp_path / "file", {})
    run.save(checkpoint(1))
    assert Run.create(run.folder, {"recipe": "vae"}, overwrite=True).load() is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no run.json"),
        ("{", "cannot be read"),
        ("[]", "schema"),
        ('{"schema": true}', "schema"),
        ('{"schema": 2}', "another version"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match=words):
        Run.open(tmp_path)


def test_a_log_is_cut_back_and_a_line_cut_short_is_left_out(run: Run) -> None:
    for step in range(1, 6):
        run.log({"step": step})
    with (run.folder / "terms.jsonl").open("a") as file:
        file.write('{"step": 6, "te')
    assert [line["step"] for line in run.terms()] == [1, 2, 3, 4, 5]
    run.cut_terms(3)
    run.log({"step": 4})
    assert [line["step"] for line in run.terms()] == [1, 2, 3, 4]


def test_a_damaged_card_is_refused_by_its_name(run: Run) -> None:
    (run.folder / "metrics.json").write_text("damaged\n")
    with pytest.raises(ValueError, match=r"metrics.json cannot be read"):
        run.metrics()


@pytest.mark.parametrize(
    "damaged",
    [
        b"damaged",
        b'{"step": 2, "te',
        b"\xff\xfe",
        b"2",
        b'{"steq": 2}',
        b'{"step": "2"}',
        b'{"step": 2, "terms": {"a": 1}}',
        b'{"step": 2, "terms": {"a": {"weighted": "1"}}}',
        b'{"step": 2, "validation": {}}',
        b'{"step": 2, "seconds": null}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_of_the_log_is_left_out_with_a_warning(run: Run, damaged: bytes) -> None:
    for step in (1, 3):
        run.log({"step": step, "terms": {"a": {"weighted": 1.0}}})
    first, last = (run.folder / "terms.jsonl").read_bytes().splitlines(keepends=True)
    (run.folder / "terms.jsonl").write_bytes(first + damaged + b"\n" + last)
    with pytest.warns(UserWarning, match=r"terms.jsonl: 1 damaged lines are left out: 2"):
        assert [line["step"] for line in run.terms()] == [1, 3]
    with pytest.warns(UserWarning, match="damaged"):
        run.cut_terms(3)
    assert [line["step"] for line in run.terms()] == [1, 3]


def test_settings_and_metrics_are_kept(run: Run) -> None:
    run.update(status="complete")
    assert Run.open(run.folder).settings == {"schema": 1, "recipe": "ae", "status": "complete"}
    assert run.metrics() is None
    run.write_metrics({"w2": {"value": 1.0}})
    assert json.loads((run.folder / "metrics.json").read_text())["schema"] == 1
    assert run.metrics() == {"w2": {"value": 1.0}}


def test_a_checkpoint_executes_nothing_when_it_is_read(run: Run, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "executed",)

    run.save(checkpoint(1))
    folder = run.checkpoints / "00000001"
    torch.save({"number": 1, "state": Evil()}, folder / STATE)
    sums = json.loads((folder / SUMS).read_text()) | {STATE: sha256_of(folder / STATE)}
    (folder / SUMS).write_text(json.dumps(sums))
    with pytest.raises(ValueError, match="Nothing of it was executed"):
        run.load()
    assert not (tmp_path / "executed").exists()


def test_a_moved_run_is_still_whole(run: Run, tmp_path: Path) -> None:
    run.save(checkpoint(1))
    run.mark_best(1)
    shutil.move(run.folder, tmp_path / "elsewhere")
    again = Run.open(tmp_path / "elsewhere")
    assert (loaded(again), loaded(again, "best")) == (1, 1)


def replacement(run: Run) -> Run:
    """A run that is to replace another, which has a checkpoint, a log and a card."""
    run.save(checkpoint(1))
    run.log({"step": 1})
    run.write_metrics({"w2": {"value": 1.0}})
    (run.folder / "report.html").write_text("old")
    return Run.create(run.folder, {"recipe": "vae"}, overwrite=True)


def test_the_old_run_stays_until_the_new_one_has_a_checkpoint(run: Run) -> None:
    new = replacement(run)
    new.log({"step": 2})
    assert Run.open(run.folder).settings["recipe"] == "ae"
    assert loaded(Run.open(run.folder)) == 1
    new.save(checkpoint(2))
    assert new.folder == run.folder
    again = Run.open(run.folder)
    assert (again.settings["recipe"], loaded(again), numbers(again)) == ("vae", 2, [2])
    assert (again.terms(), again.metrics()) == ([{"step": 2}], None)
    assert sorted(path.name for path in run.folder.iterdir()) == ["checkpoints", "run.json", "terms.jsonl"]


def test_files_of_others_stay_and_are_named(run: Run) -> None:
    new = replacement(run)
    mine = {"thesis", "notes/a.txt", "checkpoints/00000001/mine", "checkpoints/00000300.bak", "samplers/list.txt"}
    for name in mine:
        (run.folder / name).parent.mkdir(exist_ok=True)
        (run.folder / name).write_text("mine")
    with pytest.warns(UserWarning, match=r"files that remblai did not write stay: .*notes/a.txt"):
        new.save(checkpoint(2))
    assert all((run.folder / name).read_text() == "mine" for name in mine)
    assert loaded(Run.open(run.folder)) == 2


@pytest.mark.parametrize(
    "content",
    ["{}", '{"schema": 1, "threads": "many"}', '{"schema": 1, "tool": "other"}', '{"name": "of another tool"}'],
)
def test_what_remblai_did_not_make_is_not_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match="--overwrite replaces runs only"):
        Run.create(tmp_path, {}, overwrite=True)
    assert (tmp_path / "run.json").read_text() == content


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_a_replacement_that_is_killed_is_finished_or_never_was(
    run: Run, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The call number `at` that changes the disk fails, as every later one: the next start finds one whole run."""
    new = replacement(run)
    left = iter(range(at))

    def dies(method: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return method(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("unlink", "rename", "replace", "rmdir"):
            patch.setattr(Path, name, dies(getattr(Path, name)))
        with contextlib.suppress(KeyboardInterrupt):
            new.save(checkpoint(2))
    contents.finish(run.folder)
    again = Run.open(run.folder)
    old = again.settings["recipe"] == "ae"
    assert (loaded(again), (again.metrics() or {}) != {}) == ((1, True) if old else (2, False))
    assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]


def test_a_run_that_is_opened_finishes_a_replacement(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    new = replacement(run)
    with monkeypatch.context() as patch:
        patch.setattr(contents, "finish", lambda _: None)
        new.save(checkpoint(2))
    assert (run.folder / contents.CLEARING).is_dir()
    assert loaded(Run.open(run.folder)) == 2


@pytest.mark.parametrize("name", [".DS_Store", "00000300.bak", "0000030", "abc", "00000001x"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_stray_name_among_the_checkpoints_is_no_checkpoint(run: Run, name: str, kind: str) -> None:
    run.save(checkpoint(1))
    stray = run.checkpoints / name
    stray.mkdir() if kind == "folder" else stray.write_text("mine")
    assert loaded(run) == 1
    run.save(checkpoint(2), keep=1)
    assert (loaded(run), stray.exists()) == (2, True)


@pytest.mark.parametrize("how", ["copies", "texts", "none"])
def test_links_that_a_copy_lost_are_made_again(run: Run, tmp_path: Path, how: str) -> None:
    for number in (1, 2):
        run.save(checkpoint(number))
    run.mark_best(1)
    shutil.copytree(run.folder, tmp_path / "copy", symlinks=how != "copies")
    copy = Run.open(tmp_path / "copy")
    for name in ("last", "best"):
        if how != "copies":
            target = (copy.checkpoints / name).readlink()
            (copy.checkpoints / name).unlink()
            if how == "texts":
                (copy.checkpoints / name).write_text(str(target))
    best = None if how == "none" else copy.checkpoints / "00000001"
    assert copy.pointed("best") == best
    with pytest.warns(UserWarning, match="was not a link: it points at 00000002 again"):
        copy.repair_links()
    assert copy.pointed("last") == copy.checkpoints / "00000002"
    assert copy.pointed("best") == best
    assert (copy.checkpoints / "last").is_symlink()
    copy.save(checkpoint(3))
    assert loaded(copy) == 3


def test_a_copy_without_links_is_replaced_whole(run: Run, tmp_path: Path) -> None:
    run.save(checkpoint(1))
    run.mark_best(1)
    copy = tmp_path / "copy"
    shutil.copytree(run.folder, copy, symlinks=False)
    assert not contents.foreign_files(copy)
    contents.remove(copy)
    assert not copy.exists() or not list(copy.rglob("*"))


def test_a_link_out_of_the_folder_is_not_followed(run: Run, tmp_path: Path) -> None:
    run.save(checkpoint(1))
    (run.checkpoints / "best").symlink_to(tmp_path)
    assert run.pointed("best") is None


@pytest.mark.parametrize("sums", ["{}", "[]", '{"weights.safetensors": "x"}'])
def test_checksums_that_name_too_little_do_not_pass(run: Run, sums: str) -> None:
    run.save(checkpoint(1))
    run.save(checkpoint(2))
    (run.checkpoints / "00000002" / SUMS).write_text(sums)
    with pytest.warns(UserWarning, match="00000002 is damaged"):
        assert loaded(run) == 1


def test_an_average_without_its_checksum_does_not_pass(run: Run) -> None:
    run.save(checkpoint(1))
    path = run.checkpoints / "00000001" / SUMS
    sums = json.loads(path.read_text())
    del sums[AVERAGE]
    path.write_text(json.dumps(sums))
    assert checkpoints.damage(path.parent) is not None


def test_the_log_is_on_the_disk_before_a_checkpoint(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = folder_module.sync
    monkeypatch.setattr(folder_module, "sync", lambda path: (seen.append(path.name), real(path)))
    run.log({"step": 1})
    run.save(checkpoint(1))
    assert seen[0] == "terms.jsonl"


def test_a_folder_that_is_moved_while_training_is_named(run: Run, tmp_path: Path) -> None:
    shutil.move(run.folder, tmp_path / "elsewhere")
    for write in (lambda: run.log({"step": 1}), lambda: run.save(checkpoint(1)), lambda: run.update(status="x")):
        with pytest.raises(OSError, match="no longer there: it was moved or removed"):
            write()
    assert not run.folder.exists()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"data": {}}, "data: expected those of the run, got none"),
        ({"loop": {"steps": "many"}}, 'loop.steps: expected a whole number or null, got "many"'),
        ({"patience": "x"}, "patience: expected a whole number or null"),
        ({"layout": 5}, "layout: expected a word"),
        ({"processes": "x"}, "processes: expected a whole number"),
    ],
)
def test_a_field_of_another_type_is_refused_by_its_name(tmp_path: Path, part: dict[str, Any], words: str) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema": 1, "recipe": "ae"} | part))
    with pytest.raises(ValueError, match=f"run.json: {words}.*restore the file, or train again"):
        Run.open(tmp_path)


def test_a_field_that_is_absent_is_named_with_its_file(run: Run) -> None:
    settings = read_settings(run.folder)
    assert settings.get("precision") is None
    with pytest.raises(ValueError, match=r"run\.json: expected the field precision, got none: restore the file"):
        settings["precision"]
