"""The folder that a training writes to: claimed by one process, replaced or continued, never another's."""

import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.small import last, train

import remblai
from remblai.runs import contents
from remblai.runs.folder import Run
from remblai.runs.start import check_request, started
from remblai.runtime.locks import locked
from remblai.training import Diverged

DIGITS = {"name": "digits", "spec": "digits", "options": {}}
HOW = {"precision": "float32", "compile": False, "graph": False, "processes": 1}
SETTINGS: dict[str, Any] = {"recipe": "ae", "data": DIGITS, "arguments": {}, "loop": {}, "seed": 0} | HOW


def request(**changes: Any) -> None:
    flags = {"overwrite": False, "resume": False} | {k: v for k, v in changes.items() if k in ("overwrite", "resume")}
    counts = {"threads": (None, 1)} | {k: v for k, v in changes.items() if k not in flags}
    check_request(counts, flags, "runs/one")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"overwrite": "no"}, "overwrite: expected True or False, got 'no'"),
        ({"resume": 1}, "resume: expected True or False, got 1"),
        ({"overwrite": True, "resume": True}, "give one of them"),
        ({"keep": (float("nan"), 1)}, "keep: expected a whole number"),
        ({"keep": (0, 1)}, "keep: expected at least 1, got 0"),
        ({"threads": (100_000, 1)}, "threads: expected at most"),
    ],
)
def test_a_request_is_checked(changes: dict[str, Any], words: str) -> None:
    request()
    with pytest.raises(ValueError, match=words):
        request(**changes)


@pytest.mark.parametrize("name", ["overwrite", "resume"])
def test_a_run_to_replace_or_to_continue_is_named(name: str) -> None:
    flags = {"overwrite": False, "resume": False} | {name: True}
    with pytest.raises(ValueError, match=f"{name}: expected out, the folder of the run to"):
        check_request({"threads": (None, 1)}, flags, None)


def holds(folder: Path, ready: Any, done: Any) -> None:
    with locked(folder):
        ready.set()
        done.wait()


def test_a_folder_that_another_process_trains_into_is_refused(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=holds, args=(tmp_path, ready, done))
    other.start()
    ready.wait()
    try:
        with pytest.raises(ValueError, match="is in use"), started(tmp_path, SETTINGS, False, True):
            pass
    finally:
        done.set()
        other.join()
    assert list(tmp_path.iterdir()) == []
    with started(tmp_path, SETTINGS, False, True) as run:
        assert run.folder == tmp_path


def test_a_default_name_is_given_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with started(None, SETTINGS, False, False) as one, started(None, SETTINGS, False, False) as other:
        assert (one.folder, other.folder) == (Path("runs/ae-digits"), Path("runs/ae-digits-2"))


def test_a_folder_made_for_a_run_that_fails_at_once_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(Run, "create", fail)
    with pytest.raises(ValueError, match="no"), started(tmp_path / "run", SETTINGS, False, False):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("resume", [False, True])
def test_a_start_that_fails_before_its_first_checkpoint_leaves_nothing(
    tmp_path: Path, made: bool, resume: bool
) -> None:
    """So that the same command can follow; but for one that diverged, whose log says how."""
    place = tmp_path / "run"
    if made:
        place.mkdir()

    def fail(problem: Exception) -> None:
        with pytest.raises(type(problem)), started(place, SETTINGS, False, resume) as run:
            run.log({"step": 1, "terms": {}})
            (place / "checkpoints").mkdir()  # as a disk that is full leaves it
            raise problem

    fail(ValueError("no"))
    fail(RuntimeError("no"))
    assert list(tmp_path.rglob("*")) == ([place] if made else [])
    fail(Diverged(1, "cost"))
    assert [line["step"] for line in Run.open(place).terms()] == [1]


@pytest.mark.usefixtures("bare")
def test_a_start_that_fails_takes_nothing_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "run", steps=10, schedule="constant")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}

    def fail(*_: object) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("remblai.runs.loop.log_line", fail)
    for options in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(RuntimeError, match="out of luck"):
            train(tmp_path / "run", steps=12, schedule="constant", **options)
        kept = {path: path.read_bytes() for path in before if path.name not in ("run.json", "config.yaml")}
        assert kept.items() <= before.items()
        assert last(tmp_path / "run")
    assert Run.open(tmp_path / "run").settings["status"] == "failed"


@pytest.mark.parametrize("kind", ["file", "broken link"])
def test_what_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "run"
    place.write_text("mine") if kind == "file" else place.symlink_to("nowhere")
    with pytest.raises(ValueError, match="a file or a broken link"), started(place, SETTINGS, True, False):
        pass
    assert place.is_symlink() or place.read_text() == "mine"


@pytest.mark.usefixtures("bare")
def test_overwriting_through_a_link_and_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path / "run")
    before = last(tmp_path / "run")
    (tmp_path / "run/thesis").write_text("mine")
    (tmp_path / "link").symlink_to("run")
    with pytest.warns(UserWarning, match="did not write stay: thesis"):
        train(tmp_path / "link", overwrite=True, seed=1)
    again = last(tmp_path / "run")
    assert again != before
    monkeypatch.chdir(tmp_path / "run")
    with pytest.warns(UserWarning, match="thesis"):
        assert train(Path(), overwrite=True, seed=0).folder == Path()
    assert last(tmp_path / "run") == before
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "run/thesis").read_text() == "mine"
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("bare")
def test_a_replacement_that_diverges_before_its_first_checkpoint_leaves_the_old_run(tmp_path: Path) -> None:
    train(tmp_path / "run")
    before = last(tmp_path / "run")
    with pytest.raises(Diverged) as problem:
        train(tmp_path / "run", "ae", overwrite=True, optimiser="sgd", lr=1e20)
    assert "the run that was to be replaced stays" in problem.value.__notes__[0]
    assert last(tmp_path / "run") == before
    assert Run.open(tmp_path / "run").settings["status"] == "complete"


def test_what_kills_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    with started(tmp_path, SETTINGS, False, False):
        pass
    left = [".terms-abc_1234.jsonl", ".run-abcdefgh.json", ".validation-abcd1234.png", f"{contents.NEW}/run.json"]
    mine = [".thesis-abcd1234.tex", ".run-abc.json", ".hidden", ".terms-abc_1234.png.bak"]
    for name in [*left, *mine]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    contents.finish(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*mine, "config.yaml", "run.json"])


def test_every_file_of_a_run_is_known(tmp_path: Path) -> None:
    """A whole run, with pictures, laws and events: nothing in it is taken for a stranger's."""
    pytest.importorskip("tensorboard")
    train(tmp_path / "run", "ae", evaluate_every=10, tensorboard=True)
    assert contents.foreign_files(tmp_path / "run") == []
    assert {"report.html", "samples.png", "metrics.json"} <= {p.name for p in contents.own_files(tmp_path / "run")}
    contents.remove(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_foreign_files_are_not_taken_for_own_ones(tmp_path: Path) -> None:
    names = ["run.json", "run.json.bak", "samples.png", "samples.txt", "checkpoints/best", "checkpoints/1/state.pt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    strange = {path.relative_to(tmp_path).as_posix() for path in contents.foreign_files(tmp_path)}
    assert strange == {"run.json.bak", "samples.txt", "checkpoints/1/state.pt"}


@pytest.mark.usefixtures("bare")
def test_a_run_without_its_checkpoints_says_that_it_begins_anew(tmp_path: Path) -> None:
    train(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.warns(UserWarning, match="no checkpoint of the training is left: it begins anew"):
        train(tmp_path / "run", resume=True)


@pytest.mark.parametrize("from_run", [5, ["run"]])
def test_what_is_no_run_to_repeat_is_refused(from_run: Any) -> None:
    with pytest.raises(ValueError, match="expected the folder of a run, got"):
        remblai.train(from_run=from_run)
